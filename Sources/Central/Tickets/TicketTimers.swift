import Database
import Model

/// Says once for each opening that nobody answered, that it goes to the next level, and that it was not solved in time.
struct TicketTimers: Sendable {
    /// A ticket that nobody resolves goes up three times; after that it is as high as it gets.
    static let levelMax: Int64 = 4

    let database: any SQLDatabase
    let channels: [NotificationChannel]
    let now: @Sendable () -> Timestamp

    /// - Returns: how many things were said.
    /// - Throws: `DatabaseError`.
    @discardableResult
    func turn() async throws -> Int {
        let now = now()
        var said = 0
        for incident in try await late(at: now) {
            said += try await database.write { [channels] transaction in
                guard let ticket = try TicketTable.take(incident, in: transaction) else { return 0 }
                return try Self.say(what: ticket, at: now, channels, in: transaction)
            }
        }
        return said
    }

    private func late(at now: Timestamp) async throws -> [IncidentID] {
        try await database.read { transaction in
            try transaction.query(
                """
                SELECT incident_id FROM ticket WHERE state <> 'resolved' AND (
                    (respond_by <= \(now.milliseconds) AND responded_at IS NULL AND response_late = 0)
                    OR (escalate_by <= \(now.milliseconds) AND level < \(Self.levelMax))
                    OR (resolve_by <= \(now.milliseconds) AND resolution_late = 0))
                ORDER BY incident_id
                """
            ).map { try $0.parsed(0) }
        }
    }

    private static func say(
        what ticket: Ticket, at now: Timestamp, _ channels: [NotificationChannel], in transaction: any SQLTransaction
    ) throws -> Int {
        guard ticket.state.isOpen else { return 0 }
        let id = ticket.incident.description
        var said = 0
        func say(_ kind: TicketEvent.Kind, _ text: String = "") throws {
            try TicketTable.add(kind, to: ticket.incident, at: now, text: text, telling: channels, in: transaction)
            said += 1
        }
        if ticket.due.respond <= now, ticket.responded == nil,
            try transaction.execute("UPDATE ticket SET response_late = 1 WHERE incident_id = \(id) AND response_late = 0") == 1
        {
            try say(.responseLate)
        }
        if ticket.due.escalate <= now, ticket.level < levelMax {
            let next = now + ServiceLevel(ticket.priority).escalate
            try transaction.execute(
                "UPDATE ticket SET level = level + 1, escalate_by = \(next.milliseconds) WHERE incident_id = \(id)")
            try say(.escalated, "level \(ticket.level + 1)")
        }
        if ticket.due.resolve <= now,
            try transaction.execute("UPDATE ticket SET resolution_late = 1 WHERE incident_id = \(id) AND resolution_late = 0") == 1
        {
            try say(.resolutionLate)
        }
        return said
    }
}
