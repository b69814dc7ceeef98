// Notes are compared and taken apart by bytes: Swift's characters would take `é` in two spellings for one name, and a space
// before a combining mark for no space.

extension StringProtocol {
    /// The same bytes, not only the same characters.
    func isSame(_ other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }

    func pieces(_ separator: Unicode.Scalar, splitsMax: Int = .max) -> [String] {
        utf8.split(separator: UInt8(ascii: separator), maxSplits: splitsMax, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// The number that this is the decimal text of: ASCII digits, no sign, no needless zero in front, at most 2^63-1.
    var decimal: Int64? {
        let digits = utf8
        guard (1...19).contains(digits.count), digits.first != UInt8(ascii: "0") || digits.count == 1 else { return nil }
        var value: Int64 = 0
        for digit in digits {
            guard (48...57).contains(digit) else { return nil }
            let (shifted, isLost) = value.multipliedReportingOverflow(by: 10)
            let (sum, isOver) = shifted.addingReportingOverflow(Int64(digit - 48))
            guard !isLost, !isOver else { return nil }
            value = sum
        }
        return value
    }
}

extension FixedWidthInteger {
    var bigEndianBytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }
}

extension UInt32 {
    /// From four bytes, big endian.
    init(bigEndianBytes bytes: some Sequence<UInt8>) { self = bytes.reduce(0) { $0 << 8 | UInt32($1) } }
}
