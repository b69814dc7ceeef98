import Database
import Model
import Seal
import Wire

/// How often recoveries may be refused before an address is not listened to for a while.
///
/// By address only: nothing can be guessed here, and a limit over all would let anybody lock every appliance out.
struct RecoveryLimits: Sendable {
    var window: Duration = .seconds(900)
    /// Refusals of one address (IPv6: of one /64) within the window.
    var failuresPerSource: Int64 = 10
    /// How far the time in a request may be from Central's, either way. Exactly this far is still taken.
    var clockDifferenceMax: Duration = .seconds(600)
    /// Longer than any request is taken for after it was first seen: twice the difference, and a day for clocks put back.
    var nonceAge: Duration = .seconds(86_400)
}

/// Certificates for appliances that have none that is valid: who asks is proven by the evidence key alone.
struct RecoveryStore: Sendable {
    private let database: any SQLDatabase
    private let now: @Sendable () -> Timestamp
    private let limits = RecoveryLimits()
    private let faults: CentralFaults

    typealias Issue = @Sendable (_ signingRequest: String, ApplianceID, Timestamp) throws -> CertificateAuthority.Issued

    init(_ database: any SQLDatabase, now: @escaping @Sendable () -> Timestamp, faults: CentralFaults) {
        self.faults = faults
        self.database = database
        self.now = now
    }

    /// Judges the request, uses up its nonce and registers the certificate, in one transaction. Every refusal is counted and
    /// recorded in the same.
    ///
    /// - Parameter request: nil where the body was no request; `malformed` says why.
    func recover(
        _ request: SignedRecovery?, malformed: CentralError? = nil, from source: String, issue: @escaping Issue
    ) async throws -> CertificateAuthority.Issued {
        let (now, faults) = (now(), faults)
        let outcome: Result<CertificateAuthority.Issued, CentralError> = try await database.write { transaction in
            guard try !isLocked(source, at: now, in: transaction) else {
                // One row for all addresses: who floods must not be able to fill the disk.
                let error = CentralError.recoveryLocked
                try RefusalStore.record(source: "recovery", code: error.code, sentence: error.message, at: now, in: transaction)
                return .failure(error)
            }
            var proven: RefusalOwner?
            do {
                guard let request else { throw malformed ?? .recoverySignature }
                let issued = try admit(request, at: now, &proven, issue, in: transaction)
                faults.reached(.recoveryBeforeCommit)
                return .success(issued)
            } catch let error as CentralError {
                try countFailure(source, at: now, in: transaction)
                try RefusalStore.record(
                    source: proven?.appliance.description ?? source, code: error.code, sentence: error.message, owner: proven, at: now,
                    in: transaction)
                faults.reached(.recoveryRefusalBeforeRecord)
                return .failure(error)
            }
        }
        if case .success = outcome { faults.reached(.recoveryAfterCommit) } else { faults.reached(.recoveryRefusalAfterRecord) }
        return try outcome.get()
    }

    /// - Parameter proven: who asks, as soon as the signature says so.
    private func admit(
        _ signed: SignedRecovery, at now: Timestamp, _ proven: inout RefusalOwner?, _ issue: Issue, in transaction: any SQLTransaction
    ) throws -> CertificateAuthority.Issued {
        guard let claimed = signed.claimedAppliance else { throw CentralError.recoverySignature }
        let rows = try transaction.query(
            "SELECT organization_id, site_id, evidence_key, revoked_at FROM appliance WHERE id = \(claimed.description)")
        guard let row = rows.first else { throw CentralError.recoverySignature }
        guard let key = VerifyingKey(bytes: try row.blob(2)) else { throw DatabaseError.corrupt("an evidence key is no key") }
        let request: RecoveryRequest
        do throws(EnvelopeError) {
            request = try signed.open(key: key)
        } catch {
            switch error {
            case .unknownKey, .badSignature: throw CentralError.recoverySignature
            case .notJSON, .field, .notCanonical, .wrongSchema: throw CentralError.recoveryMalformed(error.message)
            }
        }
        // The id that was signed is the one whose key was asked: both were read out of the same bytes.
        guard request.appliance == claimed else { throw CentralError.recoverySignature }
        proven = RefusalOwner(organization: try row.parsed(0), site: try row.parsed(1), appliance: request.appliance)
        guard try row.optionalInteger(3) == nil else { throw CentralError.recoveryRevoked }
        let difference = request.made < now ? now - request.made : request.made - now
        guard difference <= limits.clockDifferenceMax else { throw CentralError.recoveryClock(made: request.made, central: now) }
        try use(request, at: now, in: transaction)
        let issued = try issue(request.signingRequest, request.appliance, now)
        try ApplianceStore.register(
            serial: issued.serial, of: request.appliance, issued: issued.issued, notAfter: issued.notAfter, in: transaction)
        return issued
    }

    private func use(_ request: RecoveryRequest, at now: Timestamp, in transaction: any SQLTransaction) throws {
        let appliance = request.appliance.description
        try transaction.execute(
            "DELETE FROM recovery_nonce WHERE appliance_id = \(appliance) AND seen_at < \((now - limits.nonceAge).milliseconds)")
        let seen = try transaction.query(
            "SELECT 1 FROM recovery_nonce WHERE appliance_id = \(appliance) AND nonce = \(request.nonce)")
        guard seen.isEmpty else { throw CentralError.recoveryReplayed }
        try transaction.execute(
            "INSERT INTO recovery_nonce (appliance_id, nonce, seen_at) VALUES (\(appliance), \(request.nonce), \(now.milliseconds))")
    }

    private func isLocked(_ source: String, at now: Timestamp, in transaction: any SQLTransaction) throws -> Bool {
        let windowStart = (now - limits.window).milliseconds
        return try !transaction.query(
            """
            SELECT 1 FROM recovery_failures
            WHERE source = \(source) AND window_began_at > \(windowStart) AND failures >= \(limits.failuresPerSource)
            """
        ).isEmpty
    }

    private func countFailure(_ source: String, at now: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute("DELETE FROM recovery_failures WHERE window_began_at <= \((now - limits.window).milliseconds)")
        try transaction.execute(
            """
            INSERT INTO recovery_failures (source, window_began_at, failures) VALUES (\(source), \(now.milliseconds), 1)
            ON CONFLICT (source) DO UPDATE SET failures = recovery_failures.failures + 1
            """)
    }
}
