import Database
package import Model

/// What has to be told to whom: written with the event itself, so that no sudden end loses one.
package struct DeliveryTable: Sendable {
    /// A message that could not be delivered for so long is given up, which is an alert.
    static let span: Duration = .seconds(86_400)
    private static let pauseMax: Duration = .seconds(3_600)

    private let database: any SQLDatabase
    private let now: @Sendable () -> Timestamp

    init(_ database: any SQLDatabase, now: @escaping @Sendable () -> Timestamp) {
        self.database = database
        self.now = now
    }

    package struct Entry: Hashable, Sendable {
        package let channel: String
        package let incident: IncidentID
        package let number: Int64
        /// `waiting`, `sent` or `dead`.
        package let state: String
        package let attempts: Int64
        package let made: Timestamp
        package let next: Timestamp?
        package let failure: String?
    }

    static func add(
        _ number: Int64, of ticket: Ticket, to channels: [NotificationChannel], at now: Timestamp, notBefore: Timestamp,
        in transaction: any SQLTransaction
    ) throws {
        try transaction.insert(
            into: "delivery", columns: "channel, incident_id, number, state, attempts, made_at, next_at",
            rows: channels.filter { ticket.priority >= $0.priorityMin }.map {
                [
                    .text($0.name), .text(ticket.incident.description), .integer(number), .text("waiting"), .integer(0),
                    .integer(now.milliseconds), .integer(notBefore.milliseconds),
                ]
            })
    }

    /// What was held back until something else is known is told now.
    static func release(_ incident: IncidentID, at now: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            UPDATE delivery SET next_at = \(now.milliseconds)
            WHERE incident_id = \(incident.description) AND state = 'waiting' AND attempts = 0 AND next_at > \(now.milliseconds)
            """)
    }

    /// Whom something is to be told now.
    func dueChannels() async throws -> [String] {
        let now = now().milliseconds
        return try await database.read { transaction in
            try transaction.query(
                "SELECT DISTINCT channel FROM delivery WHERE state = 'waiting' AND next_at <= \(now) ORDER BY channel"
            ).map { try $0.text(0) }
        }
    }

    /// Those whose time has come, oldest first.
    func due(for channel: String, limit: Int) async throws -> [Entry] {
        let now = now().milliseconds
        return try await database.read { transaction in
            try transaction.query(
                """
                SELECT channel, incident_id, number, state, attempts, made_at, next_at, failure FROM delivery
                WHERE channel = \(channel) AND state = 'waiting' AND next_at <= \(now) ORDER BY made_at, incident_id, number
                LIMIT \(limit)
                """
            ).map(Self.entry)
        }
    }

    /// The newest first.
    package func list(limit: Int = 1_000) async throws -> [Entry] {
        try await database.read { transaction in
            try transaction.query(
                """
                SELECT channel, incident_id, number, state, attempts, made_at, next_at, failure FROM delivery
                ORDER BY made_at DESC, incident_id, number, channel LIMIT \(limit)
                """
            ).map(Self.entry)
        }
    }

    private static func entry(_ row: Row) throws -> Entry {
        Entry(
            channel: try row.text(0), incident: try row.parsed(1), number: try row.integer(2), state: try row.text(3),
            attempts: try row.integer(4), made: try row.instant(5), next: try row.optionalInstant(6), failure: try row.optionalText(7))
    }

    func sent(_ entry: Entry) async throws {
        try await database.write { transaction in
            try transaction.execute(
                """
                UPDATE delivery SET state = 'sent', attempts = attempts + 1, next_at = NULL, failure = NULL
                WHERE channel = \(entry.channel) AND incident_id = \(entry.incident.description) AND number = \(entry.number)
                """)
        }
    }

    /// Later again: 15 seconds, then twice as long each time.
    func failed(_ entry: Entry, _ failure: String) async throws {
        let now = now()
        let isDead = now - entry.made >= Self.span
        let next = isDead ? nil : now + min(Self.pauseMax, .seconds(15 << min(entry.attempts, 10)))
        try await database.write { transaction in
            try transaction.execute(
                """
                UPDATE delivery SET state = \(isDead ? "dead" : "waiting"), attempts = attempts + 1, next_at = \(next?.milliseconds),
                    failure = \(String(failure.prefix(500)))
                WHERE channel = \(entry.channel) AND incident_id = \(entry.incident.description) AND number = \(entry.number)
                """)
        }
    }

    /// Tries once more what was given up.
    /// - Returns: how many.
    package func revive() async throws -> Int {
        let now = now().milliseconds
        return try await database.write { transaction in
            try transaction.execute("UPDATE delivery SET state = 'waiting', made_at = \(now), next_at = \(now) WHERE state = 'dead'")
        }
    }

    static func alerts(in transaction: any SQLTransaction) throws -> [CentralAlert] {
        try transaction.query(
            "SELECT channel, COUNT(*), MIN(made_at) FROM delivery WHERE state = 'dead' GROUP BY channel ORDER BY channel"
        ).map { row in
            let channel = try row.text(0)
            return CentralAlert(
                code: "notification.undelivered", subject: channel, since: try row.instant(2),
                sentence: "\(try row.integer(1)) messages could not be delivered to \(channel) for a day and were given up. See "
                    + "martlet central deliveries; --retry tries them again.")
        }
    }
}
