package import Compliance
import Database
package import Model

/// Changes of what is switched off, as they were made. The newest about a thing, at the site or at one appliance, is what stands.
package enum EnablementTable {
    package struct Entry: Hashable, Sendable {
        /// Of the statement; later changes have a higher one.
        package let logIndex: Int64
        /// nil: all of the site.
        package let appliance: ApplianceID?
        package let kind: EnablementStatement.Kind
        package let subject: String
        package let isEnabled: Bool
        package let by: String
        package let reason: String
        package let changed: Timestamp

        /// Whether it is this check, at this appliance.
        func speaks(of check: CheckID, at appliance: ApplianceID) -> Bool {
            kind == .check && subject == check.description && (self.appliance.map { $0 == appliance } ?? true)
        }

        fileprivate struct Subject: Hashable {
            let appliance: ApplianceID?
            let kind: EnablementStatement.Kind
            let subject: String
        }
        fileprivate var key: Subject { Subject(appliance: appliance, kind: kind, subject: subject) }
    }

    /// All of them, oldest first.
    static func history(of site: SiteID, in transaction: any SQLTransaction) throws -> [Entry] {
        try transaction.query(
            """
            SELECT log_index, appliance_id, kind, subject, is_enabled, person, reason, changed_at FROM enablement
            WHERE site_id = \(site.description) ORDER BY log_index
            """
        ).map { row in
            guard let kind = EnablementStatement.Kind(rawValue: try row.text(2)) else {
                throw DatabaseError.corrupt("something was switched off that is of no known kind")
            }
            return Entry(
                logIndex: try row.integer(0), appliance: try row.optionalText(1).flatMap(ApplianceID.init), kind: kind,
                subject: try row.text(3), isEnabled: try row.integer(4) == 1, by: try row.text(5), reason: try row.text(6),
                changed: try row.instant(7))
        }
    }

    /// What is off, in the order in which it was switched off.
    /// - Parameter instant: when; nil: now.
    static func standing(at site: SiteID, asOf instant: Timestamp? = nil, in transaction: any SQLTransaction) throws -> [Entry] {
        let changes = try history(of: site, in: transaction).filter { change in instant.map { change.changed <= $0 } ?? true }
        let newest = Dictionary(changes.map { ($0.key, $0) }, uniquingKeysWith: { $1 })
        return newest.values.filter { !$0.isEnabled }.sorted { $0.logIndex < $1.logIndex }
    }

    static func add(_ statement: EnablementStatement, logIndex: Int64, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO enablement (log_index, site_id, appliance_id, kind, subject, is_enabled, person, reason, changed_at)
            VALUES (\(logIndex), \(statement.site.description), \(statement.appliance?.description), \(statement.kind.rawValue),
                \(statement.id), \(statement.isEnabled), \(statement.by), \(statement.reason), \(statement.issued.milliseconds))
            """)
    }
}
