import Healing
import Model

/// Compares our clock with time servers, and says once when it is too far off and once when it is right again.
package struct ClockService: Sendable {
    package static let interval: Duration = .seconds(300)

    private let context: ApplianceContext
    private let client: SNTPClient

    package init(_ context: ApplianceContext) {
        self.context = context
        client = SNTPClient(clock: context.clock)
    }

    package func turn() async -> Duration {
        if !context.configuration.timeServers.isEmpty {
            let offsets = await client.offsets(context.configuration.timeServers)
            context.clockState.heard(servers: offsets, at: context.clock.now())
        }
        await judge()
        return Self.interval
    }

    /// Also called after a check-in, where Central's time may be all that there is.
    package func judge() async {
        let limit = context.configuration.policy.clockOffsetMillisecondsMax
        guard let offset = context.clockState.reading(at: context.clock.now()).offsetMilliseconds else { return }
        if offset.magnitude > UInt64(limit) {
            await context.alerts.raise(
                "clock", "clock.offset",
                "The appliance's clock is \(offset) ms off, more than \(limit) ms; disruptive work waits. Repair its time service.")
        } else {
            await context.alerts.clear("clock", "The clock is right again (\(offset) ms off).")
        }
    }
}
