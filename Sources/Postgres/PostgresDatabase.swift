package import Database
import Foundation

/// PostgreSQL through libpq: a fixed number of threads, each owning one connection. Opened when first used, and again when lost.
package final class PostgresDatabase: SQLDatabase {
    package let dialect = DatabaseDialect.postgres
    private let limits: PostgresLimits
    private let queue: PostgresQueue

    package init(url: String, connections: Int = 4, limits: PostgresLimits = PostgresLimits()) {
        self.limits = limits
        queue = PostgresQueue(limit: limits.queueMax, workers: connections)
        for number in 0..<connections {
            let worker = Thread { [queue] in queue.work(url: url, limits: limits) }
            worker.name = "postgres-\(number)"
            worker.stackSize = 1 << 20
            worker.start()
        }
    }

    deinit { queue.stop() }

    package func read<Result: Sendable>(_ body: @escaping @Sendable (any SQLTransaction) throws -> Result) async throws -> Result {
        try await run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", body)
    }

    @discardableResult
    package func write<Result: Sendable>(_ body: @escaping @Sendable (any SQLTransaction) throws -> Result) async throws -> Result {
        try await run("BEGIN ISOLATION LEVEL SERIALIZABLE", body)
    }

    /// Lets every transaction that was asked for end, then closes the connections.
    package func close() async { await queue.drain() }

    private func run<Result: Sendable>(
        _ begin: String, _ body: @escaping @Sendable (any SQLTransaction) throws -> Result
    ) async throws -> Result {
        let limits = limits
        return try await withCheckedThrowingContinuation { continuation in
            let accepted = queue.add { slot in
                continuation.resume(with: Swift.Result { try slot.run(begin, attemptsMax: limits.attemptsMax, body) })
            }
            if let refusal = accepted { continuation.resume(throwing: refusal) }
        }
    }
}

/// The transactions that wait, and the threads that take them.
///
/// Unchecked: `condition` protects `jobs`, `isStopping`, `workers` and `waiting`.
private final class PostgresQueue: @unchecked Sendable {
    typealias Job = @Sendable (PostgresSlot) -> Void

    private let condition = NSCondition()
    private let limit: Int
    private var jobs: [Job] = []
    private var next = 0
    private var isStopping = false
    private var workers: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(limit: Int, workers: Int) {
        self.limit = limit
        self.workers = workers
    }

    /// - Returns: why the job was not taken; nil when it was.
    func add(_ job: @escaping Job) -> DatabaseError? {
        condition.withLock {
            if isStopping { return .closed }
            if jobs.count - next >= limit { return .unavailable("\(limit) transactions wait already") }
            jobs.append(job)
            condition.signal()
            return nil
        }
    }

    func work(url: String, limits: PostgresLimits) {
        let slot = PostgresSlot(url: url, limits: limits)
        while let job = take() { job(slot) }
        condition.withLock {
            workers -= 1
            guard workers == 0 else { return }
            waiting.forEach { $0.resume() }
            waiting = []
        }
    }

    private func take() -> Job? {
        condition.withLock {
            while next == jobs.count && !isStopping { condition.wait() }
            guard next < jobs.count else { return nil }
            let job = jobs[next]
            next += 1
            if next == jobs.count || next > 1_000 {
                jobs.removeFirst(next)
                next = 0
            }
            return job
        }
    }

    func stop() {
        condition.withLock {
            isStopping = true
            condition.broadcast()
        }
    }

    func drain() async {
        stop()
        await withCheckedContinuation { continuation in
            let isOver = condition.withLock {
                if workers > 0 { waiting.append(continuation) }
                return workers == 0
            }
            if isOver { continuation.resume() }
        }
    }
}

/// A worker thread's place for its connection.
private final class PostgresSlot {
    private let url: String
    private let limits: PostgresLimits
    private var connection: PostgresConnection?

    init(url: String, limits: PostgresLimits) {
        self.url = url
        self.limits = limits
    }

