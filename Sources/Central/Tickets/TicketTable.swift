import Database
import Evidence
import Model
import Seal

/// The tables behind tickets. Every change takes the ticket's row first, so that events are numbered without a gap.
enum TicketTable {
    static let columns: StaticString = """
        incident_id, site_id, appliance_id, host, check_id, code, priority, state, assignee, level, opened_at, respond_by, escalate_by,
        resolve_by, responded_at, resolved_at, switched_off_at
        """

    static func ticket(_ row: Row) throws -> Ticket {
        guard let priority = Severity(rawValue: try row.text(6)), var state = Ticket.State(rawValue: try row.text(7)) else {
            throw DatabaseError.corrupt("a ticket has no state")
        }
        if try row.optionalInstant(16) != nil { state = .switchedOff }
        return Ticket(
            incident: try row.parsed(0), site: try row.parsed(1), appliance: try row.parsed(2), host: try row.parsed(3),
            check: try row.parsed(4), code: try row.parsed(5), priority: priority, state: state, assignee: try row.optionalText(8),
            level: try row.integer(9), opened: try row.instant(10),
            due: ServiceLevel.Due(respond: try row.instant(11), escalate: try row.instant(12), resolve: try row.instant(13)),
            responded: try row.optionalInstant(14), resolved: try row.optionalInstant(15))
    }

    /// The ticket with its row locked until the transaction ends.
    static func take(_ incident: IncidentID, in transaction: any SQLTransaction) throws -> Ticket? {
        try transaction.query(
            """
            UPDATE ticket SET level = level WHERE incident_id = \(incident.description) RETURNING \(raw: columns)
            """
        ).first.map(ticket)
    }

    static func open(_ ticket: Ticket, organization: OrganizationID, in transaction: any SQLTransaction) throws {
        try transaction.insert(
            into: "ticket",
            columns: """
                incident_id, organization_id, site_id, appliance_id, host, check_id, code, priority, state, level, opened_at, respond_by,
                escalate_by, resolve_by
                """,
            rows: [
                [
                    .text(ticket.incident.description), .text(organization.description), .text(ticket.site.description),
                    .text(ticket.appliance.description), .text(ticket.host.description), .text(ticket.check.description),
                    .text(ticket.code.description), .text(ticket.priority.rawValue), .text(ticket.state.rawValue),
                    .integer(ticket.level), .integer(ticket.opened.milliseconds), .integer(ticket.due.respond.milliseconds),
                    .integer(ticket.due.escalate.milliseconds), .integer(ticket.due.resolve.milliseconds),
                ]
            ])
    }

    /// Adds an event, and what has to be told of it.
    /// - Parameter notBefore: when it is told at the earliest; nil: at once.
    static func add(
        _ kind: TicketEvent.Kind, to incident: IncidentID, at now: Timestamp, by person: String? = nil, appliance: ApplianceID? = nil,
        sequence: Int64? = nil, code: Code? = nil, text: String = "", telling channels: [NotificationChannel],
        notBefore: Timestamp? = nil, in transaction: any SQLTransaction
    ) throws {
        let number = try transaction.query(
            "SELECT COALESCE(MAX(number), 0) + 1 FROM incident_event WHERE incident_id = \(incident.description)")[0].integer(0)
        try transaction.execute(
            """
            INSERT INTO incident_event (incident_id, number, at, kind, person, appliance_id, sequence, code, text)
            VALUES (\(incident.description), \(number), \(now.milliseconds), \(kind.rawValue), \(person), \(appliance?.description),
                \(sequence), \(code?.description), \(text))
            """)
        guard kind.isTold, !channels.isEmpty else { return }
        guard let ticket = try take(incident, in: transaction) else { return }
        try DeliveryTable.add(number, of: ticket, to: channels, at: now, notBefore: notBefore ?? now, in: transaction)
    }

    static func events(of incident: IncidentID, in transaction: any SQLTransaction) throws -> [TicketEvent] {
        try transaction.query(
            """
            SELECT number, at, kind, person, sequence, code, text FROM incident_event WHERE incident_id = \(incident.description)
            ORDER BY number
            """
        ).map(event)
    }

    static func event(_ row: Row) throws -> TicketEvent {
        guard let kind = TicketEvent.Kind(rawValue: try row.text(2)) else { throw DatabaseError.corrupt("a ticket's event has no kind") }
        return TicketEvent(
            number: try row.integer(0), at: try row.instant(1), kind: kind, person: try row.optionalText(3),
            sequence: try row.optionalInteger(4), code: try row.optionalText(5).flatMap(Code.init), text: try row.text(6))
    }
}
