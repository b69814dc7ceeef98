import Database
import Evidence
package import Model
import Seal

package struct ApplianceSummary: Hashable, Sendable {
    package let id: ApplianceID
    package let site: SiteID
    package let siteName: String
    package let hostname: String
    package let softwareVersion: String
    package let enrolled: Timestamp
    package let revoked: Timestamp?
    package let lastCheckin: Timestamp?
    package let catalogVersion: Int64
    package let queued: Int64
    package let openIncidents: Int64
    package let isPaused: Bool
    package let clockOffsetMilliseconds: Int64?
    /// Highest sequence that Central holds, -1 when none.
    package let heldSequence: Int64
}

/// Appliances, their keys and certificates.
package struct ApplianceStore: Sendable {
    private let database: any SQLDatabase
    private let faults: CentralFaults
    private let now: @Sendable () -> Timestamp
    /// Each is a write; those beyond are counted with the next, under its appliance.
    private let revokedRefusals: TokenBucket

    init(_ database: any SQLDatabase, now: @escaping @Sendable () -> Timestamp, faults: CentralFaults) {
        revokedRefusals = TokenBucket(capacity: 20, perSecond: 1, at: now())
        self.faults = faults
        self.database = database
        self.now = now
    }

    /// The one place where a credential is made: the certificate was verified by TLS, and is looked up here at every request,
    /// so that revocation works at once.
    func authenticate(serial: String, appliance: ApplianceID) async throws -> ApplianceCredential {
        let now = now()
        let rows = try await database.read { transaction in
            try transaction.query(
                """
                SELECT appliance.organization_id, appliance.site_id, appliance.evidence_key, certificate.issued_at, certificate.not_after,
                    certificate.revoked_at, appliance.revoked_at, appliance.enrolled_at
                FROM certificate JOIN appliance ON appliance.id = certificate.appliance_id
                WHERE certificate.serial = \(serial) AND appliance.id = \(appliance.description)
                """)
        }
        guard let row = rows.first else { throw CentralError.certificateUnknown }
        guard try row.optionalInteger(5) == nil, try row.optionalInteger(6) == nil else {
            try await refuseRevoked(RefusalOwner(organization: try row.parsed(0), site: try row.parsed(1), appliance: appliance), at: now)
            throw CentralError.certificateRevoked
        }
        guard try row.instant(4) > now else { throw CentralError.certificateExpired }
        guard let key = VerifyingKey(bytes: try row.blob(2)) else { throw DatabaseError.corrupt("an evidence key is no key") }
        return ApplianceCredential(
            organization: try row.parsed(0), site: try row.parsed(1), appliance: appliance, serial: serial, issued: try row.instant(3),
            notAfter: try row.instant(4), evidenceKeys: [EnrolledKey(key: key, validFrom: try row.instant(7), validUntil: nil)])
    }

    /// Someone works on with a box that was revoked: people want to know that, and since when.
    private func refuseRevoked(_ owner: RefusalOwner, at now: Timestamp) async throws {
        guard let skipped = revokedRefusals.take(at: now) else { return }
        let error = CentralError.certificateRevoked
        try await database.write { transaction in
            try RefusalStore.record(
                source: owner.appliance.description, code: error.code, sentence: error.message, owner: owner, times: 1 + skipped, at: now,
                in: transaction)
        }
    }

    /// Before a certificate leaves the house: one that is not in this table is refused.
    func register(serial: String, of appliance: ApplianceID, issued: Timestamp, notAfter: Timestamp) async throws {
        let faults = faults
        try await database.write { transaction in
            try Self.register(serial: serial, of: appliance, issued: issued, notAfter: notAfter, in: transaction)
            faults.reached(.certificateBeforeCommit)
        }
        faults.reached(.certificateAfterCommit)
    }

    static func register(
        serial: String, of appliance: ApplianceID, issued: Timestamp, notAfter: Timestamp, in transaction: any SQLTransaction
    ) throws {
        // Those that nobody can show any more; kept a month longer for questions.
        try transaction.execute(
            """
            DELETE FROM certificate WHERE appliance_id = \(appliance.description)
                AND not_after < \((issued - .seconds(30 * 86_400)).milliseconds)
            """)
        try transaction.execute(
            """
            INSERT INTO certificate (serial, appliance_id, issued_at, not_after)
            VALUES (\(serial), \(appliance.description), \(issued.milliseconds), \(notAfter.milliseconds))
            """)
    }

    /// From the next request on, the appliance is refused. Final: it must be enrolled anew.
    package func revoke(_ appliance: ApplianceID, in scope: TenantScope) async throws {
        let now = now().milliseconds
        try await database.write { transaction in
            let changed = try transaction.execute(
                """
                UPDATE appliance SET revoked_at = COALESCE(revoked_at, \(now))
                WHERE id = \(appliance.description) AND organization_id = \(scope.organization.description)
                """)
            guard changed == 1 else { throw CentralError.notFound("appliance") }
            try transaction.execute(
                "UPDATE certificate SET revoked_at = COALESCE(revoked_at, \(now)) WHERE appliance_id = \(appliance.description)")
        }
    }

    package func list(for credential: OperatorCredential) async throws -> [ApplianceSummary] {
        try await database.read { transaction in
            try transaction.query(
                """
                SELECT appliance.id, appliance.site_id, site.name, appliance.hostname, appliance.software_version, appliance.enrolled_at,
                    appliance.revoked_at, appliance.last_checkin_at, appliance.catalog_version, appliance.queued,
                    appliance.open_incidents, appliance.is_paused, appliance.clock_offset_ms,
                    (SELECT COALESCE(MAX(sequence), -1) FROM evidence WHERE evidence.appliance_id = appliance.id)
                FROM appliance JOIN site ON site.id = appliance.site_id ORDER BY site.name, appliance.id
                """
            ).map { row in
                ApplianceSummary(
                    id: try row.parsed(0), site: try row.parsed(1), siteName: try row.text(2), hostname: try row.text(3),
                    softwareVersion: try row.text(4), enrolled: try row.instant(5), revoked: try row.optionalInstant(6),
                    lastCheckin: try row.optionalInstant(7), catalogVersion: try row.integer(8), queued: try row.integer(9),
                    openIncidents: try row.integer(10), isPaused: try row.integer(11) == 1,
                    clockOffsetMilliseconds: try row.optionalInteger(12), heldSequence: try row.integer(13))
            }
        }
    }

    /// Where an appliance belongs, for a person who names only the appliance.
    package func owner(of appliance: ApplianceID, for credential: OperatorCredential) async throws -> (OrganizationID, SiteID) {
        try await database.read { transaction in
            let rows = try transaction.query("SELECT organization_id, site_id FROM appliance WHERE id = \(appliance.description)")
            guard let row = rows.first else { throw CentralError.notFound("appliance") }
            return (try row.parsed(0), try row.parsed(1))
        }
    }
}
