package import Model
import Synchronization

/// The newest word on how far our clock is off. Time servers are believed before Central.
package final class ClockState: Sendable {
    private struct State {
        var servers: (reading: ClockReading, at: Timestamp)?
        var central: (reading: ClockReading, at: Timestamp)?
    }
    private let state = Mutex(State())
    /// A reading older than this no longer says anything.
    private let ageMax: Duration

    package init(ageMax: Duration = .seconds(3_600)) { self.ageMax = ageMax }

    package func reading(at now: Timestamp) -> ClockReading {
        state.withLock { state in
            for candidate in [state.servers, state.central] {
                // A reading from the future was taken before the clock was set back: worthless too.
                if let candidate, candidate.at <= now, now - candidate.at <= ageMax { return candidate.reading }
            }
            return .unknown
        }
    }

    /// - Parameter offsets: local minus server, from each that answered; empty changes nothing.
    package func heard(servers offsets: [Int64], at now: Timestamp) {
        guard !offsets.isEmpty else { return }
        let sorted = offsets.sorted()
        let middle = sorted.count / 2
        let median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        let source = "ntp:\(sorted.count) source\(sorted.count == 1 ? "" : "s")"
        state.withLock { $0.servers = (ClockReading(offsetMilliseconds: median, source: source), now) }
    }

    /// Central's time against the middle of the exchange.
    package func heard(central received: Timestamp, sent: Timestamp, answered: Timestamp) {
        let middle = sent.milliseconds + (answered.milliseconds - sent.milliseconds) / 2
        let reading = ClockReading(offsetMilliseconds: middle - received.milliseconds, source: "central")
        state.withLock { $0.central = (reading, answered) }
    }
}
