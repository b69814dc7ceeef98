import Database
import Logging
package import Model
import Objects
package import ServiceLifecycle
import TransparencyLog

/// What Central does again and again beside its requests. The value names the row of its state.
package enum WorkName: String, CaseIterable, Sendable {
    case archive, retention, drill, runs, silence, tickets, deliveries, planner, learning
    case anchorWatch = "anchor-watch"
    case logWalk = "log-walk"

    /// From one turn to the next. Whoever watches it waits for twice that.
    package var interval: Duration {
        switch self {
        case .archive, .logWalk: .seconds(60)
        // What is critical is told at once.
        case .deliveries, .planner: .seconds(5)
        case .tickets, .learning: .seconds(30)
        case .runs, .silence, .anchorWatch: .seconds(300)
        case .retention, .drill: .seconds(3_600)
        }
    }
}

/// Runs one idempotent piece of work at its interval, writes down whether it succeeds, and goes slower while it does not.
///
/// Stopped or killed in a turn, the next start takes the turn again.
package struct RecurringWork: Service {
    static let pauseMax: Duration = .seconds(900)

    let name: WorkName
    let state: WorkTable
    let clock: WallClock
    let logger: Logger
    let turn: @Sendable () async throws -> Void

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var failures = 0
            while !Task.isCancelled {
                failures = await takeTurn() ? 0 : failures + 1
                // Ends early only when the task is cancelled, which the loop looks at.
                try? await clock.sleep(failures == 0 ? name.interval : pause(after: failures))
            }
        }
    }

    /// - Returns: whether it succeeded; that it did not is written down and logged, where the database can be reached.
    @discardableResult
    func takeTurn() async -> Bool {
        do {
            try await turn()
            try await state.succeeded(name, at: clock.now())
            return true
        } catch is CancellationError {
            return true
        } catch ObjectError.cancelled {
            return true
        } catch {
            let (code, sentence) = (CentralFailure.code(of: error), CentralFailure.sentence(for: error))
            logger.error(
                "work.failed", metadata: ["work": .string(name.rawValue), "code": .string(code), "error": .string(sentence)])
            // Where this fails too, the missing success is what is noticed.
            try? await state.failed(name, code: code, sentence: sentence, at: clock.now())
            return false
        }
    }

    private func pause(after failures: Int) -> Duration {
        min(max(name.interval, Self.pauseMax), name.interval / 4 * (1 << min(failures - 1, 6)))
    }
}

/// How Central's recurring work fares: a row each, so that a dead one is noticed from outside.
package struct WorkTable: Sendable {
    private let database: any SQLDatabase

    init(_ database: any SQLDatabase) { self.database = database }

    package struct State: Hashable, Sendable {
        package let name: String
        /// Of the first turn ever.
        package let since: Timestamp
        package let lastSuccess: Timestamp?
        /// What failed after the last success; nil: nothing.
        package let failure: Failure?

        package struct Failure: Hashable, Sendable {
            package let code: String
            package let sentence: String
            /// Of the first failure after a success.
            package let since: Timestamp
        }
    }

    func succeeded(_ name: WorkName, at now: Timestamp) async throws {
        try await database.write { transaction in
            try transaction.execute(
                """
                INSERT INTO work (name, since_at, last_success_at) VALUES (\(name.rawValue), \(now.milliseconds), \(now.milliseconds))
                ON CONFLICT (name) DO UPDATE SET last_success_at = excluded.last_success_at, failure_code = NULL,
                    failure_sentence = NULL, failing_since_at = NULL
                """)
        }
    }

    func failed(_ name: WorkName, code: String, sentence: String, at now: Timestamp) async throws {
        try await database.write { transaction in
            try transaction.execute(
                """
                INSERT INTO work (name, since_at, failure_code, failure_sentence, failing_since_at)
                VALUES (\(name.rawValue), \(now.milliseconds), \(code), \(sentence), \(now.milliseconds))
                ON CONFLICT (name) DO UPDATE SET failure_code = excluded.failure_code, failure_sentence = excluded.failure_sentence,
                    failing_since_at = COALESCE(work.failing_since_at, excluded.failing_since_at)
                """)
        }
    }

    package func list() async throws -> [State] { try await database.read { try Self.list(in: $0) } }

    static func list(in transaction: any SQLTransaction) throws -> [State] {
        try transaction.query(
            "SELECT name, since_at, last_success_at, failure_code, failure_sentence, failing_since_at FROM work ORDER BY name"
        ).map { row in
            var failure: State.Failure?
            if let code = try row.optionalText(3), let since = try row.optionalInstant(5) {
                failure = State.Failure(code: code, sentence: try row.optionalText(4) ?? code, since: since)
            }
            return State(
                name: try row.text(0), since: try row.instant(1), lastSuccess: try row.optionalInstant(2), failure: failure)
        }
    }
}
