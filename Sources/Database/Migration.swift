/// One change of a schema. Never edited once released: databases remember its checksum and refuse another text.
package struct Migration: Sendable {
    /// From 1, without gaps.
    package let number: Int
    package let name: String
    private let sqlite: String
    private let postgres: String

    /// The same text for both engines, written in the types of PostgreSQL: for SQLite `BIGINT` becomes `INTEGER` and `BYTEA`
    /// becomes `BLOB`, and every `CREATE TABLE … );` becomes STRICT.
    package init(_ number: Int, _ name: String, _ text: StaticString) {
        self.number = number
        self.name = name
        postgres = text.description
        sqlite = text.description.replacing("BIGINT", with: "INTEGER").replacing("BYTEA", with: "BLOB").replacing(
            "\n);", with: "\n) STRICT;")
    }

    /// For what the dialects write differently.
    package init(_ number: Int, _ name: String, sqlite: StaticString, postgres: StaticString) {
        self.number = number
        self.name = name
        self.sqlite = sqlite.description
        self.postgres = postgres.description
    }

    func text(for dialect: DatabaseDialect) -> String {
        switch dialect {
        case .sqlite: sqlite
        case .postgres: postgres
        }
    }
}

/// Why a database was not brought to the schema of this program. Nothing of the refused step was applied.
package enum MigrationError: Error, Hashable, Sendable {
    case edited(number: Int, name: String)
    case newer(number: Int, known: Int)
    case gap(missing: Int)

    package var code: String {
        switch self {
        case .edited: "migration.edited"
        case .newer: "migration.newer"
        case .gap: "migration.gap"
        }
    }

    package var message: String {
        switch self {
        case .edited(let number, let name):
            "migration \(number) (\(name)) is not the one this database was made with; nothing was changed. Run the program's released version."
        case .newer(let number, let known):
            "the database is at migration \(number), this program knows \(known); nothing was changed. Run the newer program, or restore a backup."
        case .gap(let missing): "the database lacks migration \(missing) but has later ones; nothing was changed. Restore it from a backup."
        }
    }
}
