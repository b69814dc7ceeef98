import Catalog
import Model
import Redaction
package import Seal

/// One call of a tool, as a provider's answer has it: a stranger's text.
package struct ModelCall: Hashable, Sendable {
    package let tool: String
    package let input: JSONValue

    package init(tool: String, input: JSONValue) {
        self.tool = tool
        self.input = input
    }
}

/// Turns a model's call into a choice of the closed list, or refuses it. Everything is compared with what was offered; nothing is mended.
package enum AnswerReader {
    static let reasonBytesMax = 2_000
    /// Of an input, beside the runbook's parameters. A runbook with a parameter of such a name is not offered.
    static let ownMembers: Set<String> = ["confidence", "reason"]

    /// - Returns: the choice, however unsure; `confidenceMin` is for the caller.
    /// - Throws: `.escalated` for the tool of that name, even with a malformed input: handing over is always allowed.
    package static func choice(_ call: ModelCall, prompt: Prompt, request: PlannerRequest) throws(PlannerRefusal) -> PlanChoice {
        if call.tool == Prompt.escalate { throw .escalated }
        guard let id = prompt.runbooks[call.tool], let runbook = request.catalog.runbooks[id],
            let digest = request.catalog.runbookDigests[id]
        else { throw .unlisted }
        let offers = request.offers.offers.filter { $0.runbook == id }
        guard let members = call.input.object else { throw .malformed("planner.input") }
        let confidence: Double
        switch members["confidence"] {
        case .integer(let number)?: confidence = Double(number)
        case .number(let number)?: confidence = number
        default: throw .malformed("planner.confidence")
        }
        guard confidence >= 0, confidence <= 1 else { throw .malformed("planner.confidence") }
        guard let reason = members["reason"]?.string, reason.utf8.count <= reasonBytesMax else { throw .malformed("planner.reason") }
        let given = members.filter { !Self.ownMembers.contains($0.key) }
        let parameters = try parameters(given, offers, runbook)
        return PlanChoice(
            runbook: id, runbookDigest: digest, parameters: parameters, confidence: confidence,
            needsApproval: runbook.isDisruptive || runbook.needsReboot || runbook.needsApproval,
            reason: request.scrubber.scrub(reason))
    }

    /// All of them from one offer: values of two rules are not mixed.
    private static func parameters(
        _ given: [String: JSONValue], _ offers: [Offer], _ runbook: RunbookDefinition
    ) throws(PlannerRefusal) -> [String: TypedValue] {
        var fault = ""
        for offer in offers {
            var values: [String: TypedValue] = [:]
            var misfit: String?
            for (name, domain) in offer.domains.sorted(by: { $0.key < $1.key }) {
                guard let value = value(given[name], domain), runbook.parameters[name]?.fault(of: value) == nil else {
                    misfit = name
                    break
                }
                values[name] = value
            }
            if misfit == nil {
                let strangers = given.keys.filter { name in
                    guard let domain = offer.domains[name] else { return true }
                    if case .fixed = domain { return true }
                    return false
                }
                if strangers.isEmpty { return values }
                misfit = strangers.filter { runbook.parameters[$0] != nil }.min() ?? ""
            }
            if fault.isEmpty { fault = misfit ?? "" }
        }
        throw .parameter(fault)
    }

    private static func value(_ json: JSONValue?, _ domain: ParameterDomain) -> TypedValue? {
        switch domain {
        case .boolean: return json?.boolean.map { .boolean($0) }
        case .integer(let range): return json?.integer.flatMap { range.contains($0) ? .integer($0) : nil }
        case .fixed(let value): return value
        case .one(let candidates): return candidates.first { $0.label == json?.string }.map { .string($0.value) }
        case .some(let candidates):
            guard let labels = json?.array?.map(\.string), !labels.isEmpty, Set(labels).count == labels.count,
                labels.allSatisfy({ label in candidates.contains { $0.label == label } })
            else { return nil }
            return .strings(candidates.filter { labels.contains($0.label) }.map(\.value))
        }
    }
}
