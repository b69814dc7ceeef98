/// A point of edwards25519 (RFC 8032 section 5.1) in extended coordinates: x = X/Z, y = Y/Z, xy = T/Z. For public values only.
struct EdwardsPoint: Sendable {
    var x: FieldElement
    var y: FieldElement
    var z: FieldElement
    var t: FieldElement

    static let neutral = EdwardsPoint(x: .zero, y: .one, z: .one, t: .zero)
    /// -121665/121666.
    static let d = (FieldElement.zero - FieldElement(121_665)) * FieldElement(121_666).inverse
    static let base = EdwardsPoint(bytes: [0x58] + [UInt8](repeating: 0x66, count: 31))!
    /// 2^((p-1)/4).
    private static let rootOfMinusOne = FieldElement(2).toFiveEighths.squared * FieldElement(2)

    init(x: FieldElement, y: FieldElement, z: FieldElement, t: FieldElement) {
        self.x = x
        self.y = y
        self.z = z
        self.t = t
    }

    /// nil unless the 32 bytes are the one encoding of a point (RFC 8032 section 5.1.3).
    init?(bytes: [UInt8]) {
        guard bytes.count == 32, let y = FieldElement(bytes: bytes) else { return nil }
        let u = y.squared - .one
        let v = Self.d * y.squared + .one
        let v3 = v.squared * v
        var x = u * v3 * (u * v3.squared * v).toFiveEighths
        let vxx = v * x.squared
        if !((vxx - u * .one).isZero) {
            guard (vxx + u).isZero else { return nil }
            x = x * Self.rootOfMinusOne
        }
        let isNegative = bytes[31] & 0x80 != 0
        if x.isZero && isNegative { return nil }
        if x.isNegative != isNegative { x = (.zero - x) * .one }
        self.init(x: x, y: y, z: .one, t: x * y)
    }

    var negated: Self { Self(x: (.zero - x) * .one, y: y, z: z, t: (.zero - t) * .one) }

    /// Sum with a point whose coordinates are prepared; eight products become seven because its Z is one.
    @inline(__always)
    mutating func add(_ other: PreparedPoint, negated: Bool) {
        let a = (y - x) * (negated ? other.sum : other.difference)
        let b = (y + x) * (negated ? other.difference : other.sum)
        let c = t * other.product
        let d = z + z
        let e = b - a
        let h = b + a
        let f = negated ? d + c : d - c
        let g = negated ? d - c : d + c
        self = Self(x: e * f, y: g * h, z: f * g, t: e * h)
    }

    static func + (left: Self, right: Self) -> Self {
        let a = (left.y - left.x) * (right.y - right.x)
        let b = (left.y + left.x) * (right.y + right.x)
        let c = left.t * right.t * (d + d)
        let dd = left.z * right.z
        let (e, f, g, h) = (b - a, dd + dd - c, dd + dd + c, b + a)
        return Self(x: e * f, y: g * h, z: f * g, t: e * h)
    }

    /// The encoding of RFC 8032 section 5.1.2 as four words, the lowest first.
    var words: SIMD4<UInt64> {
        let inverse = z.inverse
        var words = (y * inverse).words
        if (x * inverse).isNegative { words[3] |= 1 << 63 }
        return words
    }
}

/// y + x, y - x and 2dxy of a point with Z = 1: what a sum needs of it.
struct PreparedPoint: Sendable {
    var sum: FieldElement
    var difference: FieldElement
    var product: FieldElement
}
