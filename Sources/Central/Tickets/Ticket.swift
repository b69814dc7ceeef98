package import Model

/// What a person has to see to: one incident that automation handed over.
package struct Ticket: Hashable, Sendable {
    package enum State: String, Hashable, Sendable, CaseIterable {
        case open
        /// Somebody has said that they look after it.
        case acknowledged
        case resolved
        /// Its check was switched off: nobody has to see to it, and nobody has seen that it passes.
        case switchedOff = "switched-off"

        package var isOpen: Bool { self == .open || self == .acknowledged }
    }

    /// There is one ticket for an incident, and it goes by the incident's id.
    package let incident: IncidentID
    package let site: SiteID
    package let appliance: ApplianceID
    package let host: HostID
    package let check: CheckID
    /// Why automation handed it over, the last time.
    package let code: Code
    package let priority: Severity
    package let state: State
    package let assignee: String?
    /// 1 when it was opened; one more each time nobody resolved it in time.
    package let level: Int64
    /// Of this opening: a ticket that is opened again begins anew.
    package let opened: Timestamp
    package let due: ServiceLevel.Due
    package let responded: Timestamp?
    /// When it was resolved, or its check switched off.
    package let resolved: Timestamp?
}

/// How soon somebody has to answer, how soon it has to be solved, and when it goes to the next level before that.
package struct ServiceLevel: Hashable, Sendable {
    package struct Due: Hashable, Sendable {
        package let respond: Timestamp
        package let escalate: Timestamp
        package let resolve: Timestamp
    }

    package let respond: Duration
    package let escalate: Duration
    package let resolve: Duration

    /// House values that MSPs in this field promise.
    package init(_ priority: Severity) {
        let minutes: (Int, Int, Int) =
            switch priority {
            case .critical: (15, 30, 60)
            case .high: (60, 120, 240)
            case .medium: (240, 360, 480)
            case .low: (480, 720, 1_440)
            }
        respond = .seconds(60 * minutes.0)
        escalate = .seconds(60 * minutes.1)
        resolve = .seconds(60 * minutes.2)
    }

    package func due(from opened: Timestamp) -> Due {
        Due(respond: opened + respond, escalate: opened + escalate, resolve: opened + resolve)
    }
}

/// One thing that happened to an incident, in the order in which Central heard of it. Never changed, never removed.
package struct TicketEvent: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// The appliance tried to repair it: `code` is absent where that succeeded.
        case attempt
        /// The appliance decided not to act, for now.
        case decision
        case opened
        case reopened
        case acknowledged
        case assigned
        case noted
        /// The planner is asked what to do about it.
        case asked = "planner-asked"
        /// What the planner proposes, with a runbook, or the code of its refusal.
        case answered = "planner-answered"
        /// A person's order went out for it.
        case ordered
        case escalated
        case responseLate = "response-late"
        case resolutionLate = "resolution-late"
        /// By a person, or because the check passed again.
        case resolved
        /// By whom and why its check was switched off at the site or its appliance.
        case switchedOff = "switched-off"

        /// What people outside of Central are told.
        package var isTold: Bool {
            switch self {
            case .opened, .reopened, .escalated, .responseLate, .resolutionLate, .resolved, .switchedOff: true
            default: false
            }
        }
    }

    /// From 1, for each incident.
    package let number: Int64
    package let at: Timestamp
    package let kind: Kind
    /// Who did it; nil: the appliance, or time.
    package let person: String?
    /// The bundle in which the appliance says so.
    package let sequence: Int64?
    package let code: Code?
    /// A runbook's or an order's id, the new assignee, or the person's own words.
    package let text: String
}
