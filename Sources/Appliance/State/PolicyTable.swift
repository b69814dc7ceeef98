package import Database
package import Model

/// The site policy in force as it was signed, and documents that were refused (so that they are not fetched each minute).
package enum PolicyTable {
    package static func active(in transaction: any SQLTransaction) throws -> [UInt8]? {
        try transaction.query("SELECT envelope FROM site_policy").first?.blob(0)
    }

    /// In place of the one before.
    package static func activate(_ version: Int64, _ envelope: [UInt8], at now: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO site_policy (only, version, envelope, stored) VALUES (1, \(version), \(envelope), \(now.milliseconds))
            ON CONFLICT (only) DO UPDATE SET version = excluded.version, envelope = excluded.envelope, stored = excluded.stored
            """)
    }

    package static func isRefused(_ digest: Digest, in transaction: any SQLTransaction) throws -> Bool {
        try !transaction.query("SELECT 1 FROM site_policy_refusal WHERE digest = \(digest.bytes)").isEmpty
    }

    package static func refuse(_ digest: Digest, _ code: Code, at now: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO site_policy_refusal (digest, code, refused) VALUES (\(digest.bytes), \(code.description), \(now.milliseconds))
            ON CONFLICT (digest) DO UPDATE SET code = excluded.code, refused = excluded.refused
            """)
    }
}
