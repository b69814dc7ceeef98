/// An integer modulo p = 2^255 - 19 as five limbs of 51 bits, which may be larger by a little between operations.
///
/// For public values only: nothing here hides what it computes with from somebody who measures the time it takes.
/// A product's limbs are below 2^51 + 2^13. Sums and differences of products stay below 2^54, which is what a product takes.
struct FieldElement: Sendable {
    private var limb0: UInt64
    private var limb1: UInt64
    private var limb2: UInt64
    private var limb3: UInt64
    private var limb4: UInt64

    private static let mask: UInt64 = (1 << 51) - 1
    static let zero = FieldElement(0)
    static let one = FieldElement(1)

    /// Below 2^51.
    init(_ small: UInt64) { self.init(small, 0, 0, 0, 0) }

    @inline(__always)
    private init(_ limb0: UInt64, _ limb1: UInt64, _ limb2: UInt64, _ limb3: UInt64, _ limb4: UInt64) {
        self.limb0 = limb0
        self.limb1 = limb1
        self.limb2 = limb2
        self.limb3 = limb3
        self.limb4 = limb4
    }

    /// 32 bytes, the lowest first; the highest bit is not looked at. nil for p and above: such an encoding is not canonical.
    init?(bytes: [UInt8]) {
        var words: [UInt64] = [0, 0, 0, 0]
        for (index, byte) in bytes.enumerated() { words[index / 8] |= UInt64(byte) << (8 * UInt64(index % 8)) }
        self.init(
            words[0] & Self.mask, (words[0] >> 51 | words[1] << 13) & Self.mask, (words[1] >> 38 | words[2] << 26) & Self.mask,
            (words[2] >> 25 | words[3] << 39) & Self.mask, (words[3] >> 12) & Self.mask)
        guard self.bytes.dropLast() == bytes.dropLast(), self.bytes[31] == bytes[31] & 0x7f else { return nil }
    }

    /// The one encoding of the value: 32 bytes, the lowest first.
    var bytes: [UInt8] {
        let words = words
        return (0..<32).map { UInt8(truncatingIfNeeded: words[$0 / 8] >> (8 * UInt64($0 % 8))) }
    }

    /// The value below p as four words, the lowest first.
    var words: SIMD4<UInt64> {
        var value = self
        value.carry()
        value.carry()
        // Now below 2^255: one subtraction of p at most, seen by what adding 19 carries out of the top.
        var over = (value.limb0 &+ 19) >> 51
        over = (value.limb1 &+ over) >> 51
        over = (value.limb2 &+ over) >> 51
        over = (value.limb3 &+ over) >> 51
        over = (value.limb4 &+ over) >> 51
        value.limb0 &+= 19 &* over
        value.carryUp()
        value.limb4 &= Self.mask
        return SIMD4(
            value.limb0 | value.limb1 << 51, value.limb1 >> 13 | value.limb2 << 38, value.limb2 >> 26 | value.limb3 << 25,
            value.limb3 >> 39 | value.limb4 << 12)
    }

    var isZero: Bool { words == .zero }
    /// What the point encoding of RFC 8032 calls the sign.
    var isNegative: Bool { words[0] & 1 == 1 }

    private mutating func carryUp() {
        limb1 &+= limb0 >> 51
        limb0 &= Self.mask
        limb2 &+= limb1 >> 51
        limb1 &= Self.mask
        limb3 &+= limb2 >> 51
        limb2 &= Self.mask
        limb4 &+= limb3 >> 51
        limb3 &= Self.mask
    }

    private mutating func carry() {
        carryUp()
        limb0 &+= 19 &* (limb4 >> 51)
        limb4 &= Self.mask
    }

    @inline(__always)
    static func + (left: Self, right: Self) -> Self {
        Self(
            left.limb0 &+ right.limb0, left.limb1 &+ right.limb1, left.limb2 &+ right.limb2, left.limb3 &+ right.limb3,
            left.limb4 &+ right.limb4)
    }

    /// - Parameter right: a product, or as small: 2p is added so that no limb goes below zero.
    @inline(__always)
    static func - (left: Self, right: Self) -> Self {
        let low: UInt64 = (1 << 52) - 38
        let other: UInt64 = (1 << 52) - 2
        return Self(
            left.limb0 &+ low &- right.limb0, left.limb1 &+ other &- right.limb1, left.limb2 &+ other &- right.limb2,
            left.limb3 &+ other &- right.limb3, left.limb4 &+ other &- right.limb4)
    }

