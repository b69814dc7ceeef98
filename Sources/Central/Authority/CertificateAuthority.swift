import Crypto
import Foundation
import Model
import NIOSSL
import Seal
import SwiftASN1
package import X509

/// Central's own certificate authority: P-256, one level, for its two listeners and its appliances only.
package struct CertificateAuthority: Sendable {
    package let certificate: Certificate
    private let key: P256.Signing.PrivateKey
    /// Slack for clocks that run a little behind.
    private static let skew: Duration = .seconds(300)

    /// Makes key and certificate, valid for ten years.
    init(makingAt now: Timestamp, name: String) throws {
        let key = P256.Signing.PrivateKey()
        self.key = key
        let subject = try DistinguishedName {
            OrganizationName("Martlet")
            CommonName(name)
        }
        certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: (now - Self.skew).date,
            notValidAfter: (now + .seconds(3_650 * 86_400)).date, issuer: subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: .init(key.publicKey))
            }, issuerPrivateKey: .init(key))
    }

    /// - Throws: `PrivateFileError`, or `CentralError` when the files do not belong together.
    init(keyFile: String, certificateFile: String) throws {
        let raw = try PrivateFile.read(keyFile, size: 32...32)
        key = try P256.Signing.PrivateKey(rawRepresentation: raw)
        certificate = try Certificate(pemEncoded: String(decoding: PrivateFile.read(certificateFile, size: 1...16_384), as: UTF8.self))
        guard certificate.publicKey == .init(key.publicKey) else {
            throw CentralError.value("\(certificateFile) is not the certificate of the key in \(keyFile)")
        }
    }

    /// Both files 0600, durable on return. The certificate last: where it is, the key is.
    func write(keyFile: String, certificateFile: String) throws {
        try PrivateFile.create(keyFile, Array(key.rawRepresentation))
        try PrivateFile.create(certificateFile, Array(pem.utf8))
    }

    package var pem: String { try! certificate.serializeAsPEM().pemString }
    package var der: [UInt8] { try! certificate.derBytes }

    /// A certificate with which an appliance says who it is.
    struct Issued: Sendable {
        let pem: String
        let serial: String
        let issued: Timestamp
        let notAfter: Timestamp
    }

    /// Takes nothing but the public key from the request, after proof that its private key is held.
    func issue(signingRequest: String, appliance: ApplianceID, at now: Timestamp, lifetime: Duration) throws -> Issued {
        guard signingRequest.utf8.count <= 8_192, let request = try? CertificateSigningRequest(pemEncoded: signingRequest),
            // Only P-256: the listener's handshake is cheap, and no library meets a key that it does not like.
            P256.Signing.PublicKey(request.publicKey) != nil, request.publicKey.isValidSignature(request.signature, for: request)
        else { throw CentralError.signingRequest }
        let certificate = try leaf(
            request.publicKey, subject: DistinguishedName { CommonName(appliance.description) }, at: now, lifetime: lifetime,
            usage: ExtendedKeyUsage([.clientAuth]), names: [.uniformResourceIdentifier("urn:martlet:appliance:\(appliance)")])
        return Issued(
            pem: try certificate.serializeAsPEM().pemString, serial: certificate.serialText, issued: now, notAfter: now + lifetime)
    }

    /// A fresh key and certificate for the listeners; the key is never written anywhere.
    func issueServer(names: [String], at now: Timestamp, lifetime: Duration) throws -> ServerIdentity {
        let key = P256.Signing.PrivateKey()
        let alternatives: [GeneralName] = names.map { name in
            if let address = IPAddressBytes(name) { return .ipAddress(ASN1OctetString(contentBytes: address.bytes[...])) }
            return .dnsName(name)
        }
        let certificate = try leaf(
            .init(key.publicKey), subject: DistinguishedName { CommonName("Martlet Central") }, at: now, lifetime: lifetime,
            usage: ExtendedKeyUsage([.serverAuth]), names: alternatives)
        return ServerIdentity(
            chain: [.certificate(try NIOSSLCertificate(bytes: certificate.derBytes, format: .der))],
            key: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.derRepresentation), format: .der)),
            renewAt: now + .milliseconds(lifetime.wholeMilliseconds * 2 / 3))
    }

    private func leaf(
        _ key: Certificate.PublicKey, subject: DistinguishedName, at now: Timestamp, lifetime: Duration, usage: ExtendedKeyUsage,
        names: [GeneralName]
    ) throws -> Certificate {
        try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key, notValidBefore: (now - Self.skew).date,
            notValidAfter: (now + lifetime).date,
            issuer: certificate.subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                usage
                SubjectAlternativeNames(names)
                AuthorityKeyIdentifier(keyIdentifier: try certificate.extensions.subjectKeyIdentifier?.keyIdentifier)
            }, issuerPrivateKey: .init(self.key))
    }
}

struct ServerIdentity: Sendable {
    let chain: [NIOSSLCertificateSource]
    let key: NIOSSLPrivateKeySource
    let renewAt: Timestamp
}

extension Certificate {
    var derBytes: [UInt8] {
        get throws {
            var serializer = DER.Serializer()
            try serializer.serialize(self)
            return serializer.serializedBytes
        }
    }

    /// As it stands in our tables.
    var serialText: String { serialNumber.bytes.hexadecimal }

    /// The appliance that this certificate of ours names; nil for any other.
    var appliance: ApplianceID? {
        let prefix = "urn:martlet:appliance:"
        guard let names = try? extensions.subjectAlternativeNames, names.count == 1,
            case .uniformResourceIdentifier(let name)? = names.first, name.hasPrefix(prefix)
        else { return nil }
        return ApplianceID(String(name.dropFirst(prefix.count)))
    }
}

extension Timestamp {
    /// X.509 knows whole seconds.
    var date: Date { Date(timeIntervalSince1970: Double(milliseconds / 1_000)) }
}
