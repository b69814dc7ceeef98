import Conditions
package import Model

extension CheckDefinition {
    /// Judges, and only judges: the same facts, parameters and time give the same verdict, so an auditor can run it again.
    ///
    /// First the facts that are required, then the clauses of "not applicable", then those of drift, each in order. A clause that
    /// could not be decided is remembered: a later one may still be drift, but without one the verdict is unknown, never compliant.
    package func judge(_ facts: Facts, parameters: [String: TypedValue], at now: Timestamp) -> Verdict {
        for name in requires {
            if let code = facts.unknowns[name] { return .unknown(code) }
            guard facts[name] != nil else { return .unknown("facts.missing") }
        }
        var undecided: Code?
        for clause in notApplicable {
            switch clause.condition.evaluate(facts, parameters: parameters, at: now) {
            case .holds: return .notApplicable(clause.code)
            case .fails: continue
            // Whether the check applies at all is open: a drift clause must not accuse a host that it may not be about.
            case .unknown(let code): undecided = undecided ?? code
            }
        }
        if let undecided { return .unknown(undecided) }
        for clause in drift {
            switch clause.condition.evaluate(facts, parameters: parameters, at: now) {
            case .holds: return .drift(clause.code)
            case .fails: continue
            case .unknown(let code): undecided = undecided ?? code
            }
        }
        return undecided.map(Verdict.unknown) ?? .compliant
    }
}