    @inline(__always)
    private static func wide(_ left: UInt64, _ right: UInt64) -> UInt128 {
        UInt128(truncatingIfNeeded: left) &* UInt128(truncatingIfNeeded: right)
    }

    @inline(__always)
    static func * (left: Self, right: Self) -> Self {
        let (a0, a1, a2, a3, a4) = (left.limb0, left.limb1, left.limb2, left.limb3, left.limb4)
        let (b0, b1, b2, b3, b4) = (right.limb0, right.limb1, right.limb2, right.limb3, right.limb4)
        // 2^255 is 19: what would stand above the top limb comes back at the bottom.
        let (c1, c2, c3, c4) = (b1 &* 19, b2 &* 19, b3 &* 19, b4 &* 19)
        let r0 = wide(a0, b0) &+ wide(a1, c4) &+ wide(a2, c3) &+ wide(a3, c2) &+ wide(a4, c1)
        let r1 = wide(a0, b1) &+ wide(a1, b0) &+ wide(a2, c4) &+ wide(a3, c3) &+ wide(a4, c2)
        let r2 = wide(a0, b2) &+ wide(a1, b1) &+ wide(a2, b0) &+ wide(a3, c4) &+ wide(a4, c3)
        let r3 = wide(a0, b3) &+ wide(a1, b2) &+ wide(a2, b1) &+ wide(a3, b0) &+ wide(a4, c4)
        let r4 = wide(a0, b4) &+ wide(a1, b3) &+ wide(a2, b2) &+ wide(a3, b1) &+ wide(a4, b0)
        return reduced(r0, r1, r2, r3, r4)
    }

    @inline(__always)
    var squared: Self {
        let (a0, a1, a2, a3, a4) = (limb0, limb1, limb2, limb3, limb4)
        let (d0, d1, d2) = (a0 &* 2, a1 &* 2, a2 &* 2)
        let (c3, c4) = (a3 &* 19, a4 &* 19)
        let r0 = Self.wide(a0, a0) &+ Self.wide(d1, c4) &+ Self.wide(d2, c3)
        let r1 = Self.wide(d0, a1) &+ Self.wide(d2, c4) &+ Self.wide(a3, c3)
        let r2 = Self.wide(d0, a2) &+ Self.wide(a1, a1) &+ Self.wide(a3 &* 2, c4)
        let r3 = Self.wide(d0, a3) &+ Self.wide(d1, a2) &+ Self.wide(a4, c4)
        let r4 = Self.wide(d0, a4) &+ Self.wide(d1, a3) &+ Self.wide(a2, a2)
        return Self.reduced(r0, r1, r2, r3, r4)
    }

    @inline(__always)
    private static func reduced(_ r0: UInt128, _ r1: UInt128, _ r2: UInt128, _ r3: UInt128, _ r4: UInt128) -> Self {
        let s1 = r1 &+ r0 &>> 51
        let s2 = r2 &+ s1 &>> 51
        let s3 = r3 &+ s2 &>> 51
        let s4 = r4 &+ s3 &>> 51
        let low = UInt64(truncatingIfNeeded: r0) & mask &+ 19 &* UInt64(truncatingIfNeeded: s4 &>> 51)
        return Self(
            low & mask, UInt64(truncatingIfNeeded: s1) & mask &+ low >> 51, UInt64(truncatingIfNeeded: s2) & mask,
            UInt64(truncatingIfNeeded: s3) & mask, UInt64(truncatingIfNeeded: s4) & mask)
    }

    func squared(times: Int) -> Self {
        var result = self
        for _ in 0..<times { result = result.squared }
        return result
    }

    /// To the power 2^250 - 1, and to the power 11: what both exponents below are made from.
    private var ladder: (high: Self, eleven: Self) {
        let nine = squared.squared.squared * self
        let eleven = nine * squared
        let five = eleven.squared * nine  // 2^5 - 1
        let ten = five.squared(times: 5) * five
        let twenty = ten.squared(times: 10) * ten
        let fifty = (twenty.squared(times: 20) * twenty).squared(times: 10) * ten
        let hundred = fifty.squared(times: 50) * fifty
        return ((hundred.squared(times: 100) * hundred).squared(times: 50) * fifty, eleven)
    }

    /// To the power p - 2; zero for zero.
    var inverse: Self {
        let (high, eleven) = ladder
        return high.squared(times: 5) * eleven
    }

    /// To the power (p - 5) / 8, with which RFC 8032 section 5.1.3 takes a square root.
    var toFiveEighths: Self { ladder.high.squared(times: 2) * self }
}
