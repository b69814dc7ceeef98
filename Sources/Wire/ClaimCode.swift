package import Model

/// What a person types to enrol an appliance: `XXXXX-XXXXX-XXXXX-XXXXX-XXXXX` in Crockford's base 32.
///
/// The first 12 characters (60 bits) are the secret that Central knows by its hash; the other 13 are the leading 65 bits of
/// the SHA-256 of the CA certificate's DER. The box compares the fingerprint before it sends the secret anywhere.
package struct ClaimCode: Hashable, Sendable, CustomStringConvertible {
    /// 12 upper-case characters.
    package let secret: String
    /// 13 upper-case characters.
    package let fingerprint: String

    /// - Parameter authority: SHA-256 of the CA certificate's DER.
    package init(authority: Digest, random: inout some RandomNumberGenerator) {
        secret = Self.characters(of: random.next() >> 4, count: 12)
        fingerprint = Self.fingerprint(of: authority)
    }

    package init(authority: Digest) {
        var random = SystemRandomNumberGenerator()
        self.init(authority: authority, random: &random)
    }

    /// Reads what a person typed: any case, dashes and spaces anywhere, and as Crockford has it `O` for 0, `I` and `L` for 1.
    package init(_ text: String) throws(ClaimCodeError) {
        guard text.utf8.count <= 100 else { throw .length }
        var characters: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "-"), UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): continue
            default: break
            }
            let upper = (97...122).contains(byte) ? byte - 32 : byte
            switch upper {
            case UInt8(ascii: "O"): characters.append(UInt8(ascii: "0"))
            case UInt8(ascii: "I"), UInt8(ascii: "L"): characters.append(UInt8(ascii: "1"))
            case _ where alphabet.contains(upper): characters.append(upper)
            default: throw .character
            }
        }
        guard characters.count == 25 else { throw .length }
        secret = String(decoding: characters[..<12], as: UTF8.self)
        fingerprint = String(decoding: characters[12...], as: UTF8.self)
    }

    /// Whether this is the authority that the code was made for.
    package func matches(authority: Digest) -> Bool { Self.fingerprint(of: authority) == fingerprint }

    /// With its dashes. It is a secret until it was used: shown once, never logged.
    package var text: String {
        let all = Array((secret + fingerprint).utf8)
        return stride(from: 0, to: 25, by: 5).map { String(decoding: all[$0..<($0 + 5)], as: UTF8.self) }.joined(separator: "-")
    }

    package var description: String { "<redacted>" }

    private static func fingerprint(of digest: Digest) -> String {
        let leading = digest.bytes[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        // 64 bits, and the first of the ninth byte.
        return characters(of: leading >> 4, count: 12)
            + characters(of: (leading & 15) << 1 | UInt64(digest.bytes[8] >> 7), count: 1)
    }

    /// The lowest `5 * count` bits, most significant first.
    private static func characters(of bits: UInt64, count: Int) -> String {
        String(decoding: (0..<count).map { alphabet[Int(bits >> UInt64(5 * (count - 1 - $0)) & 31)] }, as: UTF8.self)
    }
}

private let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

package enum ClaimCodeError: Error, Hashable, Sendable {
    case length
    case character

    package var code: Code {
        switch self {
        case .length: "claim.length"
        case .character: "claim.character"
        }
    }

    package var message: String {
        switch self {
        case .length: "the claim code does not have 25 characters; nothing was sent. Type it again."
        case .character: "the claim code has a character that no code has; nothing was sent. Type it again."
        }
    }
}
