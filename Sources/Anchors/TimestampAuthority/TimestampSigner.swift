import Crypto
import SwiftASN1
import X509
import _CryptoExtras

/// SignerInfo of RFC 5652 5.3, with the attributes that RFC 3161 demands.
struct TimestampSigner {
    private let identifier: Identifier
    private let hash: TimestampHash
    private let algorithm: Algorithm
    private let signature: ArraySlice<UInt8>
    /// The attributes as they were signed: with the tag of a SET.
    private let signedBytes: [UInt8]
    private let contentDigest: ArraySlice<UInt8>
    private let certificateDigest: CertificateDigest

    private enum Identifier {
        case issuer(ArraySlice<UInt8>, serial: ArraySlice<UInt8>)
        case key(ArraySlice<UInt8>)
    }

    private enum Algorithm { case plain(Certificate.SignatureAlgorithm), pss }

    /// ESSCertID (RFC 2634, SHA-1) or ESSCertIDv2 (RFC 5035).
    private enum CertificateDigest {
        case sha1(ArraySlice<UInt8>)
        case sha2(TimestampHash, ArraySlice<UInt8>)
    }

    init(_ node: ASN1Node) throws(TimestampError) {
        var fields = try DERFields(node, "signer")
        let version = try fields.object("version of the signer", as: Int.self)
        if let key = fields.optional(.context(0)) {
            guard version == 3, case .primitive(let bytes) = key.content else { throw .malformed("key identifier") }
            identifier = .key(bytes)
        } else {
            guard version == 1 else { throw .malformed("version 1") }
            var issuer = try fields.fields("issuer and serial number")
            let name = try issuer.next("issuer").encodedBytes
            identifier = .issuer(name, serial: try issuer.object("serial number", as: ArraySlice<UInt8>.self))
            try issuer.finish("issuer and serial number")
        }
        hash = try TimestampHash(try fields.algorithm("digest algorithm"))
        guard let attributes = fields.optional(.context(0)) else { throw .malformed("signed attributes") }
        signedBytes = [0x31] + attributes.encodedBytes.dropFirst()
        let values = try Self.values(of: attributes)
        guard let type = values[.contentType], let digest = values[.messageDigest] else { throw .malformed("signed attributes") }
        do {
            guard try ASN1ObjectIdentifier(derEncoded: type) == .timestampInfo else { throw TimestampError.malformed("content type") }
            contentDigest = try ASN1OctetString(derEncoded: digest).bytes
        } catch { throw .malformed("content type and message digest") }
        certificateDigest = try Self.certificateDigest(values)
        algorithm = try Self.algorithm(try fields.next("signature algorithm"), hash)
        signature = try fields.object("signature", as: ASN1OctetString.self).bytes
        _ = fields.optional(.context(1))
        try fields.finish("signer")
    }

    private static let single: Set<ASN1ObjectIdentifier> = [.contentType, .messageDigest, .signingCertificate, .signingCertificate2]

    /// Each attribute once; those that we read, with one value.
    private static func values(of attributes: ASN1Node) throws(TimestampError) -> [ASN1ObjectIdentifier: ASN1Node] {
        var set = try DERFields(attributes, "signed attributes", .context(0))
        var values: [ASN1ObjectIdentifier: ASN1Node] = [:]
        for node in set.rest() {
            var attribute = try DERFields(node, "attribute")
            let name = try attribute.object("attribute's name", as: ASN1ObjectIdentifier.self)
            var held = try attribute.fields("attribute's values", .set)
            let value = try held.next("attribute's value")
            guard values.updateValue(value, forKey: name) == nil else { throw .malformed("attribute that stands once") }
            if single.contains(name) {
                try held.finish("attribute's values")
            }
            try attribute.finish("attribute")
        }
        return values
    }

    private static func certificateDigest(_ values: [ASN1ObjectIdentifier: ASN1Node]) throws(TimestampError) -> CertificateDigest {
        if let value = values[.signingCertificate2] {
            var attribute = try DERFields(value, "signing certificate")
            var identifiers = try attribute.fields("signing certificate")
            var first = try identifiers.fields("signing certificate")
            var hash = TimestampHash.sha256
            if let algorithm = first.optional(.sequence) {
                var fields = try DERFields(algorithm, "hash algorithm")
                hash = try TimestampHash(try fields.object("hash algorithm", as: ASN1ObjectIdentifier.self))
            }
            return .sha2(hash, try first.object("certificate's digest", as: ASN1OctetString.self).bytes)
        }
        guard let value = values[.signingCertificate] else { throw .wrongSigner }
        var attribute = try DERFields(value, "signing certificate")
        var identifiers = try attribute.fields("signing certificate")
        var first = try identifiers.fields("signing certificate")
        return .sha1(try first.object("certificate's digest", as: ASN1OctetString.self).bytes)
    }

