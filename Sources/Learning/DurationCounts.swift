/// How long repairs took, as counts between fixed bounds: the median is below a bound exactly when this says so, and no list of
/// durations is kept.
package struct DurationCounts: Hashable, Sendable {
    /// Seconds. A count stands for the durations below its bound and not below the one before; the last for all others.
    package static let bounds = [1, 2, 3, 5, 8, 10, 15, 20, 25, 30, 45, 60, 90, 120, 300]

    private var counts = SIMD16<UInt32>()
    package private(set) var total = 0

    package init() {}

    package mutating func add(milliseconds: Int64) {
        counts[Self.bounds.firstIndex { milliseconds < Int64($0) * 1_000 } ?? Self.bounds.count] &+= 1
        total += 1
    }

    /// The bound that the median is below; of an even number of durations the upper of the two in the middle. nil where there is no
    /// duration, or the median is not below the last bound.
    package var medianBelow: Int? {
        guard total > 0 else { return nil }
        var seen = 0
        for index in Self.bounds.indices {
            seen += Int(counts[index])
            if seen > total / 2 { return Self.bounds[index] }
        }
        return nil
    }
}
