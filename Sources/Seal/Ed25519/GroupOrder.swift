/// Arithmetic modulo L = 2^252 + 27742317777372353535851937790883648493, the order of the base point (RFC 8032 section 5.1).
enum GroupOrder {
    /// L - 2^252 as two words, the lowest first.
    private static let low: (UInt64, UInt64) = (0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6)
    private static let order = SIMD4<UInt64>(low.0, low.1, 0, 1 << 60)

    /// Whether the four words, the lowest first, are below L.
    static func isReduced(_ scalar: SIMD4<UInt64>) -> Bool {
        for index in [3, 2, 1, 0] where scalar[index] != order[index] { return scalar[index] < order[index] }
        return false
    }

    /// The remainder of a number of 64 bytes, the lowest first.
    static func remainder(of bytes: UnsafeRawBufferPointer) -> SIMD4<UInt64> {
        var rest = SIMD4<UInt64>.zero
        for index in stride(from: 60, through: 0, by: -4) {
            let next = UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self)))
            // What is above bit 252 is so many times L too much, or once fewer.
            let quotient = rest[3] >> 28
            rest[3] = (rest[3] << 32 | rest[2] >> 32) & (1 << 60 - 1)
            rest[2] = rest[2] << 32 | rest[1] >> 32
            rest[1] = rest[1] << 32 | rest[0] >> 32
            rest[0] = rest[0] << 32 | next
            let first = quotient.multipliedFullWidth(by: low.0)
            let second = quotient.multipliedFullWidth(by: low.1)
            let (middle, overflow) = second.low.addingReportingOverflow(first.high)
            if subtract(SIMD4(first.low, middle, second.high &+ (overflow ? 1 : 0), 0), from: &rest) { addOrder(to: &rest) }
        }
        return rest
    }

    /// - Returns: whether it went below zero.
    private static func subtract(_ other: SIMD4<UInt64>, from value: inout SIMD4<UInt64>) -> Bool {
        var borrow: UInt64 = 0
        for index in 0..<4 {
            let (first, isBelow) = value[index].subtractingReportingOverflow(other[index])
            let (second, isBelowToo) = first.subtractingReportingOverflow(borrow)
            value[index] = second
            borrow = isBelow || isBelowToo ? 1 : 0
        }
        return borrow == 1
    }

    private static func addOrder(to value: inout SIMD4<UInt64>) {
        var carry: UInt64 = 0
        for index in 0..<4 {
            let (first, isOver) = value[index].addingReportingOverflow(order[index])
            let (second, isOverToo) = first.addingReportingOverflow(carry)
            value[index] = second
            carry = isOver || isOverToo ? 1 : 0
        }
    }
}
