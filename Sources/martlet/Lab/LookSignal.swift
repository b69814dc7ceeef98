import Glibc
import Synchronization

/// Asks the box to look at everything now; not more often than it can, and not while something is being broken: a look in the middle
/// finds half of it.
final class LookSignal: Sendable {
    private struct State {
        var process: Int32?
        var last = ContinuousClock.now
        var hands = 0
    }

    /// Of a box and hosts on a busy machine.
    private static let pause: Duration = .seconds(4)
    private static let look: Duration = .seconds(3)
    private let state = Mutex(State())

    func aim(at process: Int32?) {
        state.withLock {
            $0.process = process
            $0.last = ContinuousClock.now
        }
    }

    func send() {
        state.withLock { state in
            let now = ContinuousClock.now
            guard let process = state.process, state.hands == 0, now - state.last >= Self.pause else { return }
            state.last = now
            kill(process, SIGHUP)
        }
    }

    /// Runs `body` between two looks that this asked for.
    @discardableResult
    func between<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        try await eventually("the box to have looked", within: .seconds(60)) {
            state.withLock { state in
                guard ContinuousClock.now - state.last >= Self.look else { return false }
                state.hands += 1
                return true
            }
        }
        defer { state.withLock { $0.hands -= 1 } }
        return try await body()
    }
}
