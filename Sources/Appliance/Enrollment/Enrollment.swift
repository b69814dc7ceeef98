import Crypto
package import Database
import Glibc
import Model
import Redaction
import Seal
import TransparencyLog
import Wire
import X509

/// Makes this machine an appliance of a site, with a claim code.
///
/// Keys first, durable; then the grant; then the certificate; and last the identity, whose presence is what "enrolled"
/// means. Dying anywhere before that last write leaves a machine that runs this again with the same keys and code.
package struct Enrollment: Sendable {
    private let directory: StateDirectory
    private let database: any SQLDatabase
    private let hostname: String
    private let softwareVersion: String

    package init(directory: StateDirectory, database: any SQLDatabase, hostname: String, softwareVersion: String) {
        self.directory = directory
        self.database = database
        self.hostname = hostname
        self.softwareVersion = softwareVersion
    }

    /// - Parameters:
    ///   - central: `https://host:port` of Central's web listener.
    ///   - code: as the partner handed it out.
    package func run(central: String, code: String) async throws -> Identity {
        if let identity = try await Identity.load(database) { throw EnrollmentError.alreadyEnrolled(identity.appliance.description) }
        let claim: ClaimCode
        do throws(ClaimCodeError) { claim = try ClaimCode(code) } catch { throw EnrollmentError.claim(error) }
        let (evidenceKey, sealingKey, request) = try makeKeys()
        let hostname = try scrubbedHostname()

        let authority = try await fetchAuthority(central, claim)
        let web = try client(central, authority: authority)
        let grant: EnrollmentGrant
        do {
            grant = try await web.enroll(
                EnrollmentRequest(
                    claimSecret: claim.secret, signingRequest: try request.signingRequest(), evidenceKey: evidenceKey,
                    sealingKey: Array(sealingKey.publicKey.rawRepresentation), hostname: hostname.description,
                    softwareVersion: softwareVersion))
            await web.close()
        } catch {
            await web.close()
            if let error = error as? CentralLinkError { throw EnrollmentError.central(error) }
            throw error
        }
        let identity = try identity(grant, authority: authority)
        let tls = try request.accept(certificate: grant.certificate, authority: authority, appliance: grant.appliance)
        do throws(PrivateFileError) { try tls.write(to: directory.tlsIdentity) } catch { throw EnrollmentError.key(error) }
        // Until here the same code may be tried again; from here on this machine is enrolled.
        try await database.write {
            try SettingTable.write(.enrollmentURL, central, in: $0)
            try identity.store(in: $0)
        }
        // Only a copy of what the certificate's file holds; a start that dies before this leaves it, which harms nothing.
        unlink(directory.pendingTLSKey)
        return identity
    }

    private func fetchAuthority(_ central: String, _ claim: ClaimCode) async throws -> String {
        // Nothing is believed of this answer but what the fingerprint in the claim code confirms.
        let blind = try client(central, authority: nil)
        let authority: String
        do {
            authority = try await blind.authority()
            await blind.close()
        } catch {
            await blind.close()
            throw EnrollmentError.central(error)
        }
        guard let der = Certificate.der(ofPEM: authority), claim.matches(authority: Digest(of: der)) else {
            throw EnrollmentError.wrongAuthority
        }
        return authority
    }

    private func client(_ central: String, authority: String?) throws(EnrollmentError) -> CentralClient {
        do { return try CentralClient(base: central, credential: nil, authority: authority) } catch { throw .central(error) }
    }

    private func identity(_ grant: EnrollmentGrant, authority: String) throws(EnrollmentError) -> Identity {
        guard let order = VerifyingKey(bytes: grant.orderKey), let receipt = VerifyingKey(bytes: grant.receiptKey),
            let catalog = VerifyingKey(bytes: grant.catalogKey)
        else { throw .badGrant("a key is not a sound one of 32 bytes") }
        guard Certificate.der(ofPEM: grant.authority) == Certificate.der(ofPEM: authority) else {
            throw .badGrant("its authority is not the one of the claim code")
        }
        guard grant.applianceURL.hasPrefix("https://") else { throw .badGrant("its address is not https://") }
        var logKey: NoteVerifier?
        if let text = grant.logKey {
            guard let key = try? NoteVerifier(text), key.algorithm == .ed25519 else { throw .badGrant("the log's key is none") }
            logKey = key
        }
        return Identity(
            organization: grant.organization, site: grant.site, appliance: grant.appliance, centralURL: grant.applianceURL,
            authority: authority, orderKey: order, receiptKey: receipt, catalogKey: catalog, logKey: logKey)
    }

    /// Some machines are called after the person whose they are.
    private func scrubbedHostname() throws(EnrollmentError) -> ScrubbedText {
        do throws(PrivateFileError) {
            return Scrubber(key: try PseudonymKey.load(orCreateAt: directory.pseudonymKey)).scrub(hostname)
        } catch {
            throw .key(error)
        }
    }

    /// Those of an earlier, unfinished try, or fresh ones: made here, written here, and never sent anywhere.
    private func makeKeys() throws(EnrollmentError) -> (SigningKey, Curve25519.KeyAgreement.PrivateKey, TLSRequest) {
        do throws(PrivateFileError) {
            let evidence = SigningKey(seed: try keep(directory.evidenceKey, size: 32...32) { SigningKey().seed })!
            let sealing = try keep(directory.sealingKey, size: 32...32) { Array(Curve25519.KeyAgreement.PrivateKey().rawRepresentation) }
            let pending = try keep(directory.pendingTLSKey, size: 1...8_192) { Array(TLSRequest().keyText.utf8) }
            // Our own files, damaged by somebody: named, and left as they are.
            guard let request = TLSRequest(keyText: String(decoding: pending, as: UTF8.self)),
                let sealingKey = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: sealing)
            else { throw PrivateFileError.size(directory.pendingTLSKey, found: pending.count) }
            return (evidence, sealingKey, request)
        } catch {
            throw .key(error)
        }
    }

    private func keep(_ path: String, size: ClosedRange<Int>, _ make: () -> [UInt8]) throws(PrivateFileError) -> [UInt8] {
        do {
            return try PrivateFile.read(path, size: size)
        } catch {
            guard case .missing = error else { throw error }
            let bytes = make()
            try PrivateFile.create(path, bytes)
            return bytes
        }
    }
}
