import Logging
import Model

/// Watches the other services, and lets systemd watch us: a service that stopped turning is an alert, and if it stays so,
/// systemd no longer hears from us and starts us anew.
package actor WatchdogService {
    package static let interval: Duration = .seconds(10)

    private let context: ApplianceContext
    private let manager: ServiceManager
    private var lastTurn: Timestamp?
    private var accused: Set<String> = []
    /// Turns in a row that found somebody overdue.
    private var badTurns = 0

    package init(_ context: ApplianceContext, manager: ServiceManager) {
        self.context = context
        self.manager = manager
    }

    /// How often we turn: systemd wants to hear from us at least twice in its interval.
    package var pause: Duration {
        guard let wanted = manager.watchdogInterval else { return Self.interval }
        return min(Self.interval, wanted / 3)
    }

    package func turn() async -> Duration {
        let now = context.clock.now()
        defer { lastTurn = now }
        if let lastTurn, now - lastTurn > pause * 3 {
            // We slept as well: the clock was set, or the machine was suspended.
            context.heartbeats.forgive(now - lastTurn)
        }
        let overdue = context.heartbeats.overdue(at: now)
        for service in overdue where service.service != "watchdog" {
            accused.insert(service.service)
            await context.alerts.raise(
                "service.\(service.service)", "service.stopped",
                "The service \(service.service) has not turned since \(service.since). The appliance is restarted if it does not recover.")
        }
        for service in accused.subtracting(overdue.map(\.service)) {
            accused.remove(service)
            await context.alerts.clear("service.\(service)", "The service \(service) turns again.")
        }
        badTurns = overdue.isEmpty ? 0 : badTurns + 1
        if badTurns <= Self.badTurnsMax { manager.send(.watchdog) }
        return pause
    }

    /// Ten minutes with a service that hangs; then a restart is the better chance.
    private static let badTurnsMax = 60
}
