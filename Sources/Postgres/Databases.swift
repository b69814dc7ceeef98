package import Database

/// Opens the database that an address names.
package enum Databases {
    /// - Parameter url: `sqlite:PATH`, or `postgres://…` / `postgresql://…` as libpq reads it (TLS by its `sslmode`).
    /// - Throws: `DatabaseError.unavailable`, also for an address of another kind. The text of a PostgreSQL address is never
    ///   repeated in an error: it may hold a password.
    package static func open(_ url: String, connections: Int = 4) throws -> any SQLDatabase {
        if url.hasPrefix("sqlite:") { return try SQLiteDatabase(path: String(url.dropFirst("sqlite:".count))) }
        if url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") {
            return PostgresDatabase(url: url, connections: connections)
        }
        throw DatabaseError.unavailable("the address must begin with sqlite: or postgres://")
    }
}
