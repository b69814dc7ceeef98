package import Model

/// Durations in fixed space: eight steps for each doubling, so that a quantile is at most an eighth too high.
package struct DurationHistogram: Hashable, Sendable {
    private var counts = [UInt32](repeating: 0, count: 8 * 32)
    package private(set) var total = 0

    package mutating func add(_ duration: Duration) {
        counts[Self.step(of: UInt64(max(duration.wholeSeconds, 0)))] += 1
        total += 1
    }

    package mutating func merge(_ other: DurationHistogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        total += other.total
    }

    /// The shortest duration that so many of 1,000 do not exceed; nil of none.
    package func quantile(permille: Int) -> Duration? {
        guard total > 0 else { return nil }
        var left = (total * permille + 999) / 1_000
        for (index, count) in counts.enumerated() {
            left -= Int(count)
            if left <= 0 { return .seconds(Self.upperBound(of: index)) }
        }
        return nil
    }

    private static func step(of seconds: UInt64) -> Int {
        guard seconds >= 8 else { return Int(seconds) }
        let octave = 63 - seconds.leadingZeroBitCount
        return min((octave - 2) * 8 + Int(seconds >> UInt64(octave - 3)) - 8, 8 * 32 - 1)
    }

    private static func upperBound(of step: Int) -> Int64 {
        guard step >= 8 else { return Int64(step) }
        let octave = step / 8 + 2
        return (Int64(step % 8 + 9) << Int64(octave - 3)) - 1
    }
}
