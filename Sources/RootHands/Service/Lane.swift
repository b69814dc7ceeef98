import Model
import Synchronization

/// One at a time; the others wait, but not for ever.
final class Lane: Sendable {
    private let isTaken = Mutex(false)

    func pass<Value: Sendable>(
        waiting: Duration, _ body: @Sendable () async throws(HandsRefusal) -> Value
    ) async throws(HandsRefusal) -> Value {
        let end = ContinuousClock.now + waiting
        while !take() {
            guard ContinuousClock.now < end, (try? await Task.sleep(for: .milliseconds(20))) != nil else { throw .busy }
        }
        defer { isTaken.withLock { $0 = false } }
        return try await body()
    }

    private func take() -> Bool {
        isTaken.withLock { isTaken in
            defer { isTaken = true }
            return !isTaken
        }
    }
}
