import Crypto
import Database
import Model
import Seal
import Wire

/// Gives a box its identity for a claim code, and renews its certificate, over the old one or by the evidence key.
struct EnrollmentService: Sendable {
    let claims: ClaimStore
    let appliances: ApplianceStore
    let recoveries: RecoveryStore
    let keys: CentralKeys
    /// The transparency log's, a vkey.
    let logKey: String
    let certificateLifetime: Duration
    /// Where the appliance API listens, known once it does.
    let applianceURL: @Sendable () -> String
    let now: @Sendable () -> Timestamp

    /// Uses up the code and makes the appliance durable before the certificate leaves the house.
    func enroll(_ request: EnrollmentRequest, from source: String) async throws -> EnrollmentGrant {
        let now = now()
        guard VerifyingKey(bytes: request.evidenceKey) != nil, request.sealingKey.count == 32 else {
            throw CentralError.value("the evidence key and the sealing key are 32 bytes each, and the evidence key not of small order")
        }
        let candidate = ClaimStore.Candidate(
            appliance: ApplianceID(at: now), evidenceKey: request.evidenceKey, sealingKey: request.sealingKey, hostname: request.hostname,
            softwareVersion: request.softwareVersion)
        try await claims.look(secret: request.claimSecret, source: source)
        // Before the code is used up: a request that no certificate can be made for, or whose key is not the sender's, must not cost it.
        guard request.isProven else { return try await refused(.evidenceKeyUnproven, source) }
        do { _ = try issue(request.signingRequest, to: candidate.appliance, at: now) } catch let error as CentralError {
            return try await refused(error, source)
        }
        let redeemed = try await claims.redeem(secret: request.claimSecret, candidate: candidate, source: source)
        let issued = try issue(request.signingRequest, to: redeemed.appliance, at: now)
        try await appliances.register(serial: issued.serial, of: redeemed.appliance, issued: issued.issued, notAfter: issued.notAfter)
        return EnrollmentGrant(
            organization: redeemed.organization, site: redeemed.site, appliance: redeemed.appliance, certificate: issued.pem,
            authority: keys.authority.pem, orderKey: keys.orders.verifyingKey.bytes, receiptKey: keys.receipts.verifyingKey.bytes,
            catalogKey: keys.catalog.bytes, applianceURL: applianceURL(), logKey: logKey)
    }

    /// Records the refusal and throws it.
    private func refused(_ error: CentralError, _ source: String) async throws -> EnrollmentGrant {
        try await claims.refuse(error, from: source)
        throw error
    }

    func renew(_ request: CertificateRequest, by credential: ApplianceCredential) async throws -> CertificateGrant {
        let issued = try issue(request.signingRequest, to: credential.appliance, at: now())
        try await appliances.register(serial: issued.serial, of: credential.appliance, issued: issued.issued, notAfter: issued.notAfter)
        return CertificateGrant(certificate: issued.pem, authority: keys.authority.pem)
    }

    /// - Parameter body: nil where it was larger than is read.
    func recover(_ body: [UInt8]?, from source: String) async throws -> CertificateGrant {
        var request: SignedRecovery?
        var malformed: CentralError?
        if let body {
            do throws(EnvelopeError) {
                request = try SignedRecovery(parsing: body)
            } catch {
                malformed = .recoveryMalformed(error.message)
            }
        } else {
            malformed = .bodyTooLarge
        }
        let issued = try await recoveries.recover(request, malformed: malformed, from: source) { signingRequest, appliance, now in
            try issue(signingRequest, to: appliance, at: now)
        }
        return CertificateGrant(certificate: issued.pem, authority: keys.authority.pem)
    }

    private func issue(
        _ signingRequest: String, to appliance: ApplianceID, at now: Timestamp
    ) throws -> CertificateAuthority.Issued {
        try keys.authority.issue(signingRequest: signingRequest, appliance: appliance, at: now, lifetime: certificateLifetime)
    }
}
