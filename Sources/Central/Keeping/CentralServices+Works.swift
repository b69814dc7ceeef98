import Anchors
import Database
import Learning
import Logging
import Model
import Objects

extension CentralServices {
    /// What Central does beside its requests, in the order in which it starts.
    func recurringWorks(_ repair: LogRepair, _ worker: PlannerWorker, _ logger: Logger) -> [RecurringWork] {
        let walk = LogWalk(database: database, objects: logObjects, repair: repair, now: clock.now)
        let (archive, retention, drills, silences, anchorStalls) = (archive, retention, drills, silences, anchorStalls)
        let (timers, notifier) = (ticketTimers, notifier)
        let runs = RunCatchUp(database: database)
        let learning = LearningWork(self)
        // Before, nobody could have been heard.
        let listening = clock.now()
        func work(_ name: WorkName, _ turn: @escaping @Sendable () async throws -> Void) -> RecurringWork {
            RecurringWork(name: name, state: works, clock: clock, logger: logger, turn: turn)
        }
        return [
            work(.archive) {
                let summary = try await archive.pass()
                guard summary.chunks > 0 || summary.changed > 0 else { return }
                logger.info("archive.stored", metadata: ["chunks": "\(summary.chunks)", "bundles": "\(summary.bundles)"])
            },
            work(.logWalk) { try await walk.turn() },
            work(.runs) { try await runs.turn() },
            work(.silence) {
                for appliance in try await silences.turn(listening: listening, isWanted: false) {
                    logger.notice("silence.stated", metadata: ["appliance": .string(appliance.description)])
                }
            },
            work(.planner) { try await worker.turn() },
            work(.learning) {
                for change in try await learning.turn() {
                    logger.notice(
                        "learning.stage",
                        metadata: [
                            "partner": .string(change.partner.description), "rule": .string(change.key.name.description),
                            "from": .string(change.from.rawValue), "to": .string(change.to.rawValue),
                            "reason": .string(change.reason.description),
                        ])
                }
            },
            work(.tickets) { try await timers.turn() },
            work(.deliveries) { try await notifier.turn() },
            work(.anchorWatch) {
                for stall in try await anchorStalls.turn() {
                    logger.notice(
                        stall.until == nil ? "anchor.stall_stated" : "anchor.stall_over",
                        metadata: ["anchor": .string(stall.kind.rawValue), "code": .string(stall.code)])
                }
            },
            work(.drill) {
                for result in try await drills.turn() {
                    logger.log(
                        level: result.report.isPassed ? .notice : .error, "drill.done",
                        metadata: ["store": .string(result.store), "code": .string(result.report.code)])
                }
            },
            work(.retention) {
                let summary = try await retention.pass()
                guard summary.bundles > 0 || summary.kept > 0 else { return }
                logger.notice("evidence.pruned", metadata: ["bundles": "\(summary.bundles)", "kept": "\(summary.kept)"])
            },
        ]
    }

    func organizations() async throws -> [OrganizationID] {
        try await database.read { transaction in
            try transaction.query("SELECT id FROM organization ORDER BY id").map { try $0.parsed(0) }
        }
    }
}
