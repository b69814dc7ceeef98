import Database
package import Model

/// Something that Central refused, as it is shown to people.
package struct RecordedRefusal: Hashable, Sendable {
    package let firstAt: Timestamp
    package let lastAt: Timestamp
    package let times: Int64
    /// The appliance, or for enrolment the network address.
    package let source: String
    package let code: Code
    package let sentence: String
    package let sequence: Int64?
    package let site: SiteID?
}

/// What was refused, kept for people: equal refusals of one source are one row that counts.
package struct RefusalStore: Sendable {
    private let database: any SQLDatabase

    init(_ database: any SQLDatabase) { self.database = database }

    /// Newest first.
    package func list(for credential: OperatorCredential, limit: Int) async throws -> [RecordedRefusal] {
        try await database.read { transaction in
            try transaction.query(
                """
                SELECT first_at, last_at, times, source, code, sentence, sequence, site_id
                FROM refusal ORDER BY last_at DESC LIMIT \(limit)
                """
            ).map { row in
                RecordedRefusal(
                    firstAt: try row.instant(0), lastAt: try row.instant(1), times: try row.integer(2), source: try row.text(3),
                    code: try row.parsed(4), sentence: try row.text(5), sequence: try row.integer(6) < 0 ? nil : try row.integer(6),
                    site: try row.optionalText(7).flatMap(SiteID.init))
            }
        }
    }

    /// Inside the transaction of what was refused, so that neither is there without the other.
    static func record(
        source: String, code: Code, sentence: String, sequence: Int64? = nil, digest: Digest? = nil, credential: ApplianceCredential? = nil,
        owner: RefusalOwner? = nil, at now: Timestamp, in transaction: any SQLTransaction
    ) throws {
        let owner = owner ?? credential.map { RefusalOwner(organization: $0.organization, site: $0.site, appliance: $0.appliance) }
        try transaction.execute(
            """
            INSERT INTO refusal (source, code, sequence, digest, sentence, organization_id, site_id, appliance_id, first_at, last_at, times)
            VALUES (\(source), \(code.description), \(sequence ?? -1), \(digest?.bytes ?? []), \(sentence),
                \(owner?.organization.description), \(owner?.site.description), \(owner?.appliance.description),
                \(now.milliseconds), \(now.milliseconds), 1)
            ON CONFLICT (source, code, sequence, digest) DO UPDATE SET times = refusal.times + 1, last_at = excluded.last_at
            """)
    }
}

/// Whose refusal it is, once that is proven by a certificate or a signature.
struct RefusalOwner: Sendable {
    let organization: OrganizationID
    let site: SiteID
    let appliance: ApplianceID
}
