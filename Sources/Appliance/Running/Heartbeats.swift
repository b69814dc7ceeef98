package import Model
import Synchronization

/// When each service was last seen at work, and by when it must be seen again: what the watchdog reads.
package final class Heartbeats: Sendable {
    package struct Overdue: Hashable, Sendable {
        package let service: String
        package let since: Timestamp
    }

    private struct Pulse {
        var last: Timestamp
        var due: Timestamp
    }
    private let clock: WallClock
    private let pulses = Mutex<[String: Pulse]>([:])

    package init(clock: WallClock) { self.clock = clock }

    /// - Parameter interval: the longest time until the next beat, if all is well. Twice that counts as stopped.
    package func beat(_ service: String, within interval: Duration) {
        let now = clock.now()
        pulses.withLock { $0[service] = Pulse(last: now, due: now + interval * 2) }
    }

    /// A service that has ended in good order is nobody's worry.
    package func ended(_ service: String) { pulses.withLock { $0[service] = nil } }

    package func overdue(at now: Timestamp) -> [Overdue] {
        pulses.withLock { pulses in
            pulses.filter { $0.value.due < now }.map { Overdue(service: $0.key, since: $0.value.last) }.sorted { $0.service < $1.service }
        }
    }

    /// Moves every deadline by `span`: for a clock that was set, or a machine that slept, which nobody here is to blame for.
    package func forgive(_ span: Duration) {
        pulses.withLock { pulses in
            pulses = pulses.mapValues { Pulse(last: $0.last, due: $0.due + span) }
        }
    }
}
