import Catalog
import Model

// Until Conditions has its evaluator and Catalog its parameter check: nothing is decided, and only exact values pass.

extension ParameterDefinition {
    func takes(_ value: TypedValue) -> Bool {
        guard value.type == type, pattern == nil else { return false }
        if case .string(let text) = value, let allowed { return allowed.contains(text) }
        return true
    }
}
