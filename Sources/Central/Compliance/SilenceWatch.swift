import Compliance
import Database
import Logging
import Model
import Seal

/// States the times in which nothing came from appliances. A step decides, states and remembers in one transaction: a sudden end
/// leaves nothing unsaid and nothing said twice.
struct SilenceWatch: Sendable {
    private let database: any SQLDatabase
    private let statements: StatementStore
    private let now: @Sendable () -> Timestamp

    init(_ services: CentralServices) {
        database = services.database
        statements = services.statements
        now = services.clock.now
    }

    /// - Parameters:
    ///   - site: only appliances of this one; nil: all.
    ///   - listening: since when this Central could have heard something; nil: always.
    ///   - isWanted: whether somebody asks now.
    /// - Returns: the appliances about which something was stated.
    /// - Throws: `DatabaseError`.
    @discardableResult
    func turn(site: SiteID? = nil, listening: Timestamp? = nil, isWanted: Bool) async throws -> [ApplianceID] {
        let now = now()
        var stated: [ApplianceID] = []
        for candidate in try await candidates(site: site, now: now) {
            while try await step(candidate, listening: listening ?? Timestamp(milliseconds: 0), isWanted: isWanted, now: now) {
                if stated.last != candidate { stated.append(candidate) }
            }
        }
        return stated
    }

    /// Only those that have not been heard of for long, are revoked, or of which a silence is open.
    private func candidates(site: SiteID?, now: Timestamp) async throws -> [ApplianceID] {
        let limit = (now - Silence.noticedAfter).milliseconds
        return try await database.read { transaction in
            try transaction.query(
                """
                SELECT appliance.id FROM appliance LEFT JOIN silence ON silence.appliance_id = appliance.id
                WHERE (appliance.site_id = \(site?.description) OR \(site == nil) = 1)
                    AND (silence.appliance_id IS NOT NULL OR appliance.revoked_at IS NOT NULL
                        OR (appliance.enrolled_at < \(limit) AND COALESCE(appliance.last_checkin_at, 0) < \(limit)))
                ORDER BY appliance.id
                """
            ).map { try $0.parsed(0) }
        }
    }

    /// - Returns: whether something was done.
    private func step(_ appliance: ApplianceID, listening: Timestamp, isWanted: Bool, now: Timestamp) async throws -> Bool {
        // Nearly always there is nothing to do, which a reader finds out without keeping others from writing.
        guard try await database.read({ try next(appliance, listening: listening, isWanted: isWanted, now: now, in: $0) }) != nil else {
            return false
        }
        return try await statements.write { [self] transaction in
            guard let (step, about) = try next(appliance, listening: listening, isWanted: isWanted, now: now, in: transaction) else {
                return false
            }
            if let (span, cause) = step.gap {
                let issued = try LogSequence.instant(now, in: transaction)
                let gap = GapStatement(
                    site: about.site, appliance: appliance, from: span.lowerBound, until: span.upperBound, cause: cause, issued: issued,
                    note: cause == .revoked ? Silence.revokedNote : Silence.note)
                guard let gap else { throw DatabaseError.corrupt("a silence of \(appliance) ends before it begins") }
                _ = try statements.append(
                    gap.json, kind: .gap, about: .site(about.site, TenantScope(ofCentral: about.organization)), during: span,
                    in: transaction)
            }
            try transaction.execute("DELETE FROM silence WHERE appliance_id = \(appliance.description)")
            if let open = step.open {
                try transaction.execute(
                    """
                    INSERT INTO silence (appliance_id, since_at, since_sequence, said_until)
                    VALUES (\(appliance.description), \(open.since.milliseconds), \(about.sinceSequence), \(open.saidUntil.milliseconds))
                    """)
            }
            return true
        }
    }

    private struct About {
        let site: SiteID
        let organization: OrganizationID
        /// Newest bundle from before the silence.
        let sinceSequence: Int64
    }

    private func next(
        _ appliance: ApplianceID, listening: Timestamp, isWanted: Bool, now: Timestamp, in transaction: any SQLTransaction
    ) throws -> (Silence.Step, About)? {
        let rows = try transaction.query(
            """
            SELECT appliance.site_id, appliance.organization_id, appliance.enrolled_at, appliance.revoked_at, appliance.last_checkin_at,
                silence.since_at, silence.since_sequence, silence.said_until
            FROM appliance LEFT JOIN silence ON silence.appliance_id = appliance.id WHERE appliance.id = \(appliance.description)
            """)
        guard let row = rows.first else { return nil }
        let site: SiteID = try row.parsed(0)
        let checkin = try row.optionalInstant(4)
        let head = try transaction.query(
            """
            SELECT sequence, received_at FROM evidence WHERE appliance_id = \(appliance.description) ORDER BY sequence DESC LIMIT 1
            """
        ).first.map { (sequence: try $0.integer(0), received: try $0.instant(1)) }
        let heard = [try row.instant(2), checkin, head?.received].compactMap { $0 }.max()!
        var open: Silence?
        var again: Timestamp?
        if let since = try row.optionalInstant(5), let said = try row.optionalInstant(7) {
            open = Silence(since: since, saidUntil: said)
            let bundle = try transaction.query(
                """
                SELECT received_at FROM evidence
                WHERE appliance_id = \(appliance.description) AND sequence > \(try row.integer(6)) ORDER BY sequence LIMIT 1
                """
            ).first.map { try $0.instant(0) }
            again = [bundle, checkin.flatMap { $0 > since ? $0 : nil }].compactMap { $0 }.min()
        }
        let isWatching = try LedgerTable.deciding(at: now, of: site, in: transaction).entries.contains { $0.appliance == appliance }
        let contact = Silence.Contact(heard: heard, heardAgain: again, revoked: try row.optionalInstant(3), isWatching: isWatching)
        guard let step = Silence.next(open, contact, listening: listening, isWanted: isWanted, now: now) else { return nil }
        let sequence = try row.optionalInteger(6) ?? head?.sequence ?? -1
        return (step, About(site: site, organization: try row.parsed(1), sinceSequence: sequence))
    }
}
