import Crypto
import Model

/// Names a public key: `key_` and the first 16 hexadecimal digits of the SHA-256 of its 32 raw bytes.
package struct KeyID: Hashable, Comparable, Sendable, LosslessStringConvertible {
    package let description: String

    package init?(_ text: String) {
        let bytes = text.utf8
        guard bytes.count == 20, text.hasPrefix("key_"),
            bytes.dropFirst(4).allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        else { return nil }
        description = text
    }

    package init(of rawKey: [UInt8]) { description = "key_" + Digest(of: rawKey).bytes[..<8].hexadecimal }

    package static func < (left: KeyID, right: KeyID) -> Bool { left.description < right.description }
}

/// An Ed25519 private key (RFC 8032). Never printed; written only by `PrivateFile`.
package struct SigningKey: Sendable, CustomStringConvertible {
    private let key: Curve25519.Signing.PrivateKey
    package let verifyingKey: VerifyingKey

    /// A fresh key from the system's random source.
    package init() { self.init(Curve25519.Signing.PrivateKey()) }

    /// nil unless `seed` is 32 bytes.
    package init?(seed: [UInt8]) {
        guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else { return nil }
        self.init(key)
    }

    private init(_ key: Curve25519.Signing.PrivateKey) {
        self.key = key
        verifyingKey = VerifyingKey(key.publicKey)
    }

    package var id: KeyID { verifyingKey.id }
    package var description: String { "<redacted \(id)>" }

    /// 64 bytes.
    package func sign(_ bytes: [UInt8]) -> [UInt8] {
        // The library fails here only when it cannot allocate.
        Array(try! key.signature(for: bytes))
    }

    /// The 32 secret bytes, for `PrivateFile` only.
    package var seed: [UInt8] { Array(key.rawRepresentation) }
}

/// An Ed25519 public key.
package struct VerifyingKey: Hashable, Sendable {
    private let key: Curve25519.Signing.PublicKey
    /// 32 bytes.
    package let bytes: [UInt8]
    package let id: KeyID

    /// nil unless `bytes` are 32.
    package init?(bytes: [UInt8]) {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) else { return nil }
        self.init(key)
    }

    fileprivate init(_ key: Curve25519.Signing.PublicKey) {
        self.key = key
        bytes = Array(key.rawRepresentation)
        id = KeyID(of: bytes)
    }

    package func isValid(_ signature: [UInt8], for bytes: [UInt8]) -> Bool {
        signature.count == 64 && key.isValidSignature(signature, for: bytes)
    }

    package static func == (left: VerifyingKey, right: VerifyingKey) -> Bool { left.bytes == right.bytes }
    package func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}

extension VerifyingKey {
    /// What stands before the raw key in a SubjectPublicKeyInfo (RFC 8410 section 4).
    private static let informationPrefix: [UInt8] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]

    /// As `openssl pkeyutl -pubin -inkey` takes it.
    package var pem: String { "-----BEGIN PUBLIC KEY-----\n\((Self.informationPrefix + bytes).base64)\n-----END PUBLIC KEY-----\n" }

    /// Accepts only what `pem` writes.
    package init?(pem: String) {
        let lines = pem.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 4, let information = [UInt8](base64: String(lines[1])),
            information.starts(with: Self.informationPrefix)
        else { return nil }
        self.init(bytes: Array(information.dropFirst(Self.informationPrefix.count)))
        guard self.pem == pem else { return nil }
    }
}
