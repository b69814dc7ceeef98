package import Catalog
import Conditions
package import Model
import Seal

/// A rule made from what worked, which the catalog's own lint has passed. Only `init` makes one.
package struct LearnedRule: Hashable, Sendable {
    package let key: PatternKey
    package let definition: RuleDefinition
    /// SHA-256 of the definition's canonical JSON.
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
        guard let runbook = catalog.runbooks[statistics.runbook] else { throw .noRunbook(statistics.runbook) }
        guard let current = catalog.runbookDigests[runbook.id], RemedyID(current) == statistics.remedy else {
            throw .runbookChanged(runbook.id)
        }
        guard !runbook.needsApproval else { throw .needsApproval(runbook.id) }
        guard statistics.varying.isEmpty else { throw .parametersVary(statistics.varying.sorted()) }
        if let atom = pattern.atoms.first(where: { $0.state == .unknown }) { throw .factUnknown(atom.text) }
        let conditions = pattern.atoms.map { $0.state == .holds ? $0.condition : .not($0.condition) }
        key = PatternKey(pattern.signature, statistics.remedy)
        let signature = pattern.signature.digest.description.prefix(16)
        let remedy = statistics.remedy.digest.description.prefix(8)
        definition = RuleDefinition(
            // Hexadecimal digits and dashes: always a name.
            id: RuleID("LRN-\(signature)-\(remedy)")!, title: "Learned: \(runbook.id) for \(pattern.code) on \(pattern.platform)",
            priority: Self.priority, check: pattern.check, codes: [pattern.code], platforms: [pattern.platform],
            condition: conditions.isEmpty ? nil : .all(conditions), runbook: runbook.id,
            parameters: statistics.parameters.mapValues { .literal($0) }, cooldown: .seconds(600), attemptsMax: 1)
        do throws(CatalogPackError) {
            _ = try CatalogPack.adding([definition], to: pack, version: catalog.version + 1)
        } catch { throw .lint(error.message) }
        // It went through a pack a moment ago.
        digest = Digest(of: try! definition.json.canonicalBytes())
    }

    /// Whether the rule would have fired: for a shadow's comparison. Unknown is no.
    package func wouldFire(code: Code, platforms: [String], facts: Facts, parameters: [String: TypedValue], at now: Timestamp) -> Bool {
        guard definition.codes.contains(code), definition.platforms.contains(where: platforms.contains) else { return false }
        return definition.condition.map { $0.evaluate(facts, parameters: parameters, at: now) == .holds } ?? true
    }
}

/// Why no rule was made of a pattern that passed the gate. Nothing changed: L2 and L3 go on.
package enum LearnedRuleRefusal: Error, Hashable, Sendable {
    case noRunbook(RunbookID)
    case runbookChanged(RunbookID)
    case needsApproval(RunbookID)
    case parametersVary([String])
    case factUnknown(String)
    case lint(String)

    package var code: Code {
        switch self {
        case .noRunbook: "learned.no_runbook"
        case .runbookChanged: "learned.runbook_changed"
        case .needsApproval: "learned.needs_approval"
        case .parametersVary: "learned.parameters_vary"
        case .factUnknown: "learned.fact_unknown"
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
        case .factUnknown(let text): "no rule was made: \(text) could not be decided, and a rule that ignores it would match more."
        case .lint(let reason): "no rule was made: \(reason)"
        }
    }
}
