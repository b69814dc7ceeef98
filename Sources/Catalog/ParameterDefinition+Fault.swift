import Conditions
package import Model

extension ParameterDefinition {
    /// Why `value` may not be given for this parameter; nil when it may. The sentence completes "the value …" and quotes nothing.
    package func fault(of value: TypedValue) -> String? {
        guard value.type == type else { return "is of type \(value.type.rawValue), taken is \(type.rawValue)" }
        switch value {
        case .integer(let number):
            if let minimum, number < minimum { return "is below \(minimum)" }
            if let maximum, number > maximum { return "is above \(maximum)" }
        case .string(let text): return fault(ofText: text)
        case .strings(let texts):
            for text in texts {
                if let fault = fault(ofText: text) { return "has an element that " + fault }
            }
        case .boolean, .instant, .version: break
        }
        return nil
    }

    private func fault(ofText text: String) -> String? {
        if let allowed, !allowed.contains(text) { return "is not one of " + allowed.joined(separator: ", ") }
        guard let pattern else { return nil }
        // A pattern that does not compile takes nothing: the loader refuses it before.
        guard let compiledPattern, compiledPattern.matches(text) else { return "does not match \(pattern)" }
        return nil
    }
}
