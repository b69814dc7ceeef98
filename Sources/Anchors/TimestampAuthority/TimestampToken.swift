import Model
import SwiftASN1
import X509

/// What a TimeStampResp (RFC 3161 2.4.2) holds, read and not yet believed.
///
/// Strict DER only. One signer, with signed attributes; other forms of RFC 5652 are refused.
struct TimestampToken {
    /// Ours, in bytes: answers of public authorities are 3 to 8 KiB.
    static let bytesMax = 64 << 10
    /// Ours: the search for a chain grows with the number of certificates that are offered.
    static let certificatesMax = 8

    /// The TSTInfo as it was signed.
    let content: ArraySlice<UInt8>
    let info: TimestampInfo
    let certificates: [Certificate]
    let signer: TimestampSigner

    init(response bytes: [UInt8]) throws(TimestampError) {
        guard bytes.count <= Self.bytesMax else { throw .malformed("answer of at most \(Self.bytesMax) bytes") }
        var response = try DERFields(try parseDER(bytes[...], "TimeStampResp"), "TimeStampResp")
        var status = try response.fields("PKIStatusInfo")
        let number = try status.object("PKIStatus", as: Int.self)
        // 0 granted, 1 granted with modifications.
        guard number == 0 || number == 1 else { throw .rejected(status: number) }
        var token = try response.fields("TimeStampToken")
        try response.finish("TimeStampResp")
        guard try token.object("content type", as: ASN1ObjectIdentifier.self) == .signedData else { throw .malformed("SignedData") }
        var explicit = try token.fields("SignedData", .context(0))
        try token.finish("TimeStampToken")
        try self.init(signedData: try explicit.next("SignedData"))
        try explicit.finish("SignedData")
    }

    private init(signedData node: ASN1Node) throws(TimestampError) {
        var fields = try DERFields(node, "SignedData")
        _ = try fields.object("version of SignedData", as: Int.self)
        _ = try fields.fields("digest algorithms", .set)
        var content = try fields.fields("encapsulated content")
        guard try content.object("content type", as: ASN1ObjectIdentifier.self) == .timestampInfo else { throw .malformed("TSTInfo") }
        var explicit = try content.fields("TSTInfo", .context(0))
        self.content = try explicit.object("TSTInfo", as: ASN1OctetString.self).bytes
        try explicit.finish("TSTInfo")
        try content.finish("encapsulated content")
        info = try TimestampInfo(self.content)

        var certificates: [Certificate] = []
        if let set = fields.optional(.context(0)) {
            var members = try DERFields(set, "certificates", .context(0))
            let nodes = members.rest()
            guard nodes.count <= Self.certificatesMax else { throw .malformed("set of at most \(Self.certificatesMax) certificates") }
            // One of a kind that we cannot read may be there for others; if it was needed, the chain will not close.
            certificates = nodes.compactMap { try? Certificate(derEncoded: $0) }
        }
        self.certificates = certificates
        _ = fields.optional(.context(1))
        var signers = try fields.fields("signers", .set)
        signer = try TimestampSigner(try signers.next("signer"))
        try signers.finish("signers")
        try fields.finish("SignedData")
    }
}

/// TSTInfo of RFC 3161 2.4.2.
struct TimestampInfo {
    let imprint: [UInt8]
    let serial: ArraySlice<UInt8>
    let time: Timestamp
    let nonce: ArraySlice<UInt8>?
    /// DER of the directory name that the authority gives itself.
    let authority: ArraySlice<UInt8>?

    init(_ bytes: ArraySlice<UInt8>) throws(TimestampError) {
        var fields = try DERFields(try parseDER(bytes, "TSTInfo"), "TSTInfo")
        guard try fields.object("version", as: Int.self) == 1 else { throw .malformed("version 1") }
        _ = try fields.object("policy", as: ASN1ObjectIdentifier.self)
        var imprint = try fields.fields("message imprint")
        guard try imprint.algorithm("imprint's algorithm") == .sha256 else { throw .wrongImprint }
        self.imprint = Array(try imprint.object("imprint", as: ASN1OctetString.self).bytes)
        try imprint.finish("message imprint")
        serial = try fields.object("serial number", as: ArraySlice<UInt8>.self)
        let time = try fields.object("time", as: GeneralizedTime.self)
        guard let instant = Timestamp(time) else { throw .malformed("time") }
        self.time = instant
        _ = fields.optional(.sequence)  // accuracy
        _ = fields.optional(.boolean)  // ordering
        nonce = try fields.optional(.integer).map { node throws(TimestampError) in
            do { return try ArraySlice<UInt8>(derEncoded: node) } catch { throw .malformed("nonce") }
        }
        authority = try fields.optional(.context(0)).flatMap { node throws(TimestampError) in
            var name = try DERFields(node, "authority's name", .context(0))
            // A directory name; other kinds are hints to people.
            guard let directory = name.optional(.context(4)) else { return nil }
            var held = try DERFields(directory, "authority's name", .context(4))
            return try held.next("authority's name").encodedBytes
        }
        // An extension may be critical; none is known to us.
        try fields.finish("TSTInfo")
    }
}

extension Timestamp {
    fileprivate init?(_ time: GeneralizedTime) {
        guard let date = CivilDate(year: Int64(time.year), month: Int64(time.month), day: Int64(time.day)) else { return nil }
        let minutes = (date.daysSinceEpoch * 24 + Int64(time.hours)) * 60 + Int64(time.minutes)
        self.init(milliseconds: (minutes * 60 + Int64(time.seconds)) * 1_000 + Int64(time.fractionalSeconds * 1_000))
    }
}
