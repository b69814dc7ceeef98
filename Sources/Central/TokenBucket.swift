import Model
import Synchronization

/// So many at once, and so many more each second. What finds none left is counted, so that it can be said later.
final class TokenBucket: Sendable {
    private struct State {
        var tokens: Double
        var filled: Timestamp
        var skipped: Int64 = 0
    }
    private let capacity: Double
    private let perSecond: Double
    private let state: Mutex<State>

    init(capacity: Int, perSecond: Double, at now: Timestamp) {
        self.capacity = Double(capacity)
        self.perSecond = perSecond
        state = Mutex(State(tokens: Double(capacity), filled: now))
    }

    /// - Returns: nil when none is left; otherwise how many found none since the last that did.
    func take(at now: Timestamp) -> Int64? {
        state.withLock { state in
            // A clock that was put back fills nothing, and does not stop the filling either.
            let seconds = Double(max(0, (now - state.filled).wholeMilliseconds)) / 1_000
            state.tokens = min(capacity, state.tokens + seconds * perSecond)
            state.filled = now
            guard state.tokens >= 1 else {
                state.skipped += 1
                return nil
            }
            state.tokens -= 1
            defer { state.skipped = 0 }
            return state.skipped
        }
    }
}
