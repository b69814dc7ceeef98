package import Database
package import Model

/// The signed catalog in force, the one before it, and versions that were refused (so that they are not fetched each minute).
package enum CatalogTable {
    package static func active(in transaction: any SQLTransaction) throws -> (version: Int64, envelope: [UInt8])? {
        try transaction.query("SELECT version, envelope FROM catalog_pack WHERE state = 'active'").first.map {
            (try $0.integer(0), try $0.blob(1))
        }
    }

    /// When the pack in force came into force; nil before there is one.
    package static func activeSince(in transaction: any SQLTransaction) throws -> Timestamp? {
        try transaction.query("SELECT stored FROM catalog_pack WHERE state = 'active'").first.map {
            Timestamp(milliseconds: try $0.integer(0))
        }
    }

    package static func isRefused(_ version: Int64, in transaction: any SQLTransaction) throws -> Bool {
        try !transaction.query("SELECT 1 FROM catalog_pack WHERE version = \(version) AND state = 'refused'").isEmpty
    }

    /// The pack in force becomes the previous one; what was previous is forgotten.
    package static func activate(_ version: Int64, _ envelope: [UInt8], at now: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute("DELETE FROM catalog_pack WHERE state = 'previous' OR version = \(version)")
        try transaction.execute("UPDATE catalog_pack SET state = 'previous' WHERE state = 'active'")
        try transaction.execute(
            """
            INSERT INTO catalog_pack (version, envelope, state, stored)
            VALUES (\(version), \(envelope), 'active', \(now.milliseconds))
            """)
    }

    package static func refuse(_ version: Int64, _ code: Code, at now: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO catalog_pack (version, envelope, state, code, stored)
            VALUES (\(version), \([UInt8]()), 'refused', \(code.description), \(now.milliseconds))
            ON CONFLICT (version) DO UPDATE SET code = excluded.code, stored = excluded.stored WHERE catalog_pack.state = 'refused'
            """)
    }
}
