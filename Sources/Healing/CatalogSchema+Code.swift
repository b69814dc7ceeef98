package import Catalog
package import Hosts
import Model

extension CatalogSchema {
    /// What this build can do: its probes' facts and its verbs.
    package static func code(probes: [any Probe] = ProbeRegistry.all, verbs: VerbRegistry = VerbRegistry()) -> CatalogSchema {
        CatalogSchema(
            probes: Dictionary(uniqueKeysWithValues: probes.map { ($0.id, $0.facts) }),
            verbs: Dictionary(uniqueKeysWithValues: verbs.all.map { ($0.name, $0.signature) }),
            refusal: { verb, known in
                do throws(StepError) { try verbs[verb]?.examine(VerbArguments(known)) } catch {
                    return "refuses \"\(error.detail)\" on every host (\(error.code))"
                }
                return nil
            })
    }
}
