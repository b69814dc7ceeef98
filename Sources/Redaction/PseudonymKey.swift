import Crypto
import Glibc
package import Seal

/// A site's secret for pseudonyms: without it nobody can try all social security numbers until one gives the tag.
package struct PseudonymKey: Sendable, CustomStringConvertible {
    private let start: HMAC<SHA256>
    /// The 32 secret bytes, for `PrivateFile` only.
    private let secret: [UInt8]

    /// nil unless `secret` is 32 bytes.
    package init?(secret: [UInt8]) {
        guard secret.count == 32 else { return nil }
        self.secret = secret
        start = HMAC<SHA256>(key: SymmetricKey(data: secret))
    }

    /// A fresh one from the system's random source.
    package init() {
        var random = SystemRandomNumberGenerator()
        self.init(secret: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })!
    }

    /// Reads the key file, and makes it when there is none (32 raw bytes, 0600, durable on return). Losing it costs nothing but
    /// that a value has another tag from then on.
    package static func load(orCreateAt path: String) throws(PrivateFileError) -> PseudonymKey {
        do {
            return PseudonymKey(secret: try PrivateFile.read(path, size: 32...32))!
        } catch .missing {
            let key = PseudonymKey()
            do {
                try PrivateFile.create(path, key.secret)
            } catch .exists {
                return PseudonymKey(secret: try PrivateFile.read(path, size: 32...32))!
            }
            return key
        }
    }

    package var description: String { "<redacted>" }

    /// Letters of a tag: 12 of `a`…`p`, 48 bits. Letters only, so that no recogniser finds an identifier in a tag.
    static let lettersCount = 12

    /// Appends `[kind:letters]`. The same value of a kind has the same letters at one site, however it is written: digits are
    /// taken without what groups them, letters without case.
    func appendTag(_ kind: EntityKind, _ value: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]) {
        var normal = Array(kind.rawValue.utf8)
        normal.append(0)
        for byte in value {
            if kind.isNumeric ? byte.isDigit : (byte.isAlphanumeric || byte >= 0x80 || byte == UInt8(ascii: "@")) {
                normal.append(byte.lowercase)
            } else if kind == .email, byte != UInt8(ascii: " ") {
                normal.append(byte)
            }
        }
        // A number of the United States with and without its country code is one number.
        if kind == .phone, normal.count == 6 + 11, normal[6] == UInt8(ascii: "1") { normal.remove(at: 6) }
        var code = start
        code.update(data: normal)
        output.append(UInt8(ascii: "["))
        output.append(contentsOf: kind.rawValue.utf8)
        output.append(UInt8(ascii: ":"))
        for byte in code.finalize().prefix(Self.lettersCount / 2) {
            output.append(UInt8(ascii: "a") + (byte >> 4))
            output.append(UInt8(ascii: "a") + (byte & 15))
        }
        output.append(UInt8(ascii: "]"))
    }
}
