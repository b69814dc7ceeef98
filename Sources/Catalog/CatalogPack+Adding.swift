import Documents
import Model
import Seal

extension CatalogPack {
    /// An unsigned pack with further rules, linted as a whole: as if their YAML had stood in the folder.
    ///
    /// - Parameters:
    ///   - pack: canonical bytes of a pack; it is read against the facts and verbs that it carries itself.
    ///   - version: above the pack's own.
    package static func adding(
        _ rules: [RuleDefinition], to pack: [UInt8], version: Int64
    ) throws(CatalogPackError) -> [UInt8] {
        let value: JSONValue
        do throws(JSONError) { value = try JSONValue(parsing: pack, limits: limits) } catch { throw .notJSON(error) }
        guard case .object(var members) = value else { throw .wrongSchema }
        let before = members["version"]?.integer ?? 0
        guard version > before else { throw .notNewer(version, inUse: before) }
        members["version"] = .integer(version)
        let all = (members["rules"]?.array ?? []) + rules.map(\.json)
        members["rules"] = .array(all.sorted { ($0["id"]?.string ?? "") < ($1["id"]?.string ?? "") })
        let bytes: [UInt8]
        do throws(JSONError) { bytes = try JSONValue.object(members).canonicalBytes() } catch { throw .notJSON(error) }
        try lint(try decode(bytes, schema: nil))
        return bytes
    }

    private static func lint(_ catalog: CompiledCatalog) throws(CatalogPackError) {
        let log = DiagnosticLog()
        var lint = CatalogLint(log: log)
        for check in catalog.checks.values {
            lint.add(check, id: check.id.description, file: check.id.description, Node(compiled: check.id.description))
        }
        for rule in catalog.rules {
            lint.add(rule, id: rule.id.description, file: rule.id.description, Node(compiled: rule.id.description))
        }
        lint.finish()
        do throws(Diagnostics) { try log.throwIfErrors() } catch { throw .refused(error) }
    }
}
