import Model
import Synchronization

/// A clock that stands still until it is moved. What passes (`elapsed`) is the machine's own time, so that no plan under way is late.
final class MovedClock: Sendable {
    private let state: Mutex<Timestamp>

    init(at now: Timestamp) { state = Mutex(now) }

    var now: Timestamp { state.withLock { $0 } }

    func advance(by span: Duration) { state.withLock { $0 = $0 + span } }

    var clock: WallClock {
        WallClock(
            now: { [self] in now }, elapsed: WallClock.system.elapsed,
            sleep: { [self] span in
                let end = now + span
                while now < end { try await Task.sleep(for: .milliseconds(5)) }
            })
    }
}
