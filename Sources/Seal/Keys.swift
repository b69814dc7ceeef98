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
    private var tables: KeyTables?
    /// 32 bytes.
    package let bytes: [UInt8]
    package let id: KeyID

    /// nil unless `bytes` are 32 and not those of a point of small order.
    package init?(bytes: [UInt8]) {
        guard !Self.isSmallOrder(bytes), let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) else { return nil }
        self.init(key)
    }

    fileprivate init(_ key: Curve25519.Signing.PublicKey) {
        self.key = key
        bytes = Array(key.rawRepresentation)
        id = KeyID(of: bytes)
    }

    /// Whether eight times the point is the neutral element: then anybody can make signatures that verify, for any message, and
    /// RFC 8032 does not ask a verifier to refuse them (Chalkias, Garillot, Nikolaenko: "Taming the many EdDSAs", 2020).
    private static func isSmallOrder(_ bytes: [UInt8]) -> Bool {
        guard let last = bytes.last else { return false }
        // The highest bit is the sign of x; both signs are in question.
        return smallOrderPoints.contains(bytes.dropLast() + [last & 0x7f])
    }

    /// The y of every such point, also as encodings of y + p where those fit.
    private static let smallOrderPoints: Set<[UInt8]> = [
        [UInt8](repeating: 0, count: 32),
        [1] + [UInt8](repeating: 0, count: 31),
        [UInt8](hexadecimal: "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")!,
        [UInt8](hexadecimal: "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")!,
        [0xec] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
        [0xed] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
        [0xee] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
    ]

    package func isValid(_ signature: [UInt8], for bytes: [UInt8]) -> Bool {
        if let tables = tables?.afterOneMoreUse(of: self.bytes), tables.isValid(signature, for: bytes) { return true }
        return signature.count == 64 && key.isValidSignature(signature, for: bytes)
    }

    /// The same key for somebody who verifies much with it and all its copies: from the 64th signature on in a fifth of the time, with
    /// 100 KB of tables.
    package func forMany() -> VerifyingKey {
        var key = self
        key.tables = KeyTables()
        return key
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
        // By bytes: texts that Unicode holds equivalent are equal as texts.
        guard self.pem.utf8.elementsEqual(pem.utf8) else { return nil }
    }
}
