package import Model

/// Turns observations into openings, updates and resolutions of incidents. Pure: what is open, what was seen, the
/// severity and the time come in; what changed comes out, to be stored and acted on.
package struct IncidentTracker: Sendable {
    package enum Transition: Hashable, Sendable {
        case opened(Incident)
        /// Still drifting; `code` of the incident may be another than before, and its facts are the newest.
        case updated(Incident, codeChanged: Bool)
        case resolved(Incident)
        /// The check could not look: the incident stays as it is.
        case unseen(Incident, Code)
    }

    private var open: [Key: Incident]

    private struct Key: Hashable {
        let host: HostID
        let check: CheckID
    }

    /// - Parameter incidents: those that are not resolved.
    package init(open incidents: [Incident]) {
        open = Dictionary(
            incidents.filter { $0.state != .resolved }.map { (Key(host: $0.host, check: $0.check), $0) },
            uniquingKeysWith: { first, _ in first })
    }

    /// What is open now, oldest first.
    package var incidents: [Incident] { open.values.sorted { ($0.opened, $0.id) < ($1.opened, $1.id) } }

    /// - Returns: nil where nothing changes: compliance without an incident, or an unknown verdict without one. An
    ///   observation that is older than the incident's newest changes nothing either.
    package mutating func apply(
        _ observation: Observation, severity: Severity, random: inout some RandomNumberGenerator
    ) -> Transition? {
        let key = Key(host: observation.host, check: observation.check)
        let seen = observation.ended
        guard var incident = open[key] else {
            guard case .drift(let code) = observation.verdict else { return nil }
            let incident = Incident(
                id: IncidentID(at: seen, random: &random), host: observation.host, check: observation.check, code: code, severity: severity,
                opened: seen, lastSeen: seen, facts: observation.facts)
            open[key] = incident
            return .opened(incident)
        }
        guard seen >= incident.lastSeen else { return nil }
        switch observation.verdict {
        case .drift(let code):
            let codeChanged = incident.code != code
            incident.code = code
            incident.lastSeen = seen
            incident.facts = observation.facts
            open[key] = incident
            return .updated(incident, codeChanged: codeChanged)
        // Where the check no longer applies there is nothing left to repair.
        case .compliant, .notApplicable:
            incident.state = .resolved
            incident.resolved = seen
            incident.lastSeen = seen
            incident.facts = observation.facts
            open[key] = nil
            return .resolved(incident)
        case .unknown(let code):
            return .unseen(incident, code)
        }
    }
}
