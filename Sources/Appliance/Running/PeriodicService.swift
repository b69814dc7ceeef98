package import Model
import ServiceLifecycle

/// An idempotent turn, repeated: after its interval, or early when woken. Ends at once on a graceful stop, also in the
/// middle of a turn (cancellation); whatever a turn leaves half done the next start takes up again.
package struct PeriodicService: Service {
    package let name: String
    /// The longest rest that a turn asks for, besides the time that the turn itself takes.
    package let interval: Duration
    private let wake: Wake
    private let clock: WallClock
    private let heartbeats: Heartbeats
    private let turn: @Sendable () async -> Duration
    private let atRest: @Sendable () -> Void

    /// - Parameters:
    ///   - atRest: called before each rest.
    ///   - turn: one turn; returns how long to rest. Never throws: a turn handles its own failures.
    package init(
        _ name: String, interval: Duration, wake: Wake = Wake(), clock: WallClock, heartbeats: Heartbeats,
        atRest: @escaping @Sendable () -> Void = {}, turn: @escaping @Sendable () async -> Duration
    ) {
        self.name = name
        self.interval = interval
        self.wake = wake
        self.clock = clock
        self.heartbeats = heartbeats
        self.turn = turn
        self.atRest = atRest
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                heartbeats.beat(name, within: interval)
                let pause = await turn()
                if Task.isCancelled { break }
                heartbeats.beat(name, within: max(pause, .seconds(5)))
                atRest()
                await rest(pause)
            }
        }
        heartbeats.ended(name)
    }

    private func rest(_ pause: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [clock] in try? await clock.sleep(pause) }
            group.addTask { [wake] in await wake.wait() }
            await group.next()
            group.cancelAll()
        }
    }
}
