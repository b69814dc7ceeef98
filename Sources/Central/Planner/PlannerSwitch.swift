import Database
package import Model

/// The kill switch: one for everything and one for each site, each change with who and why, and none forgotten. Asking needs both on.
package struct PlannerSwitch: Sendable {
    private static let reasonBytesMax = 500

    private let database: any SQLDatabase
    private let now: @Sendable () -> Timestamp

    init(_ database: any SQLDatabase, now: @escaping @Sendable () -> Timestamp) {
        self.database = database
        self.now = now
    }

    package struct Change: Hashable, Sendable {
        /// nil: everywhere.
        package let site: SiteID?
        package let isOn: Bool
        package let at: Timestamp
        package let person: String
        package let reason: String
    }

    /// In force at once: also for questions that are under way.
    /// - Throws: `CentralError` where there is no such site or the words are not plain: nothing was changed.
    package func set(_ isOn: Bool, site: SiteID?, by person: String, reason: String) async throws {
        guard (1...200).contains(person.utf8.count), person.isPlain, (1...Self.reasonBytesMax).contains(reason.utf8.count), reason.isPlain
        else { throw CentralError.value("the switch takes a name and a reason of at most \(Self.reasonBytesMax) bytes of plain text") }
        let now = now().milliseconds
        try await database.write { transaction in
            if let site, try transaction.query("SELECT 1 FROM site WHERE id = \(site.description)").isEmpty {
                throw CentralError.notFound("site")
            }
            let number = try transaction.query("SELECT COALESCE(MAX(number), 0) + 1 FROM planner_switch")[0].integer(0)
            try transaction.execute(
                """
                INSERT INTO planner_switch (number, site_id, is_on, at, person, reason)
                VALUES (\(number), \(site?.description), \(isOn), \(now), \(person), \(reason))
                """)
        }
    }

    /// The newest change of each: of everything first, then of sites.
    package func inForce() async throws -> [Change] { try await database.read { try Self.inForce(in: $0) } }

    /// Every change, the newest first.
    package func history(limit: Int = 1_000) async throws -> [Change] {
        try await database.read { transaction in
            try transaction.query(
                "SELECT site_id, is_on, at, person, reason FROM planner_switch ORDER BY number DESC LIMIT \(limit)"
            ).map(Self.change)
        }
    }

    static func isOn(_ site: SiteID, in transaction: any SQLTransaction) throws -> Bool {
        try inForce(in: transaction).allSatisfy { $0.isOn || ($0.site != nil && $0.site != site) }
    }

    private static func inForce(in transaction: any SQLTransaction) throws -> [Change] {
        try transaction.query(
            """
            SELECT site_id, is_on, at, person, reason FROM planner_switch
            WHERE number IN (SELECT MAX(number) FROM planner_switch GROUP BY site_id) ORDER BY site_id IS NOT NULL, site_id
            """
        ).map(change)
    }

    private static func change(_ row: Row) throws -> Change {
        Change(
            site: try row.optionalText(0).flatMap(SiteID.init), isOn: try row.integer(1) == 1, at: try row.instant(2),
            person: try row.text(3), reason: try row.text(4))
    }
}
