import Crypto
package import Model
package import Seal
import SwiftASN1
import X509

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The P-256 key and certificate with which the appliance meets Central.
package struct TLSIdentity: Sendable {
    package let credential: TLSCredential
    package let notBefore: Timestamp
    package let notAfter: Timestamp

    /// At two thirds of its life a certificate is renewed.
    package func isRenewalDue(at now: Timestamp) -> Bool {
        now.milliseconds >= notBefore.milliseconds + (notAfter.milliseconds - notBefore.milliseconds) / 3 * 2
    }

    package init(contentsOf path: String) throws(PrivateFileError) {
        let text = String(decoding: try PrivateFile.read(path, size: 1...65_536), as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let end = lines.firstIndex(of: "-----BEGIN CERTIFICATE-----"),
            let identity = Self(key: lines[..<end].joined(separator: "\n") + "\n", chain: lines[end...].joined(separator: "\n"))
        else { throw .size(path, found: text.utf8.count) }
        self = identity
    }

    /// nil unless `chain` begins with a certificate that can be read.
    init?(key: String, chain: String) {
        // Why it cannot be read helps nobody: it is written by us, or refused as a grant.
        guard let leaf = try? Certificate(pemEncoded: chain) else { return nil }
        credential = TLSCredential(certificate: chain, privateKey: key)
        notBefore = Timestamp(milliseconds: Int64(leaf.notValidBefore.timeIntervalSince1970 * 1_000))
        notAfter = Timestamp(milliseconds: Int64(leaf.notValidAfter.timeIntervalSince1970 * 1_000))
    }

    func write(to path: String) throws(PrivateFileError) {
        try PrivateFile.replace(path, Array((credential.privateKey + credential.certificate).utf8))
    }
}

/// A key and its signing request (PKCS #10), to be granted a certificate.
struct TLSRequest: Sendable {
    private let key: P256.Signing.PrivateKey
    var keyText: String { key.pemRepresentation + "\n" }

    init() { key = P256.Signing.PrivateKey() }

    init?(keyText: String) {
        // Our own file, damaged: the caller names it.
        guard let key = try? P256.Signing.PrivateKey(pemRepresentation: keyText) else { return nil }
        self.key = key
    }

    func signingRequest() throws -> String {
        let name = try DistinguishedName { CommonName("martlet-appliance") }
        let request = try CertificateSigningRequest(
            version: .v1, subject: name, privateKey: .init(key), attributes: .init(), signatureAlgorithm: .ecdsaWithSHA256)
        return try request.serializeAsPEM().pemString + "\n"
    }

    /// Takes a granted certificate only if it is for this key, signed by the pinned authority, and names this appliance.
    func accept(certificate: String, authority: String, appliance: ApplianceID) throws(EnrollmentError) -> TLSIdentity {
        // Which of the two and at which byte is Central's matter; it is refused either way.
        guard let leaf = try? Certificate(pemEncoded: certificate), let issuer = try? Certificate(pemEncoded: authority) else {
            throw .badGrant("its certificate cannot be read")
        }
        guard leaf.publicKey == Certificate.PublicKey(key.publicKey) else { throw .badGrant("its certificate is for another key") }
        guard issuer.publicKey.isValidSignature(leaf.signature, for: leaf) else {
            throw .badGrant("its certificate is not from the authority of the claim code")
        }
        let expected = "urn:martlet:appliance:\(appliance)"
        // Names that cannot be read do not name us.
        let names = (try? leaf.extensions.subjectAlternativeNames) ?? nil
        guard names?.contains(.uniformResourceIdentifier(expected)) == true else {
            throw .badGrant("its certificate does not name \(appliance)")
        }
        guard let identity = TLSIdentity(key: keyText, chain: certificate) else { throw .badGrant("its certificate cannot be read") }
        return identity
    }
}

extension Certificate {
    /// DER of the first certificate of a PEM text; nil if there is none.
    static func der(ofPEM text: String) -> [UInt8]? {
        // A text that is no certificate has no fingerprint, which is all that is asked of it.
        guard let certificate = try? Certificate(pemEncoded: text) else { return nil }
        var serializer = DER.Serializer()
        guard (try? serializer.serialize(certificate)) != nil else { return nil }
        return serializer.serializedBytes
    }
}
