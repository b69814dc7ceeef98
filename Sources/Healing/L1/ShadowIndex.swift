package import Catalog
package import Model

/// Learned rules that are only compared with what is done: each by itself, since several may speak of one drift. Nothing here acts.
package struct ShadowIndex: Sendable {
    private struct Entry: Sendable {
        let rule: FittedPolicy.LearnedRule
        let index: L1Index
    }

    private var entries: [CheckID: [Entry]] = [:]

    package init(_ rules: [FittedPolicy.LearnedRule]) {
        for rule in rules {
            entries[rule.definition.check, default: []].append(Entry(rule: rule, index: L1Index([rule.definition])))
        }
    }

    /// Those that would have run their runbook for this incident, judged as a rule in force would be. Undecided is no.
    package func wouldFire(
        _ incident: Incident, on platforms: Set<String>, facts: Facts, parameters: [String: TypedValue], at now: Timestamp
    ) -> [FittedPolicy.LearnedRule] {
        (entries[incident.check] ?? []).filter { entry in
            let decision = entry.index.decide(
                incident, on: entry.index.platforms(platforms), facts: facts, parameters: parameters, at: now)
            if case .run = decision { return true }
            return false
        }.map(\.rule)
    }
}
