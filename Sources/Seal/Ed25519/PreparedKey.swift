import Crypto
import Synchronization

/// Makes a key's tables when it is seen to be used often: they take as long to make as ten verifications.
final class KeyTables: Sendable {
    private static let usesMin = 64
    private let uses = Atomic<Int>(0)
    private let prepared = AtomicLazyReference<PreparedKey>()

    /// nil for the first uses, and always for a key that is not the one encoding of a point.
    func afterOneMoreUse(of bytes: [UInt8]) -> PreparedKey? {
        if let prepared = prepared.load() { return prepared }
        guard uses.wrappingAdd(1, ordering: .relaxed).newValue == Self.usesMin, let made = PreparedKey(bytes: bytes) else { return nil }
        return prepared.storeIfNil(made)
    }
}

/// Tables for one public key, with which its signatures are verified in a fifth of the time that a single verification takes.
///
/// The equation is that of a single verification: the encoding of [S]B - [h]A must be R, byte for byte. Nothing is batched, so that no
/// signature is judged otherwise than by `openssl`, a browser or the library; what is not found valid here is asked of the library.
/// For public values only: how long it takes tells what it computes with.
package final class PreparedKey: Sendable {
    private static let base = MultiplesTable(of: .base, width: 8)
    private let negated: MultiplesTable
    private let bytes: [UInt8]

    /// nil for a key that is not the one encoding of a point: the library judges those.
    package init?(bytes: [UInt8]) {
        guard let point = EdwardsPoint(bytes: bytes) else { return nil }
        self.bytes = bytes
        // A fifth of the size of the base's table, for a tenth more time: there are as many of them as keys.
        negated = MultiplesTable(of: point.negated, width: 5)
    }

    /// RFC 8032 section 5.1.7 with the equation that has no cofactor.
    package func isValid(_ signature: [UInt8], for message: [UInt8]) -> Bool {
        guard signature.count == 64 else { return false }
        let (r, s) = signature.withUnsafeBytes { bytes in
            (bytes.loadUnaligned(as: SIMD4<UInt64>.self), bytes.loadUnaligned(fromByteOffset: 32, as: SIMD4<UInt64>.self))
        }
        guard GroupOrder.isReduced(s) else { return false }
        var hasher = SHA512()
        signature.withUnsafeBytes { hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<32])) }
        bytes.withUnsafeBytes { hasher.update(bufferPointer: $0) }
        message.withUnsafeBytes { hasher.update(bufferPointer: $0) }
        let h = hasher.finalize().withUnsafeBytes { GroupOrder.remainder(of: $0) }
        var sum = EdwardsPoint.neutral
        Self.base.add(times: s, to: &sum)
        negated.add(times: h, to: &sum)
        return sum.words == r
    }
}
