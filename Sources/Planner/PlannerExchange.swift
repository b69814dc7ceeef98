package import Evidence
package import Model
package import Redaction
import Seal

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
    package var outcome: PlannerOutcome
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

    static let answerBytesMax = ExchangeRecord.answerBytesMax

    /// Nothing was asked.
    package init(refusing refusal: PlannerRefusal, incident: IncidentID, at now: Timestamp) {
        self.init(incident: incident, started: now)
        outcome = .refused(refusal)
    }

    init(incident: IncidentID, started: Timestamp) {
        self.incident = incident
        self.started = started
        outcome = .refused(.noProvider)
    }

    /// As it is kept, in evidence and elsewhere: a stranger's words escaped.
    package var record: ExchangeRecord {
        var choice: ExchangeRecord.Choice?
        if case .choice(let chosen) = outcome { choice = chosen.record }
        return ExchangeRecord(
            incident: incident, started: started, latencyMilliseconds: latency.wholeMilliseconds, outcome: outcome.code, choice: choice,
            unsure: choice == nil ? unsure?.record : nil, prompt: prompt.map { String(decoding: $0, as: UTF8.self) }, pattern: pattern,
            provider: provider, model: model,
            answeredModel: answeredModel.map { $0.escaped(bytesMax: 100) }, answerDigest: answerDigest,
            answer: answer.map { $0.escaped(bytesMax: Self.answerBytesMax) }, inputTokens: inputTokens, outputTokens: outputTokens,
            cost: min(cost, JSONValue.greatestInteger), isFromCache: isFromCache)
    }
}

extension PlanChoice {
    fileprivate var record: ExchangeRecord.Choice {
        ExchangeRecord.Choice(
            runbook: runbook, parameters: parameters.keys.sorted(), confidencePercent: Int64((confidence * 100).rounded(.down)),
            needsApproval: needsApproval,
            reason: reason.escaped(bytesMax: ExchangeRecord.reasonBytesMax))
    }
}