    /// Until COMMIT is sent nothing is written, so whatever the server or the network breaks before that is simply done again.
    func run<Result>(_ begin: String, attemptsMax: Int, _ body: (any SQLTransaction) throws -> Result) throws -> Result {
        var attempt = 1
        while true {
            do {
                return try runOnce(begin, body)
            } catch let failure as PostgresFailure {
                switch failure {
                case .lost(let message):
                    connection = nil
                    // A second connection that breaks as well is no accident.
                    guard attempt < 3 else { throw DatabaseError.unavailable(message) }
                case .refused(let state, _):
                    guard state == "40001" || state == "40P01", attempt < attemptsMax else { throw DatabaseError(postgres: failure) }
                    // Whoever it collided with needs time to end: 1 to 2 ms at first, at most about 64 ms.
                    usleep(UInt32.random(in: 500...1_000) << UInt32(min(attempt, 6)))
                }
                attempt += 1
            }
        }
    }

    private func runOnce<Result>(_ begin: String, _ body: (any SQLTransaction) throws -> Result) throws -> Result {
        if let open = connection, !open.isUsable { connection = nil }
        let open: PostgresConnection
        if let connection {
            open = connection
        } else {
            do { open = try PostgresConnection(url: url, limits: limits) } catch PostgresFailure.lost(let message) {
                throw DatabaseError.unavailable(message)
            }
            connection = open
        }
        try open.command(begin)
        let transaction = PostgresTransaction(open)
        let result: Result
        do {
            result = try body(transaction)
            try transaction.checkNoStatementFailed()
        } catch {
            // What went wrong with the connection or by concurrency decides, whatever the body made of it.
            let cause: any Error = transaction.failure ?? error
            if case PostgresFailure.lost = cause { throw cause }
            do { try open.command("ROLLBACK") } catch { connection = nil }
            if case PostgresFailure.refused(let state, _) = cause {
                throw state == "40001" || state == "40P01" ? cause : error is PostgresFailure ? DatabaseError(postgres: cause) : error
            }
            throw error
        }
        return try commit(open, result)
    }

    private func commit<Result>(_ open: PostgresConnection, _ result: Result) throws -> Result {
        do {
            // A transaction that the server had already given up answers COMMIT with ROLLBACK and no error.
            guard try open.command("COMMIT") == "COMMIT" else {
                throw DatabaseError.engine(code: "25P02", "the server rolled the transaction back")
            }
            return result
        } catch PostgresFailure.lost(let message) {
            connection = nil
            throw DatabaseError.outcomeUnknown(message)
        }
    }
}

/// Lives for one run of one body, on the thread that owns the connection.
private final class PostgresTransaction: ScriptTransaction {
    let dialect = DatabaseDialect.postgres
    private let connection: PostgresConnection
    private(set) var failure: PostgresFailure?

    init(_ connection: PostgresConnection) { self.connection = connection }

    func query(_ sql: SQL) throws -> [Row] { try remembering { try connection.query(sql) } }
    func execute(_ sql: SQL) throws -> Int { try remembering { try connection.execute(sql) } }
    func run(script: String) throws { try remembering { _ = try connection.command(script) } }

    func checkNoStatementFailed() throws {
        if let failure { throw failure }
    }

    private func remembering<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as PostgresFailure {
            if failure == nil { failure = error }
            // Bodies see what they would see from SQLite.
            throw DatabaseError(postgres: error)
        }
    }
}

extension DatabaseError {
    fileprivate init(postgres failure: any Error) {
        switch failure {
        case PostgresFailure.lost(let message): self = .unavailable(message)
        case PostgresFailure.refused(let state, let message):
            switch state.prefix(2) {
            case "23": self = .constraint(message)
            case "53": self = state == "53100" ? .full : .unavailable(message)
            case "08", "57", "28", "3D": self = .unavailable(message)
            case "40": self = .unavailable("too many collisions with other transactions: \(message)")
            case "XX": self = .corrupt(message)
            default: self = .engine(code: state, message)
            }
        default: self = (failure as? DatabaseError) ?? .engine(code: "postgres", String(describing: failure))
        }
    }
}
