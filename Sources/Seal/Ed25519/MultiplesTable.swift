/// The multiples 1 to 2^(w-1) of 2^(w·i) times one point, for every window of w bits of a scalar: a product with that point is then
/// one sum per window, and no doubling.
struct MultiplesTable: Sendable {
    private let width: Int
    private let windows: Int
    private let points: [PreparedPoint]

    init(of point: EdwardsPoint, width: Int) {
        self.width = width
        // One bit more than a scalar has: the highest digit may carry.
        windows = 254 / width + 1
        var multiples: [EdwardsPoint] = []
        multiples.reserveCapacity(windows << (width - 1))
        var first = point
        for _ in 0..<windows {
            var multiple = first
            for _ in 0..<(1 << (width - 1)) - 1 {
                multiples.append(multiple)
                multiple = multiple + first
            }
            multiples.append(multiple)
            first = multiple + multiple
        }
        points = Self.prepared(multiples)
    }

    /// All of them for the price of one inversion (Montgomery 1987): the inverse of the product of all, taken apart from the end.
    private static func prepared(_ multiples: [EdwardsPoint]) -> [PreparedPoint] {
        var before: [FieldElement] = []
        before.reserveCapacity(multiples.count)
        var product = FieldElement.one
        for point in multiples {
            before.append(product)
            product = product * point.z
        }
        var inverse = product.inverse
        let neutral = PreparedPoint(sum: .one, difference: .one, product: .zero)
        var points = [PreparedPoint](repeating: neutral, count: multiples.count)
        for index in multiples.indices.reversed() {
            let point = multiples[index]
            let own = inverse * before[index]
            inverse = inverse * point.z
            let (x, y) = (point.x * own, point.y * own)
            points[index] = PreparedPoint(
                sum: (y + x) * .one, difference: (y - x) * .one, product: x * y * (EdwardsPoint.d + EdwardsPoint.d))
        }
        return points
    }

    /// Adds `scalar` times the point.
    @inline(__always)
    func add(times scalar: SIMD4<UInt64>, to sum: inout EdwardsPoint) {
        points.withUnsafeBufferPointer { points in
            let half = 1 << (width - 1)
            var carry = 0
            for window in 0..<windows {
                let bit = window * width
                let (word, shift) = (bit >> 6, UInt64(bit & 63))
                var bits = scalar[word] >> shift
                if shift + UInt64(width) > 64, word < 3 { bits |= scalar[word + 1] << (64 - shift) }
                var digit = Int(truncatingIfNeeded: bits & (1 << UInt64(width) - 1)) + carry
                carry = digit > half ? 1 : 0
                digit -= carry << width
                if digit == 0 { continue }
                sum.add(points[window << (width - 1) + Int(digit.magnitude) - 1], negated: digit < 0)
            }
        }
    }
}
