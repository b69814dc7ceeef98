import Logging
package import Model
package import Seal
import Wire

/// The appliance's one connection to Central, with the certificate that is valid now.
package actor CentralLink {
    private let identity: Identity
    private let base: String
    private let directory: StateDirectory
    private let clock: WallClock
    private let faults: Faults
    private let enrollmentURL: String?
    private let evidenceKey: SigningKey
    private var tls: TLSIdentity?
    private var recoveryRefused: Timestamp?
    private var open: CentralClient?

    /// After a refused recovery: Central locks an address out after ten refusals in 15 minutes, and others may share ours.
    static let recoveryPause: Duration = .seconds(300)

    /// - Parameter enrollmentURL: Central's web listener, as it was at enrolment.
    package init(
        identity: Identity, configuration: ApplianceConfiguration, enrollmentURL: String?, evidenceKey: SigningKey, clock: WallClock,
        faults: Faults
    ) {
        self.identity = identity
        base = configuration.centralURL ?? identity.centralURL
        self.enrollmentURL = configuration.enrollmentURL ?? enrollmentURL
        self.evidenceKey = evidenceKey
        directory = configuration.directory
        self.clock = clock
        self.faults = faults
    }

    /// Made when it is first needed, and again after a renewal.
    package func client() throws -> CentralClient {
        if let open { return open }
        let tls = try TLSIdentity(contentsOf: directory.tlsIdentity)
        let made = try CentralClient(base: base, credential: tls.credential, authority: identity.authority)
        self.tls = tls
        open = made
        return made
    }

    package func isRenewalDue() throws -> Bool {
        let tls = try tls ?? TLSIdentity(contentsOf: directory.tlsIdentity)
        self.tls = tls
        return tls.isRenewalDue(at: clock.now())
    }

    /// Makes a key, has it certified over the old certificate, and puts both in the old ones' place in one step.
    ///
    /// If the process dies before that, the old pair is still valid and this runs again; Central has issued one
    /// certificate more, whose key nobody has any more.
    package func renew() async throws {
        let request = TLSRequest()
        let grant = try await client().renew(CertificateRequest(signingRequest: try request.signingRequest()))
        try await replace(request, grant)
    }

    package func isExpired() throws -> Bool {
        let tls = try tls ?? TLSIdentity(contentsOf: directory.tlsIdentity)
        self.tls = tls
        return clock.now() >= tls.notAfter
    }

    /// As `renew`, where the old certificate is no longer taken: the evidence key says who we are. Asked on the web listener, which
    /// must show a certificate of the pinned authority as every other.
    ///
    /// - Returns: false while an earlier refusal is not `recoveryPause` old; nothing was asked then.
    package func recover() async throws -> Bool {
        let now = clock.now()
        // A clock that was put back does not stop us.
        if let recoveryRefused, now >= recoveryRefused, now - recoveryRefused < Self.recoveryPause { return false }
        guard let enrollmentURL else { throw CentralLinkError.noEnrollmentURL }
        let request = TLSRequest()
        var random = SystemRandomNumberGenerator()
        let recovery = SignedRecovery(
            signing: RecoveryRequest(
                appliance: identity.appliance, signingRequest: try request.signingRequest(), made: now, random: &random), with: evidenceKey)
        let web = try CentralClient(base: enrollmentURL, credential: nil, authority: identity.authority)
        let grant: CertificateGrant
        do {
            grant = try await web.recover(recovery)
            await web.close()
        } catch {
            await web.close()
            switch error {
            case .refused, .clocksDiffer: recoveryRefused = now
            default: break
            }
            throw error
        }
        recoveryRefused = nil
        try await replace(request, grant)
        return true
    }

    private func replace(_ request: TLSRequest, _ grant: CertificateGrant) async throws {
        let renewed = try request.accept(certificate: grant.certificate, authority: identity.authority, appliance: identity.appliance)
        faults.reached(.certificateBeforeReplace)
        try renewed.write(to: directory.tlsIdentity)
        faults.reached(.certificateAfterReplace)
        await close()
    }

    package func close() async {
        let client = open
        open = nil
        tls = nil
        await client?.close()
    }
}
