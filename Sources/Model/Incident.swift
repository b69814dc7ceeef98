/// A drift that is open on one host. At most one is open for a host and check; a changed code updates it.
package struct Incident: Hashable, Sendable {
    package enum State: String, Hashable, Sendable {
        /// Found, nothing tried yet or another try is allowed.
        case open
        /// Waits for its maintenance window.
        case deferred
        /// Handed to a person: no rule, too many attempts, flapping, or a runbook that failed.
        case escalated
        /// The check passed again.
        case resolved
    }

    package let id: IncidentID
    package let host: HostID
    package let check: CheckID
    package var code: Code
    package let severity: Severity
    package var state: State
    package let opened: Timestamp
    package var lastSeen: Timestamp
    package var resolved: Timestamp?
    /// Plans that were admitted and run for this incident, but those that left only a drift that was there besides theirs.
    package var attempts: Int
    /// Facts of the newest observation.
    package var facts: Facts

    package init(
        id: IncidentID, host: HostID, check: CheckID, code: Code, severity: Severity, state: State = .open, opened: Timestamp,
        lastSeen: Timestamp, resolved: Timestamp? = nil, attempts: Int = 0, facts: Facts
    ) {
        self.id = id
        self.host = host
        self.check = check
        self.code = code
        self.severity = severity
        self.state = state
        self.opened = opened
        self.lastSeen = lastSeen
        self.resolved = resolved
        self.attempts = attempts
        self.facts = facts
    }
}
