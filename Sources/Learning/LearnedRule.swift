package import Catalog
import Conditions
package import Model
package import Seal

/// A rule made from what worked, which the catalog's own lint has passed. Only `init` makes one; what was kept of one is read again.
package struct LearnedRule: Hashable, Sendable {
    package let key: PatternKey
    package let id: RuleID
    package let check: CheckID
    package let code: Code
    package let platform: String
    package let runbook: RunbookID
    package let parameters: [String: TypedValue]
    /// `RuleDefinition.json`: what a catalog, and an appliance, reads.
    package let json: JSONValue
    /// SHA-256 of the canonical form of `json`.
    package let digest: Digest

    /// Written by hand is before learned; a person's rule for the same drift is tried first.
    package static let priority = 500

    /// - Parameters:
    ///   - pattern: of the incidents that `statistics` counts.
    ///   - catalog: `pack`, opened.
    ///   - pack: the canonical bytes of the catalog in use, into which the rule must fit.
    package init(
        _ pattern: IncidentPattern, _ statistics: RemedyStatistics, in catalog: CompiledCatalog, pack: [UInt8]
    ) throws(LearnedRuleRefusal) {
        let runbook = try Self.runbook(statistics.runbook, statistics.remedy, in: catalog)
        guard statistics.varying.isEmpty else { throw .parametersVary(statistics.varying.sorted()) }
        let scrubbed = statistics.parameters.filter { $0.value.texts.contains(where: Self.holdsPseudonym) }.keys.sorted()
        guard scrubbed.isEmpty else { throw .scrubbed(scrubbed) }
        if let atom = pattern.atoms.first(where: { $0.state == .unknown }) { throw .factUnknown(atom.text) }
        let conditions = pattern.atoms.map { $0.state == .holds ? $0.condition : .not($0.condition) }
        key = PatternKey(pattern.signature, statistics.remedy)
        (check, code, platform) = (pattern.check, pattern.code, pattern.platform)
        (self.runbook, parameters, id) = (runbook.id, statistics.parameters, key.name)
        let definition = RuleDefinition(
            id: id, title: "Learned: \(runbook.id) for \(pattern.code) on \(pattern.platform)",
            priority: Self.priority, check: pattern.check, codes: [pattern.code], platforms: [pattern.platform],
            condition: conditions.isEmpty ? nil : .all(conditions), runbook: runbook.id,
            parameters: statistics.parameters.mapValues { .literal($0) }, cooldown: .seconds(600), attemptsMax: 1)
        do throws(CatalogPackError) {
            _ = try CatalogPack.adding([definition], to: pack, version: catalog.version + 1)
        } catch { throw .lint(error.message) }
        json = definition.json
        // It went through a pack a moment ago.
        digest = Digest(of: try! json.canonicalBytes())
    }

    /// What speaks against the rule under another catalog than the one that it was made for; nil where nothing does.
    ///
    /// That it fits among the other rules an appliance looks at, which leaves out what does not.
    package func fault(in catalog: CompiledCatalog) -> LearnedRuleRefusal? {
        do throws(LearnedRuleRefusal) {
            _ = try Self.runbook(runbook, key.remedy, in: catalog)
            return nil
        } catch { return error }
    }

    /// Whether the scrubber of evidence has put something in the place of what was there: `[kind:letters]`. On a host that is no value.
    private static func holdsPseudonym(_ text: String) -> Bool {
        text.split(separator: "[").dropFirst().contains { rest in
            guard let end = rest.firstIndex(of: "]"), let colon = rest[..<end].firstIndex(of: ":") else { return false }
            let (kind, letters) = (rest[..<colon], rest[rest.index(after: colon)..<end])
            return !kind.isEmpty && !letters.isEmpty && (kind + letters).utf8.allSatisfy { (97...122).contains($0) || $0 == 95 || $0 == 45 }
        }
    }

    private static func runbook(
        _ id: RunbookID, _ remedy: RemedyID, in catalog: CompiledCatalog
    ) throws(LearnedRuleRefusal) -> RunbookDefinition {
        guard let runbook = catalog.runbooks[id] else { throw .noRunbook(id) }
        guard let current = catalog.runbookDigests[id], RemedyID(current) == remedy else { throw .runbookChanged(id) }
        guard !runbook.needsApproval else { throw .needsApproval(id) }
        return runbook
    }
}

extension LearnedRule {
    /// For the store of who made it.
    package var stored: JSONValue {
        [
            "pattern": .string(key.signature.description), "remedy": .string(key.remedy.digest.description),
            "check": .string(check.description), "code": .string(code.description), "platform": .string(platform),
            "runbook": .string(runbook.description), "parameters": .object(parameters.mapValues(\.json)), "rule": json,
        ]
    }

    package init(stored reader: ObjectReader) throws(FieldError) {
        key = PatternKey(try reader.parsed("pattern"), RemedyID(try reader.digest("remedy")))
        id = key.name
        (check, code) = (try reader.parsed("check"), try reader.parsed("code"))
        platform = try reader.string("platform", bytesMax: 100)
        runbook = try reader.parsed("runbook")
        var parameters: [String: TypedValue] = [:]
        for (name, value) in try reader.object("parameters").all { parameters[name] = try TypedValue(json: value, at: name) }
        self.parameters = parameters
        json = try reader.required("rule")
        do throws(JSONError) { digest = Digest(of: try json.canonicalBytes()) } catch {
            throw .outOfRange("rule", expected: "a rule with a canonical form")
        }
    }
}

/// Why no rule was made of a pattern that passed the gate. Nothing changed: L2 and L3 go on.
package enum LearnedRuleRefusal: Error, Hashable, Sendable {
    case noRunbook(RunbookID)
    case runbookChanged(RunbookID)
    case needsApproval(RunbookID)
    case parametersVary([String])
    /// Evidence does not say what the value was.
    case scrubbed([String])
    case factUnknown(String)
    /// The catalog's check does not ask any more what it asked when the pattern was made.
    case checkChanged(PatternSignature)
    case lint(String)

    package var code: Code {
        switch self {
        case .noRunbook: "learned.no_runbook"
        case .runbookChanged: "learned.runbook_changed"
        case .needsApproval: "learned.needs_approval"
        case .parametersVary: "learned.parameters_vary"
        case .scrubbed: "learned.scrubbed"
        case .factUnknown: "learned.fact_unknown"
        case .checkChanged: "learned.check_changed"
        case .lint: "learned.lint"
        }
    }

    package var message: String {
        switch self {
        case .noRunbook(let id): "no rule was made: the catalog has no runbook \(id) any more."
        case .runbookChanged(let id): "no rule was made: runbook \(id) is not what it was when it worked; it has to show itself again."
        case .needsApproval(let id): "no rule was made: runbook \(id) needs a person's approval each time."
        case .parametersVary(let names):
            "no rule was made: \(names.joined(separator: ", ")) had different values where it worked; write the rule by hand."
        case .scrubbed(let names):
            "no rule was made: what may say who a patient is was taken out of \(names.joined(separator: ", ")); write the rule by hand."
        case .factUnknown(let text): "no rule was made: \(text) could not be decided, and a rule that ignores it would match more."
        case .checkChanged(let signature): "no rule was made: the catalog's check does not ask any more what makes up \(signature)."
        case .lint(let reason): "no rule was made: \(reason)"
        }
    }
}

extension TypedValue {
    fileprivate var texts: [String] {
        switch self {
        case .string(let text): [text]
        case .strings(let texts): texts
        case .boolean, .integer, .instant, .version: []
        }
    }
}
