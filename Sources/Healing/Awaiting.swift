import Catalog
import Conditions
import Model

// Until Conditions has its evaluator and Catalog its parameter check: nothing is decided, and only exact values pass.

extension Condition {
    func truth(_ facts: Facts, _ parameters: [String: TypedValue], _ now: Timestamp) -> Truth { .unknown("rule.not_evaluated") }
}

extension ParameterDefinition {
    func takes(_ value: TypedValue) -> Bool {
        guard value.type == type, pattern == nil else { return false }
        if case .string(let text) = value, let allowed { return allowed.contains(text) }
        return true
    }
}
