package import Model
package import Redaction
package import Seal

package enum PlannerOutcome: Hashable, Sendable {
    case choice(PlanChoice)
    case refused(PlannerRefusal)

    package var code: Code {
        switch self {
        case .choice: "planner.choice"
        case .refused(let refusal): refusal.code
        }
    }
}

/// One question and what became of it, whole: the record for evidence. It holds no text that has not been through the scrubber.
package struct PlannerExchange: Hashable, Sendable {
    package let incident: IncidentID
    package let started: Timestamp
    package internal(set) var latency: Duration = .zero
    package internal(set) var outcome: PlannerOutcome
    /// What was sent, but the provider's envelope; nil where nothing could be asked.
    package internal(set) var prompt: [UInt8]?
    package internal(set) var pattern: Digest?
    /// Name of the configured kind of provider; nil without one.
    package internal(set) var provider: String?
    /// As configured.
    package internal(set) var model: String?
    /// As the answer says.
    package internal(set) var answeredModel: ScrubbedText?
    /// Digest of the answer's body as it came.
    package internal(set) var answerDigest: Digest?
    /// The answer's body, cut at `answerBytesMax`.
    package internal(set) var answer: ScrubbedText?
    package internal(set) var inputTokens: Int64?
    package internal(set) var outputTokens: Int64?
    /// Millionths of a dollar, as charged to the budget.
    package internal(set) var cost: Int64 = 0
    package internal(set) var isFromCache = false
    /// What the model chose where it was not sure enough: for the person who decides.
    package internal(set) var unsure: PlanChoice?

    package static let schema = "martlet.planner-exchange/v1"
    static let answerBytesMax = 4_096

    init(incident: IncidentID, started: Timestamp) {
        self.incident = incident
        self.started = started
        outcome = .refused(.noProvider)
    }

    package var json: JSONValue {
        var members: [String: JSONValue] = [
            "schema": .string(Self.schema), "incident": .string(incident.description), "started": .string(started.description),
            "latencyMilliseconds": .integer(latency.wholeMilliseconds), "outcome": .string(outcome.code.description),
            "costMicrodollars": .integer(min(cost, JSONValue.greatestInteger)), "fromCache": .boolean(isFromCache),
        ]
        members["prompt"] = prompt.map { .string(String(decoding: $0, as: UTF8.self)) }
        members["pattern"] = pattern.map { .string($0.description) }
        members["provider"] = provider.map { .string($0) }
        members["model"] = model.map { .string($0) }
        members["answeredModel"] = answeredModel.map { .string($0.escaped(bytesMax: 100)) }
        members["answerDigest"] = answerDigest.map { .string($0.description) }
        members["answer"] = answer.map { .string($0.escaped(bytesMax: Self.answerBytesMax)) }
        members["inputTokens"] = inputTokens.map { .integer($0) }
        members["outputTokens"] = outputTokens.map { .integer($0) }
        switch outcome {
        case .choice(let choice): members["choice"] = choice.json
        case .refused: members["unsure"] = unsure?.json
        }
        return .object(members)
    }
}

extension PlanChoice {
    /// Without the parameters' values: they are host text, and stand in the plan's own record. The answer has their labels.
    var json: JSONValue {
        [
            "runbook": .string(runbook.description), "parameters": .array(parameters.keys.sorted().map { .string($0) }),
            "confidence": .number(confidence), "needsApproval": .boolean(needsApproval), "reason": .string(reason.escaped(bytesMax: 500)),
        ]
    }
}
