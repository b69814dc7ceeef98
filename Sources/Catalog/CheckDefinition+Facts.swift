import Documents
package import Model

extension CheckDefinition {
    /// What is wrong with facts that somebody wrote for this check; nil when they may be its probe's. Completes "the facts …".
    package func fault(of facts: Facts, schema: CatalogSchema) -> String? {
        let types = schema.probes[probe] ?? [:]
        for name in (Array(facts.values.keys) + facts.unknowns.keys).sorted() {
            guard let type = types[name] else {
                let hint = suggestion(for: name.description, in: types.keys.lazy.map(\.description))
                return "name \(name), which probe \(probe) does not produce\(hint)"
            }
            if let value = facts[name], value.type != type {
                return "give \(name) as \(value.type.rawValue); it is of type \(type.rawValue)"
            }
        }
        return nil
    }

    /// The verdict as a person reads it: which fact is missing, where one is.
    package func described(_ verdict: Verdict, of facts: Facts) -> String {
        let missing = verdict == .unknown("facts.missing") ? requires.first { facts[$0] == nil && facts.unknowns[$0] == nil } : nil
        return verdict.word + (verdict.code.map { " \($0)" } ?? "") + (missing.map { " (\($0) is not given)" } ?? "")
    }
}
