/// A SHA-256 value. Text form is 64 lower-case hexadecimal digits.
///
/// A plain value of 32 bytes and not an array: every bundle that is read has a dozen of them.
package struct Digest: Hashable, Sendable, LosslessStringConvertible {
    // The bytes in memory order: never to be read as numbers.
    private let a, b, c, d: UInt64

    package static let byteCount = 32

    /// nil unless `bytes` are 32.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self = bytes.withUnsafeBytes { Digest(copying: $0) }
    }

    /// - Precondition: 32 bytes.
    package init(copying bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == Self.byteCount, "a digest has 32 bytes")
        self = bytes.loadUnaligned(as: Digest.self)
    }

    package init?(_ text: String) {
        var text = text
        guard let digest = text.withUTF8(Digest.init(utf8:)) else { return nil }
        self = digest
    }

    /// The same, from bytes.
    package init?(utf8 text: UnsafeBufferPointer<UInt8>) {
        guard text.count == 2 * Self.byteCount else { return nil }
        let digest = withUnsafeTemporaryAllocation(byteCount: Self.byteCount, alignment: 8) { bytes -> Digest? in
            var strange: UInt8 = 0
            for index in 0..<Self.byteCount {
                let (high, low) = (hexadecimalValues[Int(text[2 * index])], hexadecimalValues[Int(text[2 * index + 1])])
                strange |= high | low
                bytes[index] = high << 4 | low
            }
            // No digit's value has any of these bits.
            return strange & 0xf0 == 0 ? Digest(copying: UnsafeRawBufferPointer(bytes)) : nil
        }
        guard let digest else { return nil }
        self = digest
    }

    /// Always 32.
    package var bytes: [UInt8] { withBytes { Array($0) } }

    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result { withUnsafeBytes(of: self, body) }

    /// What the first bundle of a chain names as its predecessor: 32 zero bytes.
    package static let genesis = Digest(bytes: [UInt8](repeating: 0, count: 32))!

    package var description: String { bytes.hexadecimal }
}

extension Sequence<UInt8> {
    package var hexadecimal: String {
        var text: [UInt8] = []
        text.reserveCapacity(underestimatedCount * 2)
        for byte in self {
            text.append(hexadecimalDigits[Int(byte >> 4)])
            text.append(hexadecimalDigits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}

private let hexadecimalDigits = Array("0123456789abcdef".utf8)

/// Of each byte as a lower-case digit; 255 for all others.
private let hexadecimalValues: [UInt8] = (UInt8.min...UInt8.max).map { byte in
    hexadecimalDigits.firstIndex(of: byte).map { UInt8($0) } ?? 255
}

extension [UInt8] {
    /// Accepts lower-case digits only, so that every value has one text.
    package init?(hexadecimal text: String) {
        var text = text
        guard let bytes = text.withUTF8([UInt8].init(hexadecimal:)) else { return nil }
        self = bytes
    }

    init?(hexadecimal digits: UnsafeBufferPointer<UInt8>) {
        guard digits.count % 2 == 0 else { return nil }
        func value(_ digit: UInt8) -> UInt8? {
            switch digit {
            case 48...57: digit - 48
            case 97...102: digit - 87
            default: nil
            }
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        self = bytes
    }
}
