import Documents
import Model
import Seal

/// Reads a pack's JSON through the readers of the YAML files.
struct PackReader {
    private let root: JSONElement
    private let digest: Digest
    private let log = DiagnosticLog()

    init(_ root: JSONElement, digest: Digest) {
        self.root = root
        self.digest = digest
    }

    func read(_ given: CatalogSchema?) throws(Diagnostics) -> CompiledCatalog {
        let known: Set<String> = ["schema", "version", "code", "checks", "runbooks", "rules", "baselines"]
        if case .object(let members) = root.content {
            for (key, _) in members where !known.contains(key) {
                log.error(at: mark("pack"), code: "document.unknown_key", "a pack has no key \(quoted(key))")
            }
        }
        guard let version = root["version"]?.value.integer, version > 0 else {
            throw Diagnostics([Diagnostic(at: mark("pack"), code: "pack.version", "version must be a whole number above 0")])
        }
        let recorded = recordedSchema()
        try log.throwIfErrors()
        var reader = CatalogReader(schema: given ?? recorded, log: log)
        for node in entries("checks") { _ = reader.check(node, controls: controls) }
        try log.throwIfErrors()
        var digests: [RunbookID: Digest] = [:]
        for entry in list("runbooks") {
            guard let runbook = reader.runbook(Node(json: entry, at: mark("runbooks"))) else { continue }
            do throws(JSONError) {
                digests[runbook.id] = Digest(of: try entry.value.canonicalBytes())
            } catch {
                // A plan is bound to its runbook by this digest: without one the pack is refused.
                log.error(at: mark("runbooks"), code: "pack.runbook", "runbook \(runbook.id) has no canonical form: \(error.message)")
            }
        }
        try log.throwIfErrors()
        var rules: [RuleDefinition] = []
        for node in entries("rules") { if let rule = reader.rule(node) { rules.append(rule) } }
        var baselines: [String: BaselineDefinition] = [:]
        for node in entries("baselines") { if let baseline = reader.baseline(node) { baselines[baseline.id] = baseline } }
        let counts = [
            ("checks", reader.checks.count), ("runbooks", reader.runbooks.count), ("rules", Set(rules.map(\.id)).count),
            ("baselines", baselines.count),
        ]
        for (key, count) in counts where log.errorCount == 0 && count != root[key]?.items?.count {
            log.error(at: mark(key), code: "catalog.duplicate_id", "two \(key) have one id, or \"\(key)\" is not a list")
        }
        try log.throwIfErrors()
        return CompiledCatalog(
            version: version, digest: digest, checks: reader.checks, rules: RuleDefinition.inOrder(rules),
            runbooks: reader.runbooks, runbookDigests: digests, baselines: baselines)
    }

    private func mark(_ part: String) -> Mark { Mark(file: part, line: 0) }

    private func list(_ key: String) -> [JSONElement] {
        let items = root[key]?.items
        if items == nil || items!.count > CatalogPack.entriesMax {
            log.error(at: mark(key), code: "pack.entries", "\"\(key)\" must be a list of at most \(CatalogPack.entriesMax) entries")
            return []
        }
        return items.map(Array.init) ?? []
    }

    /// Made one by one as they are read: ten thousand rules as nodes at once would take many times the pack.
    private func entries(_ key: String) -> some Sequence<Node> {
        let mark = mark(key)
        return list(key).lazy.map { Node(json: $0, at: mark) }
    }

    private func controls(_ id: CheckID, _ reader: NodeReader) -> [ControlCitation]? {
        var reader = reader
        guard let items = reader.required("controls")?.items("controls", log: log) else { return nil }
        let citations = items.compactMap { item -> ControlCitation? in
            guard case .strings(let parts)? = item.value("control", of: .strings, log: log) else { return nil }
            // One name to every reader of evidence.
            guard parts.count == 3, parts[0].isPrintableASCII, parts[1].isPrintableASCII,
                let confidence = ControlCitation.Confidence(rawValue: parts[2])
            else {
                log.error(at: item.mark, code: "pack.control", "a control of \(id) is not [framework, control, confidence]")
                return nil
            }
            return ControlCitation(framework: parts[0], control: parts[1], confidence: confidence)
        }
        return citations.count == items.count ? citations : nil
    }

    /// The facts and verbs that the pack was compiled against.
    private func recordedSchema() -> CatalogSchema {
        var probes: [ProbeID: [FactName: ValueType]] = [:]
        var verbs: [String: VerbSignature] = [:]
        let code = root["code"]?.value
        for (name, facts) in code?["probes"]?.object ?? [:] {
            guard let id = ProbeID(name) else { return malformed("probe \(quoted(name))") }
            var types: [FactName: ValueType] = [:]
            for (fact, type) in facts.object ?? [:] {
                guard let name = FactName(fact), let type = type.string.flatMap(ValueType.init) else {
                    return malformed("fact \(quoted(fact))")
                }
                types[name] = type
            }
            probes[id] = types
        }
        for (name, verb) in code?["verbs"]?.object ?? [:] {
            guard let required = types(verb["required"]), let optional = types(verb["optional"]) else {
                return malformed("verb \(quoted(name))")
            }
            verbs[name] = VerbSignature(required: required, optional: optional)
        }
        return CatalogSchema(probes: probes, verbs: verbs)
    }

    private func types(_ value: JSONValue?) -> [String: ValueType]? {
        guard let members = value?.object else { return nil }
        let types = members.compactMapValues { $0.string.flatMap(ValueType.init) }
        return types.count == members.count ? types : nil
    }

    private func malformed(_ what: String) -> CatalogSchema {
        log.error(at: mark("code"), code: "pack.code", "\(what) is malformed")
        return CatalogSchema(probes: [:], verbs: [:])
    }
}

extension RuleDefinition {
    /// The order in which rules are tried.
    package static func precedes(_ left: RuleDefinition, _ right: RuleDefinition) -> Bool {
        (left.priority, left.id) < (right.priority, right.id)
    }

    /// Sorted by `precedes`. Moves numbers about and not rules, each of which would cost a dozen reference counts per move.
    package static func inOrder(_ rules: [RuleDefinition]) -> [RuleDefinition] {
        // A pack lists its rules by id; then only the priorities are left to compare.
        let isByID = zip(rules, rules.dropFirst()).allSatisfy { $0.id <= $1.id }
        let places = rules.indices.sorted { left, right in
            let (a, b) = (rules[left].priority, rules[right].priority)
            if a != b || isByID { return (a, left) < (b, right) }
            return (rules[left].id, left) < (rules[right].id, right)
        }
        return places.map { rules[$0] }
    }
}
