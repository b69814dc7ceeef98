import Model

/// How long to wait after a failure: doubles from `first` to `cap`, with jitter, so that ten thousand appliances whose
/// Central came back do not all call in the same second.
package struct Backoff: Sendable {
    package let first: Duration
    package let cap: Duration
    package private(set) var failures = 0

    package init(first: Duration, cap: Duration) {
        self.first = first
        self.cap = cap
    }

    package mutating func succeeded() { failures = 0 }

    /// - Returns: between half of the step and the whole of it.
    package mutating func failed(_ random: inout some RandomNumberGenerator) -> Duration {
        let doublings = min(failures, 30)
        failures += 1
        let step = min(cap, first * (1 << doublings))
        return .milliseconds(Int64.random(in: step.wholeMilliseconds / 2...step.wholeMilliseconds, using: &random))
    }

    package mutating func failed() -> Duration {
        var random = SystemRandomNumberGenerator()
        return failed(&random)
    }
}
