import Crypto
import Foundation
import SwiftASN1
import TestSupport
import X509

/// An authority that only knows itself, and a certificate of it for 127.0.0.1, as files.
struct PrivateAuthority {
    let authorityFile: String
    let chainFile: String
    let keyFile: String

    init(in directory: TemporaryDirectory, _ name: String = "private") throws {
        authorityFile = directory.file("\(name)-ca.pem")
        chainFile = directory.file("\(name)-chain.pem")
        keyFile = directory.file("\(name)-key.pem")
        let (ours, theirs) = (P256.Signing.PrivateKey(), P256.Signing.PrivateKey())
        let issuer = try DistinguishedName { CommonName("\(name) authority") }
        let (from, until) = (Date() - 3_600, Date() + 86_400)
        let authority = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(ours.publicKey), notValidBefore: from, notValidAfter: until,
            issuer: issuer, subject: issuer, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            }, issuerPrivateKey: .init(ours))
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(theirs.publicKey), notValidBefore: from, notValidAfter: until,
            issuer: issuer, subject: try DistinguishedName { CommonName("a server") }, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                SubjectAlternativeNames([.ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1]))])
            }, issuerPrivateKey: .init(ours))
        for (text, file) in [
            (try authority.serializeAsPEM().pemString, authorityFile), (try certificate.serializeAsPEM().pemString, chainFile),
            (theirs.pemRepresentation, keyFile),
        ] {
            try Data((text + "\n").utf8).write(to: URL(fileURLWithPath: file))
        }
    }
}
