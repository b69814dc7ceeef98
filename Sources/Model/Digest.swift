/// A SHA-256 value. Text form is 64 lower-case hexadecimal digits.
package struct Digest: Hashable, Sendable, LosslessStringConvertible {
    /// Always 32 bytes.
    package let bytes: [UInt8]

    /// nil unless `bytes` are 32.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    package init?(_ text: String) {
        guard let bytes = [UInt8](hexadecimal: text) else { return nil }
        self.init(bytes: bytes)
    }

    /// The same, from bytes.
    package init?(utf8 text: UnsafeBufferPointer<UInt8>) {
        guard let bytes = [UInt8](hexadecimal: text) else { return nil }
        self.init(bytes: bytes)
    }

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
