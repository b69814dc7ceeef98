/// The Wilson score interval at 95 % of a success rate (E. B. Wilson, 1927): honest for few trials and for rates near 0 and 1.
package struct WilsonInterval: Hashable, Sendable {
    package let lower: Double
    package let upper: Double

    /// Of no trials: everything is possible.
    package init(successes: Int, of trials: Int) {
        precondition(successes >= 0 && successes <= trials, "more successes than trials: something was counted twice")
        guard trials > 0 else {
            (lower, upper) = (0, 1)
            return
        }
        let z = 1.959963984540054
        let n = Double(trials)
        let rate = Double(successes) / n
        let middle = rate + z * z / (2 * n)
        let spread = z * (rate * (1 - rate) / n + z * z / (4 * n * n)).squareRoot()
        let scale = 1 + z * z / n
        lower = max(0, (middle - spread) / scale)
        upper = min(1, (middle + spread) / scale)
    }
}
