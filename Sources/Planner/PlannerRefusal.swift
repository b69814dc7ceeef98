package import Model

/// Why the planner proposes nothing. Each one hands the incident to a person (L3); none changes anything.
package enum PlannerRefusal: Error, Hashable, Sendable {
    case off
    case noProvider
    /// No catalogued runbook for this check and platform whose arguments could be had.
    case nothingToChoose
    case promptTooLarge(bytes: Int)
    case callBudget
    case dollarBudget
    case busy
    case circuitOpen(until: Timestamp)
    case timedOut
    case unreachable
    case cancelled
    case status(Int)
    case oversize
    case malformed(Code)
    case truncated
    /// The model, or the provider's filter, would not answer.
    case declined
    case noChoice
    case severalChoices
    case unlisted
    /// The name is of the catalog's, never the model's.
    case parameter(String)
    case lowConfidence
    /// What was found on the host, or what may be done there, is not at hand.
    case noFacts
    /// The process ended before the answer was written down. It is counted at the most it can have cost, and not asked again.
    case interrupted
    /// That a question is asked could not be written down, so it was not asked.
    case unrecorded
    /// The model chose to hand the incident to a person.
    case escalated

    /// Stable across releases.
    package var code: Code {
        switch self {
        case .off: "planner.off"
        case .noProvider: "planner.no_provider"
        case .nothingToChoose: "planner.nothing_to_choose"
        case .promptTooLarge: "planner.prompt_too_large"
        case .callBudget: "planner.call_budget"
        case .dollarBudget: "planner.dollar_budget"
        case .busy: "planner.busy"
        case .circuitOpen: "planner.circuit_open"
        case .timedOut: "planner.timed_out"
        case .unreachable: "planner.unreachable"
        case .cancelled: "planner.cancelled"
        case .status: "planner.status"
        case .oversize: "planner.oversize"
        case .malformed: "planner.malformed"
        case .truncated: "planner.truncated"
        case .declined: "planner.declined"
        case .noChoice: "planner.no_choice"
        case .severalChoices: "planner.several_choices"
        case .unlisted: "planner.unlisted"
        case .parameter: "planner.parameter"
        case .lowConfidence: "planner.low_confidence"
        case .noFacts: "planner.no_facts"
        case .interrupted: "planner.interrupted"
        case .unrecorded: "planner.unrecorded"
        case .escalated: "planner.escalated"
        }
    }

    /// One line for an operator, without a word of the host's or the model's.
    package var message: String {
        let reason =
            switch self {
            case .off: "the planner is switched off"
            case .noProvider: "no model provider is configured"
            case .nothingToChoose: "the catalog has no runbook that could be offered for this incident"
            case .promptTooLarge(let bytes): "the question would have \(bytes) bytes, at most \(Prompt.bytesMax) are sent"
            case .callBudget: "the site's calls for this hour are used up"
            case .dollarBudget: "the site's money for this day is used up"
            case .busy: "as many questions as are allowed at once are under way"
            case .circuitOpen(let until): "the provider keeps failing and is left alone until \(until)"
            case .timedOut: "the provider gave no whole answer within the deadline"
            case .unreachable: "the provider could not be reached"
            case .cancelled: "the question was called off"
            case .status(let status): "the provider answered with status \(status)"
            case .oversize: "the answer is longer than \(ModelTransport.answerBytesMax) bytes"
            case .malformed(let code): "the answer cannot be read (\(code))"
            case .truncated: "the answer was cut off"
            case .declined: "the model would not answer"
            case .noChoice: "the answer names no choice"
            case .severalChoices: "the answer names more than one choice"
            case .unlisted: "the answer names a repair that was not offered"
            case .parameter(let name): "the answer gives parameter \(name) a value that was not offered"
            case .lowConfidence: "the model is not sure enough"
            case .noFacts: "what was found there, or the catalog that judged it, is not at hand"
            case .interrupted: "the process ended before an answer was written down"
            case .unrecorded: "the question could not be written down before it is asked"
            case .escalated: "the model hands it to a person"
            }
        return "\(reason); nothing was changed. A person must act."
    }

    /// Whether it speaks against the provider, and not against one answer.
    var isProviderFailure: Bool {
        switch self {
        case .timedOut, .unreachable, .status, .oversize, .malformed: true
        default: false
        }
    }
}
