import Crypto
package import Model
import Seal

/// A node of the log's Merkle tree: SHA-256 as RFC 6962 section 2.1 uses it. A plain value of 32 bytes, because a log has millions.
package struct LogHash: Hashable, Sendable {
    // The bytes in memory order: never to be read as numbers.
    private let a, b, c, d: UInt64

    /// nil unless `bytes` are 32.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        let array = Array(bytes)
        self = array.withUnsafeBytes { $0.loadUnaligned(as: LogHash.self) }
    }

    package init(_ digest: Model.Digest) {
        // Both are 32 bytes in memory order.
        self = digest.withBytes { $0.loadUnaligned(as: LogHash.self) }
    }

    package static let byteCount = 32

    /// The root of a log without entries: SHA-256 of nothing.
    package static let empty = LogHash(bytes: Array(SHA256().finalize()))!

    package var bytes: [UInt8] { withUnsafeBytes(of: self) { Array($0) } }
    package var digest: Model.Digest { withUnsafeBytes(of: self) { Model.Digest(copying: $0) } }

    /// RFC 6962: SHA-256(0x00 ‖ entry).
    package static func leaf(_ entry: [UInt8]) -> LogHash {
        entry.withUnsafeBytes { leaf(UnsafeRawBufferPointer($0)) }
    }

    static func leaf(_ entry: UnsafeRawBufferPointer) -> LogHash {
        if entry.count == 64 { return hash(prefix: 0, entry.baseAddress!) }
        var function = SHA256()
        withUnsafeBytes(of: UInt8(0)) { function.update(bufferPointer: $0) }
        function.update(bufferPointer: entry)
        return function.finalize().withUnsafeBytes { $0.loadUnaligned(as: LogHash.self) }
    }

    /// RFC 6962: SHA-256(0x01 ‖ left ‖ right).
    package static func node(_ left: LogHash, _ right: LogHash) -> LogHash {
        withUnsafeBytes(of: (left, right)) { hash(prefix: 1, $0.baseAddress!) }
    }

    /// The parent of the two hashes that lie one after the other at `pair`.
    static func node(pair: UnsafePointer<LogHash>) -> LogHash { hash(prefix: 1, UnsafeRawPointer(pair)) }

    /// The 65 bytes side by side, so that the library is called once: this is where a log's time goes.
    private static func hash(prefix: UInt8, _ bytes: UnsafeRawPointer) -> LogHash {
        withUnsafeTemporaryAllocation(byteCount: 65, alignment: 1) { message in
            message[0] = prefix
            message.baseAddress!.advanced(by: 1).copyMemory(from: bytes, byteCount: 64)
            var function = SHA256()
            function.update(bufferPointer: UnsafeRawBufferPointer(message))
            return function.finalize().withUnsafeBytes { $0.loadUnaligned(as: LogHash.self) }
        }
    }
}

/// Base 64 (RFC 4648 section 4), as checkpoints and proofs write hashes.
extension LogHash: LosslessStringConvertible {
    package var description: String { bytes.base64 }

    package init?(_ text: String) {
        guard text.utf8.count == 44, let bytes = [UInt8](base64: text) else { return nil }
        self.init(bytes: bytes)
    }
}
