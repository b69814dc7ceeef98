import Crypto
package import Model

/// Brings a database forward to the schema of this program, one migration per transaction.
///
/// Several processes may start at once: each step is done by one of them, the others wait and see it. A start that dies
/// half-way leaves whole migrations only, and the next one goes on.
package struct Migrator: Sendable {
    private let migrations: [Migration]

    /// - Parameter migrations: in order, numbered from 1 without gaps.
    package init(_ migrations: [Migration]) {
        precondition(migrations.map(\.number) == Array(1...max(1, migrations.count)), "migrations are numbered from 1 without gaps")
        self.migrations = migrations
    }

    /// - Throws: `MigrationError`, or `DatabaseError`.
    package func migrate(_ database: any SQLDatabase, now: @escaping @Sendable () -> Timestamp) async throws {
        try await database.write { transaction in
            let script = transaction as! any ScriptTransaction
            switch transaction.dialect {
            case .sqlite: try script.run(script: historyTable.replacing("BIGINT", with: "INTEGER") + " STRICT")
            case .postgres:
                // Two processes that create the same table at once collide in the catalog in spite of IF NOT EXISTS.
                try script.run(script: "SELECT pg_advisory_xact_lock(\(historyLock)); " + historyTable)
            }
        }
        while try await database.write({ transaction in try applyNext(in: transaction, now: now()) }) {}
    }

    /// - Returns: whether there may be more to do.
    private func applyNext(in transaction: any SQLTransaction, now: Timestamp) throws -> Bool {
        let script = transaction as! any ScriptTransaction
        // The first statement: the transaction's snapshot is taken after the lock, so it holds what others did meanwhile.
        if transaction.dialect == .postgres { try script.run(script: "LOCK TABLE schema_migrations IN EXCLUSIVE MODE") }
        let applied = try transaction.query("SELECT number, checksum FROM schema_migrations ORDER BY number")
        for (index, row) in applied.enumerated() {
            let number = Int(try row.integer(0))
            guard number == index + 1 else { throw MigrationError.gap(missing: index + 1) }
            guard index < migrations.count else {
                throw MigrationError.newer(number: Int(try applied.last!.integer(0)), known: migrations.count)
            }
            let migration = migrations[index]
            guard try row.text(1) == checksum(migration, transaction.dialect) else {
                throw MigrationError.edited(number: number, name: migration.name)
            }
        }
        guard applied.count < migrations.count else { return false }
        let migration = migrations[applied.count]
        try script.run(script: migration.text(for: transaction.dialect))
        try transaction.execute(
            """
            INSERT INTO schema_migrations (number, name, checksum, applied_at)
            VALUES (\(migration.number), \(migration.name), \(checksum(migration, transaction.dialect)), \(now.milliseconds))
            """)
        return true
    }

    private func checksum(_ migration: Migration, _ dialect: DatabaseDialect) -> String {
        SHA256.hash(data: Array(migration.text(for: dialect).utf8)).hexadecimal
    }
}

private let historyTable = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        checksum TEXT NOT NULL,
        applied_at BIGINT NOT NULL
    )
    """

/// Any number that nothing else in the database locks.
private let historyLock = 7_263_845_190
