import Foundation
package import Model
import SwiftASN1
@_spi(FixedExpiryValidationTime) import X509

/// A time that an authority we trust has signed for a digest. Only `TimestampVerifier` makes one.
package struct VerifiedTimestamp: Equatable, Sendable {
    package let digest: Digest
    package let time: Timestamp
    /// The signer's name, as text.
    package let authority: String
    /// The authority's number for this stamp, in hexadecimal.
    package let serial: String

    fileprivate init(digest: Digest, time: Timestamp, authority: String, serial: String) {
        self.digest = digest
        self.time = time
        self.authority = authority
        self.serial = serial
    }
}

/// Verifies TimeStampResp (`.tsr`) against the authorities that we trust. Certificates must have been valid at the time of the
/// stamp, not today: a stamp outlives its signer's certificate. Revocation is not looked at.
package struct TimestampVerifier: Sendable {
    private let roots: [Certificate]

    /// - Parameter authorities: PEM of one certificate or more, of the authorities in which a chain may end.
    package init(authorities: String) throws(TimestampError) {
        do {
            roots = try PEMDocument.parseMultiple(pemString: authorities).map { try Certificate(pemDocument: $0) }
        } catch { throw .untrusted("configured certificates unreadable") }
        guard !roots.isEmpty else { throw .untrusted("no certificate is configured") }
    }

    /// - Parameter nonce: of the request that this answers; nil for a stored stamp, whose request is gone.
    package func verify(_ response: [UInt8], of digest: Digest, nonce: [UInt8]?) async throws(TimestampError) -> VerifiedTimestamp {
        let token = try TimestampToken(response: response)
        guard token.info.imprint == digest.bytes else { throw .wrongImprint }
        guard nonce == nil || token.info.nonce.map(Array.init) == nonce else { throw .wrongNonce }
        let certificate = try token.signer.verify(token.content, certificates: token.certificates)
        if let name = token.info.authority {
            var subject = DER.Serializer()
            guard (try? subject.serialize(certificate.subject)) != nil, subject.serializedBytes[...] == name else { throw .wrongSigner }
        }
        guard TimestampingPolicy.isForTimestampingAlone(certificate) else { throw .wrongUsage }
        let instant = Date(timeIntervalSince1970: Double(token.info.time.milliseconds) / 1_000)
        var verifier = Verifier(rootCertificates: CertificateStore(roots)) {
            RFC5280Policy(fixedExpiryValidationTime: instant)
            TimestampingPolicy()
        }
        let intermediates = CertificateStore(token.certificates.filter { $0 != certificate })
        switch await verifier.validate(leaf: certificate, intermediates: intermediates) {
        case .validCertificate: break
        case .couldNotValidate(let failures): throw .untrusted(failures.first.map { "\($0.policyFailureReason)" } ?? "no chain")
        }
        return VerifiedTimestamp(
            digest: digest, time: token.info.time, authority: "\(certificate.subject)", serial: token.info.serial.hexadecimal)
    }
}

/// What RFC 3161 2.3 asks of the certificates beyond RFC 5280.
private struct TimestampingPolicy: VerifierPolicy {
    let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [.extendedKeyUsage]

    func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) -> PolicyEvaluationResult {
        guard Self.isForTimestampingAlone(chain.leaf) else {
            return .failsToMeetPolicy(reason: "the signer's certificate is not for time-stamping alone")
        }
        for certificate in chain.dropFirst() {
            guard (try? Self.mayIssue(certificate)) == true else {
                return .failsToMeetPolicy(reason: "\(certificate.subject) may not issue certificates for time-stamping")
            }
        }
        return .meetsPolicy
    }

    /// The extended key usage is there, critical, and names time-stamping only; the key usage, if there, is for signatures only.
    static func isForTimestampingAlone(_ certificate: Certificate) -> Bool {
        guard certificate.extensions[oid: .extendedKeyUsage]?.critical == true,
            let usage = try? certificate.extensions.extendedKeyUsage, Array(usage) == [.timeStamping]
        else { return false }
        do {
            guard let key = try certificate.extensions.keyUsage else { return true }
            return (key.digitalSignature || key.nonRepudiation) && !key.keyEncipherment && !key.dataEncipherment && !key.keyAgreement
                && !key.keyCertSign && !key.cRLSign
        } catch { return false }
    }

    /// An authority that is restricted to uses must be allowed this one; one whose key usage is stated must be allowed to sign certificates.
    private static func mayIssue(_ certificate: Certificate) throws -> Bool {
        if let usage = try certificate.extensions.extendedKeyUsage {
            guard usage.contains(.timeStamping) || usage.contains(.any) else { return false }
        }
        return try certificate.extensions.keyUsage?.keyCertSign ?? true
    }
}
