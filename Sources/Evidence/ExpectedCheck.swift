package import Model

/// One check that an appliance has to look at on a host, and how often: an item of a bundle's `expected`.
package struct ExpectedCheck: Hashable, Sendable {
    package static let countMax = 1_024
    /// For both numbers; 366 days.
    package static let seconds: ClosedRange<Int64> = 1...31_622_400

    package let check: CheckID
    package let intervalSeconds: Int64
    package let staleAfterSeconds: Int64

    /// Limits both numbers to `seconds`.
    package init(check: CheckID, intervalSeconds: Int64, staleAfterSeconds: Int64) {
        self.check = check
        self.intervalSeconds = min(max(intervalSeconds, Self.seconds.lowerBound), Self.seconds.upperBound)
        self.staleAfterSeconds = min(max(staleAfterSeconds, Self.seconds.lowerBound), Self.seconds.upperBound)
    }
}
