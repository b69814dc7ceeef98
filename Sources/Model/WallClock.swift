import Glibc

/// The time, handed in. Rules that read the clock themselves cannot be checked again later.
package struct WallClock: Sendable {
    package let now: @Sendable () -> Timestamp
    /// Returns after `span`, or throws `CancellationError` at once when the task is cancelled.
    package let sleep: @Sendable (_ span: Duration) async throws -> Void

    package init(now: @escaping @Sendable () -> Timestamp, sleep: @escaping @Sendable (Duration) async throws -> Void) {
        self.now = now
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
        sleep: { try await Task.sleep(for: $0) }
    )
}
