import Compliance
import Database
import Evidence
import Model
import Seal

/// Follows bundles that were accepted before there were tables of runs.
struct RunCatchUp: Sendable {
    private static let pageSize = 500

    let database: any SQLDatabase

    /// - Throws: `BundleError` where what is held is not what was received, `DatabaseError`; what was followed until then stays.
    func turn() async throws {
        let behind = try await database.read { transaction in
            try transaction.query(
                """
                SELECT appliance.id FROM appliance LEFT JOIN run_state ON run_state.appliance_id = appliance.id
                WHERE COALESCE(run_state.last_sequence, -1)
                    < COALESCE((SELECT MAX(sequence) FROM evidence WHERE evidence.appliance_id = appliance.id), -1)
                ORDER BY appliance.id
                """
            ).map { row -> ApplianceID in try row.parsed(0) }
        }
        for appliance in behind {
            while try await database.write({ try Self.step(appliance, in: $0) }) {}
        }
    }

    /// - Returns: whether there may be more.
    private static func step(_ appliance: ApplianceID, in transaction: any SQLTransaction) throws -> Bool {
        let last = try RunTable.state(of: appliance, in: transaction).lastSequence
        let page = try entries(of: appliance, after: last, limit: pageSize, in: transaction)
        guard let site = page.site else { return false }
        try RunTable.follow(page.entries, of: appliance, site: site, in: transaction)
        let now = try RunTable.state(of: appliance, in: transaction).lastSequence
        return now > last && page.entries.count == pageSize
    }

    /// Bundles of one appliance, verified again, with the site that they are of.
    static func entries(
        of appliance: ApplianceID, after sequence: Int64, limit: Int, in transaction: any SQLTransaction
    ) throws -> (entries: [ChainEntry], site: SiteID?) {
        let keys = try transaction.query(
            "SELECT evidence_key, enrolled_at, site_id FROM appliance WHERE id = \(appliance.description)"
        ).map { row in
            guard let key = VerifyingKey(bytes: try row.blob(0)) else { throw DatabaseError.corrupt("an evidence key is no key") }
            return (key: EnrolledKey(key: key, validFrom: try row.instant(1), validUntil: nil), site: try row.parsed(2) as SiteID)
        }
        let entries = try transaction.query(
            """
            SELECT bytes, signature, received_at FROM evidence
            WHERE appliance_id = \(appliance.description) AND sequence > \(sequence) AND pruned_at IS NULL
            ORDER BY sequence LIMIT \(limit)
            """
        ).map { row in
            let bundle = SignedBundle(bytes: try row.blob(0), signature: try row.blob(1))
            return ChainEntry(try VerifiedBundle(bundle, keys: keys.map(\.key)), received: try row.instant(2))
        }
        return (entries, keys.first?.site)
    }
}
