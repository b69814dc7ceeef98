import Catalog
import Healing
import Model
import Seal

/// A plan before the gate.
struct ProposedRepair {
    let plan: Plan
    let runbook: RunbookDefinition
    /// Whose limits it has; nil where it is the stand-in's.
    let rule: RuleDefinition?
    let learned: LearningDesk.Carried?
}

enum Proposal {
    case plan(ProposedRepair)
    case person(Code)
    /// The stand-in for L2 has not answered yet.
    case later(Timestamp)
}

/// What a box would do about an incident: as a rule says, and where none does as the stand-in for L2 says.
extension SimulatedWorld {
    /// - Parameter isUnderstoodByL2: nil where the stand-in is not asked.
    func propose(
        _ incident: Incident, on check: Int, by rules: RuleSet, isUnderstoodByL2: Bool?, digests: [RunbookID: Digest], at now: Timestamp,
        random: inout some RandomNumberGenerator
    ) -> Proposal {
        var decision = decide(incident, on: check, by: rules, at: now)
        var tier = Tier.l1
        if case .noRule = decision, let isUnderstoodByL2 {
            guard now >= incident.opened + Self.modelTakes else { return .later(incident.opened + Self.modelTakes) }
            guard isUnderstoodByL2 else { return .person("l2.no_remedy") }
            // The stand-in's answer is what a person wrote for this drift.
            decision = decide(incident, on: check, by: whole, at: now)
            tier = .l2
        }
        guard case .run(let rule, let runbookID, let arguments) = decision, let runbook = catalog.runbooks[runbookID],
            let digest = digests[runbookID]
        else {
            return .person(Self.reason(decision))
        }
        let plan = Plan(
            id: PlanID(at: now, random: &random), host: incident.host, check: incident.check, incident: incident.id, order: nil, tier: tier,
            proposer: tier == .l1 ? "rule:\(rule)" : "model:stand-in", runbook: runbookID, runbookDigest: digest, parameters: arguments,
            isDisruptive: runbook.isDisruptive, made: now)
        return .plan(
            ProposedRepair(
                plan: plan, runbook: runbook, rule: tier == .l1 ? rules.definitions[rule] : nil,
                learned: tier == .l1 ? rules.learned[rule] : nil))
    }

    private func decide(_ incident: Incident, on check: Int, by rules: RuleSet, at now: Timestamp) -> Decision {
        rules.index.decide(
            incident, on: rules.index.platforms(SoundHost.platforms), facts: incident.facts, parameters: parameters[check], at: now)
    }

    private static func reason(_ decision: Decision) -> Code {
        switch decision {
        case .escalate: "rule.escalates"
        case .undecided(_, let code): code
        case .noRule: "rule.none"
        case .run: "rule.runbook_missing"
        }
    }
}
