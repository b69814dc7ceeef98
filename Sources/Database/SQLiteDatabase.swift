import Foundation
import GRDB
import Glibc

/// SQLite in one file, through GRDB: WAL, one writer, readers on snapshots of their own.
package final class SQLiteDatabase: SQLDatabase {
    package let dialect = DatabaseDialect.sqlite
    private let pool: any DatabaseWriter
    private let hasReaders: Bool

    /// Opens or creates the file at `path`, for its owner only (0600; the WAL files inherit that).
    ///
    /// - Parameter readers: connections beside the writer's. 0: reading waits for writing and saves the memory and the start of a
    ///   second connection.
    /// - Throws: `DatabaseError`.
    package init(path: String, readers: Int = 4, busyTimeout: Duration = .seconds(5)) throws {
        try Self.makeFileForOwnerOnly(path)
        hasReaders = readers > 0
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(TimeInterval(busyTimeout.components.seconds))
        configuration.maximumReaderCount = max(1, readers)
        configuration.prepareDatabase { database in
            // Asked for before the first table. Three evidence bundles to a page, where one of 4 KiB takes one: half the writes.
            try database.execute(sql: "PRAGMA page_size = 8192")
            // A pool turns WAL on by itself, later.
            if readers == 0 { try database.execute(sql: "PRAGMA journal_mode = WAL") }
        }
        do {
            pool =
                readers == 0
                ? try DatabaseQueue(path: path, configuration: configuration) : try DatabasePool(path: path, configuration: configuration)
            // A pool sets synchronous = NORMAL on the writer when it turns WAL on, after every hook that it offers: FULL must come
            // later, and both are looked at because without them commits would be acknowledged before they are on disk.
            let (level, mode) = try pool.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA synchronous = FULL")
                return (
                    try Int.fetchOne(database, sql: "PRAGMA synchronous"), try String.fetchOne(database, sql: "PRAGMA journal_mode")
                )
            }
            guard level == 2, mode == "wal" else {
                throw DatabaseError.unavailable("SQLite will not sync its commits to disk (synchronous is not FULL, or there is no WAL)")
            }
        } catch {
            throw DatabaseError(sqlite: error)
        }
    }

    package func read<Result: Sendable>(_ body: @escaping @Sendable (any SQLTransaction) throws -> Result) async throws -> Result {
        let look: @Sendable (GRDB.Database) throws -> Result = { database in
            let transaction = SQLiteTransaction(database)
            let result = try body(transaction)
            try transaction.checkNoStatementFailed()
            return result
        }
        return try await withCheckedThrowingContinuation { continuation in
            guard hasReaders else {
                // Not `asyncRead`: of a queue that is closed it ends a debug build's process, for leaving what it could not enter.
                return pool.asyncWriteWithoutTransaction { database in
                    continuation.resume(
                        with: Swift.Result {
                            try database.readOnly {
                                var result: Result?
                                try database.inTransaction(.deferred) {
                                    result = try look(database)
                                    return .commit
                                }
                                return result!
                            }
                        }.mapError(DatabaseError.fromSQLite))
                }
            }
            pool.asyncRead { opened in
                continuation.resume(with: Swift.Result { try look(opened.get()) }.mapError(DatabaseError.fromSQLite))
            }
        }
    }

    /// Not GRDB's own async `write`: that one reacts to cancellation, and a cancelled call could not tell whether it was written.
    @discardableResult
    package func write<Result: Sendable>(_ body: @escaping @Sendable (any SQLTransaction) throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            pool.asyncWriteWithoutTransaction { database in
                continuation.resume(with: Self.transact(in: database, body).mapError(DatabaseError.fromSQLite))
            }
        }
    }

    /// `write` on the calling thread, which waits for other writers and for the disk. For who is alone and in a hurry: two changes of
    /// thread take as long as a quick disk's sync.
    package func writeBlocking<Result>(_ body: (any SQLTransaction) throws -> Result) throws -> Result {
        do {
            return try pool.writeWithoutTransaction { try Self.transact(in: $0, body).get() }
        } catch {
            throw DatabaseError.fromSQLite(error)
        }
    }

    private static func transact<Result>(
        in database: GRDB.Database, _ body: (any SQLTransaction) throws -> Result
    ) -> Swift.Result<Result, any Error> {
        Swift.Result {
            var result: Result?
            // Immediate: a transaction that reads first and writes later could otherwise fail half-way as busy.
            try database.inTransaction(.immediate) {
                let transaction = SQLiteTransaction(database)
                result = try body(transaction)
                try transaction.checkNoStatementFailed()
                return .commit
            }
            return result!
        }
    }

    /// Gives freed pages back to the disk. Needs as much free space as the file's content for its time.
    package func vacuum() async throws {
        let _: Void = try await withCheckedThrowingContinuation { continuation in
            pool.asyncWriteWithoutTransaction { database in
                continuation.resume(
                    with: Swift.Result {
                        try database.execute(sql: "VACUUM")
                        try database.checkpoint(.truncate)
                    }.mapError(DatabaseError.fromSQLite))
            }
        }
    }

    /// Waits for what runs; what is asked for later throws `DatabaseError.closed`.
    package func close() async {
        // A failure to close leaves nothing undone: every commit is already on disk.
        try? pool.close()
    }

    private static func makeFileForOwnerOnly(_ path: String) throws {
        // Only ever created here, never opened and closed: closing a descriptor drops every lock this process holds on the file.
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 {
            Glibc.close(descriptor)
        } else if errno != EEXIST || chmod(path, 0o600) != 0 {
            throw DatabaseError.unavailable("\(path): \(String(cString: strerror(errno)))")
        }
    }
}

