package import Evidence
import Glibc

/// Bundles of one appliance that follow one another, as they stand in a kit: one a line, and their signatures beside them.
///
/// Canonical JSON has no line breaks, so that standard tools find a bundle by its number; and a kit of a year has some hundred
/// files instead of hundreds of thousands. `docs/adr/0005-one-layout-for-kits.md`.
package struct KitChunk: Sendable {
    package static let bundlesMax: Int64 = 1_000
    /// Of lines, unless the first alone is longer.
    package static let bytesMax = 16 << 20
    static let signatureSize = 64
    private static let lineEnd = UInt8(ascii: "\n")

    package private(set) var lines: [UInt8] = []
    package private(set) var signatures: [UInt8] = []
    private(set) var count: Int64 = 0

    package init() {}

    func hasRoom(for bundle: SignedBundle) -> Bool {
        count == 0 || (count < Self.bundlesMax && lines.count + bundle.bytes.count < Self.bytesMax)
    }

    package mutating func add(_ bundle: SignedBundle) {
        lines += bundle.bytes
        lines.append(Self.lineEnd)
        signatures += bundle.signature
        count += 1
    }

    mutating func empty() {
        lines.removeAll(keepingCapacity: true)
        signatures.removeAll(keepingCapacity: true)
        count = 0
    }

    /// nil unless there are 1 to 1,000 whole lines, and a signature for each.
    package static func bundles(lines: [UInt8], signatures: [UInt8]) -> [SignedBundle]? {
        guard lines.last == lineEnd, signatures.count % signatureSize == 0, signatures.count / signatureSize <= bundlesMax else {
            return nil
        }
        let count = signatures.count / signatureSize
        var bundles: [SignedBundle] = []
        bundles.reserveCapacity(count)
        return lines.withUnsafeBytes { all in
            var start = 0
            // `memchr` looks at dozens of bytes at a time; a loop of ours would cost as much as half of a signature.
            while start < all.count, bundles.count < count,
                let end = memchr(all.baseAddress! + start, Int32(lineEnd), all.count - start)
            {
                let next = UnsafeRawPointer(end) - all.baseAddress!
                let place = bundles.count * signatureSize
                bundles.append(
                    SignedBundle(bytes: Array(all[start..<next]), signature: Array(signatures[place..<(place + signatureSize)])))
                start = next + 1
            }
            return start == all.count && bundles.count == count ? bundles : nil
        }
    }
}
