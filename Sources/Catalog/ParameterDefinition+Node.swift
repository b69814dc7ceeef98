import Conditions
import Documents
import Model

extension ParameterDefinition {
    /// nil where not even its type can be read; any other fault is logged, and the rest kept for what refers to it.
    init?(_ node: Node, name: String, log: DiagnosticLog) {
        guard var reader = NodeReader(node, kind: "parameter \(name)", log: log) else { return nil }
        let start = log.errorCount
        let type = reader.choice("type", of: ValueType.self)
        let summary = reader.text("summary", bytesMax: 500)
        let minimumNode = reader.optional("minimum")
        let maximumNode = reader.optional("maximum")
        let minimum = minimumNode?.integer("minimum", log: log)
        let maximum = maximumNode?.integer("maximum", log: log)
        let allowed = reader.optional("allowed")?.value("allowed", of: .strings, log: log)
        let pattern = reader.optional("pattern")?.text("pattern", log: log)
        let fallback = reader.optional("default")
        reader.finish()
        guard let type else { return nil }
        if type != .integer, minimumNode != nil || maximumNode != nil {
            log.error(at: node.mark, code: "parameter.range", "minimum and maximum are for integers; \(name) is of type \(type.rawValue)")
        }
        if let minimum, let maximum, minimum > maximum {
            log.error(at: node.mark, code: "parameter.range", "minimum \(minimum) is above maximum \(maximum): no value would be taken")
        }
        if type != .string && type != .strings, allowed != nil || pattern != nil {
            log.error(at: node.mark, code: "parameter.range", "allowed and pattern are for texts; \(name) is of type \(type.rawValue)")
        }
        if let pattern {
            do throws(PatternError) { _ = try Pattern(pattern) } catch {
                log.error(at: node.mark, code: "parameter.pattern", "the pattern of \(name) \(error.reason)")
            }
        }
        var allowedTexts: [String]?
        if case .strings(let texts)? = allowed {
            allowedTexts = texts
            if texts.isEmpty { log.error(at: node.mark, code: "parameter.range", "allowed is empty: no value of \(name) would be taken") }
        }
        let value = fallback.flatMap { $0.value("default of \(name)", of: type, log: log) }
        let isGood = log.errorCount == start && summary != nil
        self.init(
            type: type, summary: summary ?? "", default: isGood ? value : nil, minimum: minimum, maximum: maximum, allowed: allowedTexts,
            pattern: pattern)
        if isGood, let value, let fault = fault(of: value) {
            log.error(at: fallback?.mark ?? node.mark, code: "parameter.default", "the default of \(name) \(fault)")
        }
    }
}
