package enum DatabaseDialect: Sendable { case sqlite, postgres }

/// One open transaction. Lives only inside the closure that it is handed to.
///
/// A statement that fails dooms its transaction, on both engines alike: even if the body catches the error, nothing is
/// committed, and `write` throws it.
package protocol SQLTransaction {
    var dialect: DatabaseDialect { get }
    func query(_ sql: SQL) throws -> [Row]
    /// - Returns: the number of rows changed.
    @discardableResult func execute(_ sql: SQL) throws -> Int
}

/// What migrations need beside: several statements in one text, without parameters.
package protocol ScriptTransaction: SQLTransaction {
    func run(script: String) throws
}

/// The whole surface that stores see. Write transactions are serializable on both engines.
///
/// Bodies are synchronous, so no transaction can be held across an `await`; a body may run more than once (PostgreSQL
/// retries after a serialization failure or a lost connection) and must have no other effects.
package protocol SQLDatabase: Sendable {
    var dialect: DatabaseDialect { get }
    /// A consistent snapshot, read only.
    func read<Result: Sendable>(_ body: @escaping @Sendable (any SQLTransaction) throws -> Result) async throws -> Result
    /// On return the transaction is on disk (SQLite: WAL with `synchronous = FULL`; PostgreSQL: `synchronous_commit = on`).
    /// If it throws nothing was written, except after `DatabaseError.outcomeUnknown`.
    @discardableResult
    func write<Result: Sendable>(_ body: @escaping @Sendable (any SQLTransaction) throws -> Result) async throws -> Result
    /// Closes every connection; later calls throw `DatabaseError.closed`.
    func close() async
}