/// Confined to GRDB's queue for the length of one closure.
private final class SQLiteTransaction: ScriptTransaction {
    let dialect = DatabaseDialect.sqlite
    private let database: GRDB.Database
    private var failure: DatabaseError?

    init(_ database: GRDB.Database) { self.database = database }

    func query(_ sql: SQL) throws -> [Row] {
        try remembering {
            let cursor = try GRDB.Row.fetchCursor(statement(sql))
            var rows: [Row] = []
            while let row = try cursor.next() { rows.append(Row(values: row.databaseValues.map(SQLValue.init))) }
            return rows
        }
    }

    func execute(_ sql: SQL) throws -> Int {
        try remembering {
            try statement(sql).execute()
            return database.changesCount
        }
    }

    func run(script: String) throws {
        try remembering { try database.execute(sql: script) }
    }

    func checkNoStatementFailed() throws {
        if let failure { throw failure }
    }

    private func statement(_ sql: SQL) throws -> Statement {
        try sql.checkTexts()
        let statement = try database.cachedStatement(sql: sql.text)
        // As optionals: the initializer for others goes through a key path, which costs more than a row.
        try statement.setArguments(StatementArguments(sql.values.map { $0.databaseValue as (any DatabaseValueConvertible)? }))
        return statement
    }

    private func remembering<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch {
            let mapped = DatabaseError(sqlite: error)
            if failure == nil { failure = mapped }
            throw mapped
        }
    }
}

extension SQLValue {
    fileprivate init(_ value: DatabaseValue) {
        self =
            switch value.storage {
            case .null: .null
            case .int64(let number): .integer(number)
            case .double(let number): .double(number)
            case .string(let text): .text(text)
            case .blob(let data): .blob([UInt8](data))
            }
    }

    fileprivate var databaseValue: DatabaseValue {
        switch self {
        case .null: .null
        case .integer(let number): number.databaseValue
        case .double(let number): number.databaseValue
        case .text(let text): text.databaseValue
        case .blob(let bytes): Data(bytes).databaseValue
        }
    }
}

extension DatabaseError {
    /// Errors of a body pass through unchanged.
    fileprivate static func fromSQLite(_ error: any Error) -> any Error {
        error is GRDB.DatabaseError ? DatabaseError(sqlite: error) : error
    }

    fileprivate init(sqlite error: any Error) {
        if let known = error as? DatabaseError {
            self = known
            return
        }
        guard let error = error as? GRDB.DatabaseError else {
            self = .engine(code: "sqlite", String(describing: error))
            return
        }
        // Never the SQL or its arguments, which GRDB's own description holds.
        let text = error.message ?? "no message"
        switch error.resultCode {
        case .SQLITE_CONSTRAINT: self = .constraint(text)
        case .SQLITE_FULL: self = .full
        case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH: self = .unavailable(text)
        // The shared-memory file of the WAL could not grow: the only reason in practice is a full disk.
        case .SQLITE_IOERR where error.extendedResultCode == .SQLITE_IOERR_SHMSIZE: self = .full
        case .SQLITE_IOERR: self = .unavailable(text)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .corrupt(text)
        // What GRDB says of a connection that it has closed.
        case .SQLITE_MISUSE: self = .closed
        default: self = .engine(code: "sqlite \(error.extendedResultCode.rawValue)", text)
        }
    }
}
