import Logging
import Model
import ServiceLifecycle

/// Tells the log each minute which alerts are new and which are over. What it forgets at a restart it says again.
actor AlertWatch: Service {
    private static let interval: Duration = .seconds(60)

    private let status: CentralStatus
    private let clock: WallClock
    private let logger: Logger
    private var known: [String: CentralAlert] = [:]

    init(status: CentralStatus, clock: WallClock, logger: Logger) {
        self.status = status
        self.clock = clock
        self.logger = logger
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do { _ = try await self.look() } catch {
                    // Whatever cannot be read is told by who uses it.
                    self.logger.warning("alerts.unread", metadata: ["error": .string(CentralFailure.sentence(for: error))])
                }
                // Ends early only when the task is cancelled, which the loop looks at.
                try? await self.clock.sleep(Self.interval)
            }
        }
    }

    func look() async throws -> [CentralAlert] {
        let alerts = try await status.alerts()
        let current = Dictionary(alerts.map { ("\($0.code) \($0.subject)", $0) }, uniquingKeysWith: { first, _ in first })
        let new = alerts.filter { known["\($0.code) \($0.subject)"] == nil }
        for alert in new {
            logger.error(
                "alert.raised",
                metadata: ["code": .string(alert.code), "subject": .string(alert.subject), "error": .string(alert.sentence)])
        }
        for (key, alert) in known where current[key] == nil {
            logger.notice("alert.cleared", metadata: ["code": .string(alert.code), "subject": .string(alert.subject)])
        }
        known = current
        return new
    }
}
