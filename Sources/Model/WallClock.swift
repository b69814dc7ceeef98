import Glibc

/// The time, handed in. Rules that read the clock themselves cannot be checked again later.
package struct WallClock: Sendable {
    package let now: @Sendable () -> Timestamp
    /// Time since an instant that stays the same, which nothing that sets the clock changes.
    package let elapsed: @Sendable () -> Duration
    /// Returns after `span`, or throws `CancellationError` at once when the task is cancelled.
    package let sleep: @Sendable (_ span: Duration) async throws -> Void

    /// - Parameter elapsed: by `now` where nothing else is said, for a clock that nobody sets.
    package init(
        now: @escaping @Sendable () -> Timestamp, elapsed: (@Sendable () -> Duration)? = nil,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.now = now
        self.elapsed = elapsed ?? { .milliseconds(now().milliseconds) }
        self.sleep = sleep
    }
}

extension WallClock {
    /// The machine's clock.
    package static let system = WallClock(
        now: {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Timestamp(milliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
        },
        elapsed: {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
        },
        sleep: { try await Task.sleep(for: $0) }
    )
}
