import Logging
package import Model
import Seal
import Wire

/// The appliance's one connection to Central, with the certificate that is valid now.
package actor CentralLink {
    private let identity: Identity
    private let base: String
    private let directory: StateDirectory
    private let clock: WallClock
    private let faults: Faults
    private var tls: TLSIdentity?
    private var open: CentralClient?

    package init(identity: Identity, configuration: ApplianceConfiguration, clock: WallClock, faults: Faults) {
        self.identity = identity
        base = configuration.centralURL ?? identity.centralURL
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
