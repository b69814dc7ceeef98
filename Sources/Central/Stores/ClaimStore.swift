import Database
package import Model
import Seal

/// How often claim codes may be wrong, and what happens then.
///
/// One address is not listened to for a while. All addresses together are only slowed, and only with wrong codes: a limit over
/// all that refused right codes would let anybody stop every enrolment. Guessing is hopeless without it. A secret has 60 bits;
/// with a thousand codes open at once a guess is right with 1000 / 2^60, about 9e-16. A thousand guesses a second, from as many
/// addresses as that takes at ten in 15 minutes each (90,000), through the whole 30 days that a code can live, are 2.6e9: one
/// chance in 440,000, where Central would have written 5 million refusals and somebody looked.
package struct ClaimLimits: Sendable {
    package var window: Duration = .seconds(900)
    /// Wrong codes from one address (IPv6: from one /64) within the window.
    package var failuresPerSource: Int64 = 10
    /// Wrong codes that are judged and recorded one by one, from everywhere: so many at once, then so many a second. Above that they
    /// are told to come again in a few seconds, and counted.
    package var failuresAtOnce = 200
    package var failuresPerSecond = 2.0

    package init() {}
}

/// Claim codes: only the SHA-256 of a secret is kept.
package struct ClaimStore: Sendable {
    private let database: any SQLDatabase
    private let now: @Sendable () -> Timestamp
    private let limits: ClaimLimits
    private let faults: CentralFaults
    /// What refusals may cost: each is a transaction on the disk.
    private let refusals: TokenBucket

    init(_ database: any SQLDatabase, now: @escaping @Sendable () -> Timestamp, limits: ClaimLimits, faults: CentralFaults) {
        self.faults = faults
        self.database = database
        self.now = now
        self.limits = limits
        refusals = TokenBucket(capacity: limits.failuresAtOnce, perSecond: limits.failuresPerSecond, at: now())
    }

    /// Registers the secret of a code that `ClaimCode` made.
    package func create(
        secret: String, site: SiteID, scope: TenantScope, lifetime: Duration, by credential: OperatorCredential
    ) async throws {
        let digest = Digest(of: Array(secret.utf8))
        let created = now()
        try await database.write { transaction in
            let known = try transaction.query(
                "SELECT id FROM site WHERE id = \(site.description) AND organization_id = \(scope.organization.description)")
            guard !known.isEmpty else { throw CentralError.notFound("site") }
            try transaction.execute(
                """
                INSERT INTO claim (secret_digest, organization_id, site_id, created_at, expires_at, created_by)
                VALUES (\(digest.bytes), \(scope.organization.description), \(site.description), \(created.milliseconds),
                    \((created + lifetime).milliseconds), \(credential.name))
                """)
        }
    }

    /// What a new appliance brings.
    struct Candidate: Sendable {
        let appliance: ApplianceID
        let evidenceKey: [UInt8]
        let sealingKey: [UInt8]
        let hostname: String
        let softwareVersion: String
    }

    struct Redeemed: Sendable {
        let organization: OrganizationID
        let site: SiteID
        /// The candidate's, or the one that the same box was given when it asked before and lost the answer.
        let appliance: ApplianceID
    }

    /// Whether the code exists and this address may ask; nothing is used up.
    ///
    /// By reading alone, before anything that costs more: a right code of an address that is not locked is never held up by others.
    /// - Throws: `CentralError`; the refusal is counted and recorded, or, when there are too many, `claimBusy`.
    func look(secret: String, source: String) async throws {
        let digest = Digest(of: Array(secret.utf8))
        let now = now()
        let (locked, isKnown) = try await database.read { transaction -> (Bool, Bool) in
            (
                try isLocked(source, at: now, in: transaction),
                try !transaction.query("SELECT 1 FROM claim WHERE secret_digest = \(digest.bytes)").isEmpty
            )
        }
        if isKnown, !locked { return }
        guard let skipped = refusals.take(at: now) else { throw CentralError.claimBusy }
        try await refuse(locked ? .claimLocked : .claimUnknown, source, skipped: skipped, at: now)
    }

    /// A request that cannot be granted, whatever its code; the code stays as it is.
    func refuse(_ error: CentralError, from source: String) async throws {
        let now = now()
        guard let skipped = refusals.take(at: now) else { throw CentralError.claimBusy }
        try await refuse(error, source, skipped: skipped, at: now)
    }

    private func refuse(_ error: CentralError, _ source: String, skipped: Int64, at now: Timestamp) async throws {
        let faults = faults
        try await database.write { transaction in
            if error == .claimUnknown { try countFailure(source, at: now, in: transaction) }
            if skipped > 0 {
                let busy = CentralError.claimBusy
                try RefusalStore.record(
                    source: "enrolment", code: busy.code, sentence: busy.message, times: skipped, at: now, in: transaction)
            }
            // One row for all locked addresses: who guesses must not be able to fill the disk.
            try RefusalStore.record(
                source: error == .claimLocked ? "enrolment" : source, code: error.code, sentence: error.message, at: now, in: transaction)
            faults.reached(.refusalBeforeRecord)
        }
        faults.reached(.refusalAfterRecord)
        throw error
    }

    /// Uses up the code and makes the appliance, in one transaction. A code that is past its time or was used is counted and recorded
    /// in the same.
    func redeem(secret: String, candidate: Candidate, source: String) async throws -> Redeemed {
        let digest = Digest(of: Array(secret.utf8))
        let (now, faults) = (now(), faults)
        let outcome: Result<Redeemed, CentralError> = try await database.write { transaction in
            do {
                let redeemed = try Self.use(digest, candidate, at: now, in: transaction)
                faults.reached(.grantBeforeCommit)
                return .success(redeemed)
            } catch let error as CentralError {
                if error.status == 403 { try countFailure(source, at: now, in: transaction) }
                try RefusalStore.record(source: source, code: error.code, sentence: error.message, at: now, in: transaction)
                faults.reached(.refusalBeforeRecord)
                return .failure(error)
            }
        }
        if case .success = outcome { faults.reached(.grantAfterCommit) } else { faults.reached(.refusalAfterRecord) }
        return try outcome.get()
    }

    private static func use(
        _ digest: Digest, _ candidate: Candidate, at now: Timestamp, in transaction: any SQLTransaction
    ) throws -> Redeemed {
        let found = try transaction.query(
            "SELECT organization_id, site_id, expires_at, appliance_id FROM claim WHERE secret_digest = \(digest.bytes)")
        guard let claim = found.first else { throw CentralError.claimUnknown }
        let (organization, site): (OrganizationID, SiteID) = (try claim.parsed(0), try claim.parsed(1))
        guard try claim.instant(2) > now else { throw CentralError.claimExpired }
        if let user = try claim.optionalText(3).flatMap(ApplianceID.init) {
            // The answer to the first request may have been lost; the same box, before it ever spoke as itself, may ask again.
            let same = try transaction.query(
                """
                SELECT id FROM appliance WHERE id = \(user.description) AND evidence_key = \(candidate.evidenceKey)
                    AND sealing_key = \(candidate.sealingKey) AND last_checkin_at IS NULL AND revoked_at IS NULL
                """)
            guard !same.isEmpty else { throw CentralError.claimUsed }
            return Redeemed(organization: organization, site: site, appliance: user)
        }
        let owner = try transaction.query("SELECT id FROM appliance WHERE evidence_key = \(candidate.evidenceKey)")
        guard owner.isEmpty else { throw CentralError.evidenceKeyTaken }
        try transaction.execute(
            """
            INSERT INTO appliance (id, organization_id, site_id, hostname, evidence_key, sealing_key, software_version, enrolled_at)
            VALUES (\(candidate.appliance.description), \(organization.description), \(site.description), \(candidate.hostname),
                \(candidate.evidenceKey), \(candidate.sealingKey), \(candidate.softwareVersion), \(now.milliseconds))
            """)
        try transaction.execute(
            """
            UPDATE claim SET used_at = \(now.milliseconds), appliance_id = \(candidate.appliance.description)
            WHERE secret_digest = \(digest.bytes)
            """)
        return Redeemed(organization: organization, site: site, appliance: candidate.appliance)
    }

    private func isLocked(_ source: String, at now: Timestamp, in transaction: any SQLTransaction) throws -> Bool {
        let windowStart = (now - limits.window).milliseconds
        let rows = try transaction.query(
            """
            SELECT 1 FROM claim_failures
            WHERE source = \(source) AND window_began_at > \(windowStart) AND failures >= \(limits.failuresPerSource)
            """)
        return !rows.isEmpty
    }

    private func countFailure(_ source: String, at now: Timestamp, in transaction: any SQLTransaction) throws {
        let windowStart = (now - limits.window).milliseconds
        try transaction.execute("DELETE FROM claim_failures WHERE window_began_at <= \(windowStart)")
        try transaction.execute(
            """
            INSERT INTO claim_failures (source, window_began_at, failures) VALUES (\(source), \(now.milliseconds), 1)
            ON CONFLICT (source) DO UPDATE SET failures = claim_failures.failures + 1
            """)
    }
}
