/// The name of an object: segments separated by `/`, for example `log/tile/0/x001/067.p/12`.
///
/// 1 to 512 bytes; 1 to 16 segments of 1 to 128 bytes of `A-Z a-z 0-9 . _ -`; none consists of dots only, so that no key leaves
/// its directory. Of two keys one must not lie below the other (`a` and `a/b`): a directory cannot hold both.
package struct ObjectKey: Hashable, Comparable, Sendable, LosslessStringConvertible {
    package static let bytesMax = 512
    package static let segmentsMax = 16
    package static let segmentBytesMax = 128

    package let description: String

    package init?(_ text: String) {
        guard text.utf8.count <= Self.bytesMax, Self.areSegments(text.utf8, countMax: Self.segmentsMax) else { return nil }
        description = text
    }

    /// By bytes, as S3 lists them.
    package static func < (left: ObjectKey, right: ObjectKey) -> Bool {
        left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
    }

    package var segments: [Substring] { description.split(separator: "/", omittingEmptySubsequences: false) }

    static func areSegments(_ bytes: some Collection<UInt8>, countMax: Int) -> Bool {
        var count = 1
        var length = 0
        var onlyDots = true
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "/"):
                guard length > 0, !onlyDots else { return false }
                count += 1
                length = 0
                onlyDots = true
                guard count <= countMax else { return false }
            case 48...57, 65...90, 97...122, UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
                length += 1
                onlyDots = onlyDots && byte == UInt8(ascii: ".")
                guard length <= segmentBytesMax else { return false }
            default:
                return false
            }
        }
        return length > 0 && !onlyDots
    }
}

/// What a listing is restricted to: nothing (`""`), or whole segments that end in `/`.
package struct ObjectPrefix: Hashable, Sendable, LosslessStringConvertible {
    package let description: String

    package static let all = ObjectPrefix("")!

    package init?(_ text: String) {
        guard text.utf8.count <= ObjectKey.bytesMax else { return nil }
        if !text.isEmpty {
            guard text.utf8.last == UInt8(ascii: "/"), ObjectKey.areSegments(text.utf8.dropLast(), countMax: ObjectKey.segmentsMax - 1)
            else { return nil }
        }
        description = text
    }
}
