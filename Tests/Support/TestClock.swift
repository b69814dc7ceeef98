package import Model
import Synchronization

/// A clock that stands still until the test moves it. Sleepers wake when it passes their time.
package final class TestClock: Sendable {
    private struct Sleeper {
        let number: Int
        let until: Timestamp
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now: Timestamp
        var sleepers: [Sleeper] = []
        var cancelled: Set<Int> = []
        var next = 0
    }

    private let state: Mutex<State>

    /// Starts at the system's time unless told otherwise, so that certificates made by it are valid in a real handshake.
    package init(at now: Timestamp = WallClock.system.now()) { state = Mutex(State(now: now)) }

    package var now: Timestamp { state.withLock { $0.now } }

    /// What passes is the machine's own time: however far a test moves the clock, no plan under way is late.
    package var clock: WallClock {
        WallClock(now: { [self] in now }, elapsed: WallClock.system.elapsed, sleep: { [self] span in try await sleep(span) })
    }

    package func advance(by span: Duration) {
        let due = state.withLock { state in
            state.now = state.now + span
            let due = state.sleepers.filter { $0.until <= state.now }
            state.sleepers.removeAll { $0.until <= state.now }
            return due
        }
        due.forEach { $0.continuation.resume() }
    }

    /// Returns when somebody waits for this clock to move.
    package func someoneSleeps() async {
        while state.withLock({ $0.sleepers.isEmpty }) { await Task.yield() }
    }

    private func sleep(_ span: Duration) async throws {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isCancelled = state.withLock { state in
                    // Cancellation may come before the sleeper is on the list.
                    if state.cancelled.remove(number) != nil { return true }
                    state.sleepers.append(Sleeper(number: number, until: state.now + span, continuation: continuation))
                    return false
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                guard let index = state.sleepers.firstIndex(where: { $0.number == number }) else {
                    state.cancelled.insert(number)
                    return Sleeper?.none
                }
                return state.sleepers.remove(at: index)
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }
}