    private static func algorithm(_ node: ASN1Node, _ hash: TimestampHash) throws(TimestampError) -> Algorithm {
        var fields = try DERFields(node, "signature algorithm")
        let name = try fields.object("signature algorithm", as: ASN1ObjectIdentifier.self)
        if name == .rsaPSS {
            try checkPSS(try fields.next("parameters"), hash)
            return .pss
        }
        switch (name, hash) {
        case (.rsa, .sha256), (.rsaSHA256, .sha256): return .plain(.sha256WithRSAEncryption)
        case (.rsa, .sha384), (.rsaSHA384, .sha384): return .plain(.sha384WithRSAEncryption)
        case (.rsa, .sha512), (.rsaSHA512, .sha512): return .plain(.sha512WithRSAEncryption)
        case (.ecdsaSHA256, .sha256): return .plain(.ecdsaWithSHA256)
        case (.ecdsaSHA384, .sha384): return .plain(.ecdsaWithSHA384)
        case (.ecdsaSHA512, .sha512): return .plain(.ecdsaWithSHA512)
        default: throw .unknownAlgorithm("\(name)")
        }
    }

    /// RFC 8017 A.2.3. One hash function throughout, and a salt of its length: what is in use.
    private static func checkPSS(_ node: ASN1Node, _ hash: TimestampHash) throws(TimestampError) {
        var parameters = try DERFields(node, "PSS parameters")
        var outer = try parameters.fields("hash algorithm", .context(0))
        let used = try TimestampHash(try outer.algorithm("hash algorithm"))
        var mask = try parameters.fields("mask generation", .context(1))
        var generation = try mask.fields("mask generation")
        let generator = try generation.object("mask generation", as: ASN1ObjectIdentifier.self)
        let inner = try TimestampHash(try generation.algorithm("hash algorithm"))
        var salt = try parameters.fields("salt length", .context(2))
        guard generator == .maskGeneration1, used == hash, inner == hash, try salt.object("salt length", as: Int.self) == hash.byteCount
        else { throw .unknownAlgorithm("RSASSA-PSS with these parameters") }
    }
}

extension TimestampSigner {
    /// The certificate, of those in the token, that the signer names and whose key has made the signature over `content`.
    func verify(_ content: ArraySlice<UInt8>, certificates: [Certificate]) throws(TimestampError) -> Certificate {
        var named: Certificate?
        for certificate in certificates where named == nil {
            if try isNamed(certificate) { named = certificate }
        }
        guard let certificate = named else { throw .wrongSigner }
        guard hash.hash(content) == Array(contentDigest), isSigned(by: certificate.publicKey) else { throw .badSignature }
        return certificate
    }

    private func isNamed(_ certificate: Certificate) throws(TimestampError) -> Bool {
        var serializer = DER.Serializer()
        var issuer = DER.Serializer()
        let key: ArraySlice<UInt8>?
        do {
            try serializer.serialize(certificate)
            try issuer.serialize(certificate.issuer)
            key = try certificate.extensions.subjectKeyIdentifier?.keyIdentifier
        } catch { throw .wrongSigner }
        switch identifier {
        case .issuer(let name, let serial):
            guard issuer.serializedBytes[...] == name,
                certificate.serialNumber.bytes.drop(while: { $0 == 0 }) == serial.drop(while: { $0 == 0 })
            else { return false }
        case .key(let named): guard key == named else { return false }
        }
        let bytes = serializer.serializedBytes
        switch certificateDigest {
        case .sha1(let digest): return Array(Insecure.SHA1.hash(data: bytes)) == Array(digest)
        case .sha2(let hash, let digest): return hash.hash(bytes[...]) == Array(digest)
        }
    }

    private func isSigned(by key: Certificate.PublicKey) -> Bool {
        switch algorithm {
        case .plain(let algorithm): return key.isValidSignature(signature, for: signedBytes, signatureAlgorithm: algorithm)
        case .pss:
            guard let key = _RSA.Signing.PublicKey(key) else { return false }
            let signature = _RSA.Signing.RSASignature(rawRepresentation: signature)
            switch hash {
            case .sha256: return key.isValidSignature(signature, for: SHA256.hash(data: signedBytes), padding: .PSS)
            case .sha384: return key.isValidSignature(signature, for: SHA384.hash(data: signedBytes), padding: .PSS)
            case .sha512: return key.isValidSignature(signature, for: SHA512.hash(data: signedBytes), padding: .PSS)
            }
        }
    }
}
