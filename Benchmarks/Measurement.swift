import Glibc

/// How often per second something runs, measured in short alternating rounds beside its peers: on a shared machine the only
/// figure that means anything is the ratio of two that were taken in the same run.
struct Measurement {
    let name: String
    /// Operations in a call of `run`.
    let operations: Int
    let run: () throws -> Void

    init(_ name: String, operations: Int, run: @escaping () throws -> Void) {
        self.name = name
        self.operations = operations
        self.run = run
    }
}

struct Figure {
    let name: String
    /// Operations per second: the median of the rounds.
    let rate: Double
}

/// Runs each measurement once per round, in turn (A B A B …), and gives each one's median rate.
func measure(rounds: Int = 5, _ measurements: [Measurement]) throws -> [Figure] {
    for measurement in measurements { try measurement.run() }
    var rates = [[Double]](repeating: [], count: measurements.count)
    for _ in 0..<rounds {
        for (index, measurement) in measurements.enumerated() {
            let clock = ContinuousClock()
            let taken = try clock.measure { try measurement.run() }
            rates[index].append(Double(measurement.operations) / taken.inSeconds)
        }
    }
    return zip(measurements, rates).map { Figure(name: $0.name, rate: $1.sorted()[$1.count / 2]) }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

/// One line of the report: what was measured, beside what, and what it should at least be.
struct Line {
    let what: String
    let value: String
    let peer: String
    /// nil where there is no bound.
    let isReached: Bool?
}

extension Double {
    /// `12,345`, or two digits after the point below 100.
    var readable: String {
        if self < 100 { return ((self * 100).rounded() / 100).description }
        var digits = Int64(rounded()).description
        var position = digits.count - 3
        while position > 0 {
            digits.insert(",", at: digits.index(digits.startIndex, offsetBy: position))
            position -= 3
        }
        return digits
    }
}
