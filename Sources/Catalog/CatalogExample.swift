package import Documents
import Glibc
package import Model

/// A drift as its author imagines it, and what the catalog shall say of it: `martlet.example/v1`, in `Catalog/examples/<area>/<id>.yaml`.
///
/// Examples stay with their author: they are run before a pack is signed, and no appliance carries them.
package struct CatalogExample: Sendable {
    package static let schema = "martlet.example/v1"
    package static let filesMax = 20_000

    package struct Expected: Hashable, Sendable {
        /// `compliant`, `drift`, `unknown` or `not_applicable`.
        package let verdict: String
        package let code: Code?
        /// nil: no rule may act, and a person gets it. With a rule, `runbook` nil means that it escalates.
        package let rule: RuleID?
        package let runbook: RunbookID?
        /// Texts of the arguments, as YAML writes them; nil: not asked.
        package let arguments: [String: String]?
    }

    package let id: String
    /// Where it says what it expects.
    package let mark: Mark
    package let check: CheckID
    package let platforms: [String]
    package let facts: Facts
    /// Of the check, where this is about a site that has other values than the baseline.
    package let parameters: [String: TypedValue]
    package let expected: Expected

    private enum VerdictWord: String, CaseIterable { case compliant, drift, unknown, notApplicable = "not_applicable" }

    /// Reads all examples of a folder. What is wrong with one is in `log`.
    package static func load(directory: String, catalog: CompiledCatalog, schema: CatalogSchema, log: DiagnosticLog) -> [CatalogExample] {
        var examples: [CatalogExample] = []
        var places: [String: Mark] = [:]
        for path in CatalogLoader.yamlFiles(below: "\(directory)/examples", log: log).sorted().prefix(filesMax) {
            do throws(Diagnostic) {
                let node = try YAMLReader.read(path: path)
                guard let example = CatalogExample(node, catalog: catalog, schema: schema, log: log) else { continue }
                if path.fileName != example.id {
                    log.error(
                        at: node.mark, code: "catalog.file_name",
                        "example \(example.id) stands in a file named \(quoted(path.fileName)).yaml; the two must agree")
                }
                if let first = places.updateValue(node.mark, forKey: example.id) {
                    log.error(at: node.mark, code: "catalog.duplicate_id", "example \(example.id) stands in \(first) already")
                    continue
                }
                examples.append(example)
            } catch { log.add(error) }
        }
        return examples
    }

    private init?(_ node: Node, catalog: CompiledCatalog, schema: CatalogSchema, log: DiagnosticLog) {
        guard var reader = NodeReader(node, kind: "example", log: log) else { return nil }
        let start = log.errorCount
        if let schema = reader.text("schema"), schema != Self.schema {
            log.error(at: node.mark, code: "catalog.schema", "the schema is \(quoted(schema)); here it is \(quoted(Self.schema))")
        }
        let id = reader.text("id", bytesMax: 100)
        let name = reader.name("check", as: CheckID.self)
        let platforms = reader.texts("platforms", default: ["linux"])
        for platform in platforms ?? [] where !PlatformFamily.isKnown(platform) {
            log.error(
                at: node.mark(of: "platforms"), code: "catalog.unknown_platform",
                "there is no platform \(quoted(platform))\(suggestion(for: platform, in: PlatformFamily.known))")
        }
        var facts = Facts()
        if let name, catalog.checks[name] == nil {
            log.error(
                at: node.mark, code: "catalog.unknown_check",
                "there is no check \(name)" + suggestion(for: name.description, in: catalog.checks.keys.lazy.map(\.description)))
        }
        let types = name.flatMap { catalog.checks[$0] }.flatMap { schema.probes[$0.probe] } ?? [:]
        if let values = reader.optional("facts"), var all = NodeReader(values, kind: "facts", log: log) {
            for (key, text, value) in all.all() {
                guard let fact = FactName(text), let type = types[fact] else {
                    if !types.isEmpty {
                        log.error(
                            at: key.mark, code: "example.unknown_fact",
                            "the check's probe has no fact \(quoted(text))"
                                + suggestion(for: text, in: types.keys.lazy.map(\.description)))
                    }
                    continue
                }
                if let value = value.value(text, of: type, log: log) { facts[fact] = value }
            }
        }
        if let unknown = reader.optional("unknown"), var all = NodeReader(unknown, kind: "unknown", log: log) {
            for (key, text, value) in all.all() {
                guard let fact = FactName(text), types[fact] != nil, let code = value.name(text, as: Code.self, log: log) else {
                    log.error(at: key.mark, code: "example.unknown_fact", "the check's probe has no fact \(quoted(text))")
                    continue
                }
                facts.markUnknown(fact, code)
            }
        }
        var parameters: [String: TypedValue] = [:]
        if let values = reader.optional("parameters"), var all = NodeReader(values, kind: "parameters", log: log) {
            let definitions = name.flatMap { catalog.checks[$0]?.parameters } ?? [:]
            for (key, text, value) in all.all() {
                guard let definition = definitions[text] else {
                    log.error(
                        at: key.mark, code: "example.unknown_parameter",
                        "the check has no parameter \(quoted(text))\(suggestion(for: text, in: definitions.keys))")
                    continue
                }
                guard let typed = value.value(text, of: definition.type, log: log) else { continue }
                parameters[text] = typed
                if let fault = definition.fault(of: typed) {
                    log.error(at: value.mark, code: "example.range", "\(text) \(fault)")
                }
            }
        }
        var expected: Expected?
        if let node = reader.required("expect"), var expect = NodeReader(node, kind: "expect", log: log) {
            let verdict = expect.choice("verdict", of: VerdictWord.self)
            let code = expect.optional("code").flatMap { $0.name("code", as: Code.self, log: log) }
            let rule = expect.optional("rule").flatMap { $0.name("rule", as: RuleID.self, log: log) }
            let runbook = expect.optional("runbook").flatMap { $0.name("runbook", as: RunbookID.self, log: log) }
            var arguments: [String: String]?
            if let with = expect.optional("with"), var all = NodeReader(with, kind: "with", log: log) {
                arguments = [:]
                for (_, name, value) in all.all() { arguments?[name] = value.text(name, bytesMax: 4_096, log: log) }
            }
            expect.finish()
            if verdict == .drift, expect.optional("code") == nil {
                log.error(at: node.mark, code: "example.no_code", "an example that expects drift says which code")
            }
            if let verdict {
                expected = Expected(verdict: verdict.rawValue, code: code, rule: rule, runbook: runbook, arguments: arguments)
            }
        }
        reader.finish()
        guard log.errorCount == start, let id, let name, let platforms, let expected else { return nil }
        (self.id, mark, check, self.platforms, self.facts) = (id, node.mark(of: "expect"), name, platforms, facts)
        (self.parameters, self.expected) = (parameters, expected)
    }
}
