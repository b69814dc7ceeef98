package import Model

/// Why an appliance does not make a plan of a proposal. Each is evidence, and leaves the incident to a person.
package enum ProposalRefusal: Error, Hashable, Sendable {
    case malformed(String)
    /// The order names another host, check or runbook than the proposal in it.
    case mismatch
    /// The incident is over, or not known here.
    case closed
    case otherIncident
    case driftChanged
    /// A catalog or site policy that came into force since has a rule for it.
    case answered
    case expired
    /// The incident had its proposal.
    case repeated
    case notWanted
    case unlisted
    case runbookChanged
    case notOffered

    /// Stable across releases.
    package var code: Code {
        switch self {
        case .malformed: "proposal.malformed"
        case .mismatch: "proposal.mismatch"
        case .closed: "proposal.closed"
        case .otherIncident: "proposal.other_incident"
        case .driftChanged: "proposal.drift_changed"
        case .answered: "proposal.answered"
        case .expired: "proposal.expired"
        case .repeated: "proposal.repeated"
        case .notWanted: "proposal.not_wanted"
        case .unlisted: "proposal.unlisted"
        case .runbookChanged: "proposal.runbook_changed"
        case .notOffered: "proposal.not_offered"
        }
    }

    package var message: String {
        let reason =
            switch self {
            case .malformed(let cause): "it cannot be read: \(cause)"
            case .mismatch: "its order names something else"
            case .closed: "its incident is over, or not known here"
            case .otherIncident: "its incident is of another host or check"
            case .driftChanged: "the drift is another one by now"
            case .answered: "a rule answers its incident by now"
            case .expired: "its time is over"
            case .repeated: "its incident has had a proposal"
            case .notWanted: "this appliance takes none (l2.mode)"
            case .unlisted: "the catalog has no such repair for this check"
            case .runbookChanged: "the runbook has changed since"
            case .notOffered: "this incident does not offer that repair, or not with these parameters"
            }
        return "The proposal was refused: \(reason). Nothing was changed. A person must act."
    }
}
