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

/// How many refusals are kept. Who is refused chooses what he is refused for: without limits he would fill the disk.
package struct RefusalLimits: Sendable {
    /// Rows of one appliance.
    package var rowsPerAppliance = 200
    /// Rows of all senders together whose name was not proven: addresses are theirs to choose.
    package var rowsOfOthers = 2_000
    /// After this long without a repetition a row is dropped when its appliance is next refused; a year's audit has them all.
    package var age: Duration = .seconds(400 * 86_400)

    package init() {}
}

/// What was refused, kept for people: equal refusals of one source are one row that counts.
package struct RefusalStore: Sendable {
    /// Of the row that counts, for each appliance and for all others together, what is no longer kept.
    package static let dropped: Code = "refusal.dropped"

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
    /// - Parameter times: how many equal refusals this stands for.
    static func record(
        source: String, code: Code, sentence: String, sequence: Int64? = nil, digest: Digest? = nil, credential: ApplianceCredential? = nil,
        owner: RefusalOwner? = nil, times: Int64 = 1, at now: Timestamp, limits: RefusalLimits = RefusalLimits(),
        in transaction: any SQLTransaction
    ) throws {
        let owner = owner ?? credential.map { RefusalOwner(organization: $0.organization, site: $0.site, appliance: $0.appliance) }
        try put(source, code, sentence, sequence ?? -1, digest?.bytes ?? [], owner, times: times, from: now, to: now, in: transaction)
        try trim(owner, at: now, limits, in: transaction)
    }

    private static func put(
        _ source: String, _ code: Code, _ sentence: String, _ sequence: Int64, _ digest: [UInt8], _ owner: RefusalOwner?, times: Int64,
        from first: Timestamp, to last: Timestamp, in transaction: any SQLTransaction
    ) throws {
        try transaction.execute(
            """
            INSERT INTO refusal (source, code, sequence, digest, sentence, organization_id, site_id, appliance_id, first_at, last_at, times)
            VALUES (\(source), \(code.description), \(sequence), \(digest), \(sentence),
                \(owner?.organization.description), \(owner?.site.description), \(owner?.appliance.description),
                \(first.milliseconds), \(last.milliseconds), \(times))
            ON CONFLICT (source, code, sequence, digest) DO UPDATE SET times = refusal.times + excluded.times, last_at = excluded.last_at
            """)
    }

    /// Drops the oldest beyond the limits, of this owner only, and adds them to the row that counts them.
    private static func trim(
        _ owner: RefusalOwner?, at now: Timestamp, _ limits: RefusalLimits, in transaction: any SQLTransaction
    ) throws {
        let kept = owner == nil ? limits.rowsOfOthers : limits.rowsPerAppliance
        let cutoff = (now - limits.age).milliseconds
        var victims: [Row]
        // Two texts, so that each reads only its part of the index.
        if let appliance = owner?.appliance.description {
            victims = try transaction.query(
                """
                SELECT source, code, sequence, digest, times, first_at FROM refusal WHERE appliance_id = \(appliance)
                    AND code <> \(dropped.description) ORDER BY last_at DESC, sequence DESC LIMIT 1000 OFFSET \(kept)
                """)
            victims += try transaction.query(
                """
                SELECT source, code, sequence, digest, times, first_at FROM refusal WHERE appliance_id = \(appliance)
                    AND code <> \(dropped.description) AND last_at < \(cutoff) LIMIT 1000
                """)
        } else {
            victims = try transaction.query(
                """
                SELECT source, code, sequence, digest, times, first_at FROM refusal WHERE appliance_id IS NULL
                    AND code <> \(dropped.description) ORDER BY last_at DESC, sequence DESC LIMIT 1000 OFFSET \(kept)
                """)
            victims += try transaction.query(
                """
                SELECT source, code, sequence, digest, times, first_at FROM refusal WHERE appliance_id IS NULL
                    AND code <> \(dropped.description) AND last_at < \(cutoff) LIMIT 1000
                """)
        }
        var (times, oldest) = (Int64(0), now)
        for row in victims {
            // One that is too old and too many at once stands in both lists.
            let removed = try transaction.execute(
                """
                DELETE FROM refusal WHERE source = \(try row.text(0)) AND code = \(try row.text(1)) AND sequence = \(try row.integer(2))
                    AND digest = \(try row.blob(3))
                """)
            guard removed == 1 else { continue }
            times += try row.integer(4)
            oldest = min(oldest, try row.instant(5))
        }
        guard times > 0 else { return }
        try put(
            owner?.appliance.description ?? "others", dropped, "so many more refusals were recorded here and are no longer kept one by one",
            -1, [], owner, times: times, from: oldest, to: now, in: transaction)
    }
}

/// Whose refusal it is, once that is proven by a certificate or a signature.
struct RefusalOwner: Sendable {
    let organization: OrganizationID
    let site: SiteID
    let appliance: ApplianceID
}
