import Glibc
import Model

/// SplitMix64, begun from what the numbers are for: a fault's fate does not depend on what happened elsewhere before it.
struct KeyedRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ keys: UInt64...) { state = keys.reduce(0) { Self.mix($0 &+ 0x9e37_79b9_7f4a_7c15 ^ Self.mix($1)) } }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return Self.mix(state)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func below(_ count: Int) -> Int { Int(next() % UInt64(max(count, 1))) }
    mutating func chance(permille: Int) -> Bool { below(1_000) < permille }

    /// Whole seconds, at least one: the waiting time of a Poisson process.
    mutating func waiting(meanSeconds: Double) -> Duration {
        let uniform = Double(next() >> 11) / Double(1 << 53)
        return .seconds(max(1, Int64(min(-log(1 - uniform) * meanSeconds, 1e12))))
    }
}
