/// A value that both engines store natively.
package enum SQLValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case double(Double)
    case text(String)
    case blob([UInt8])
}

package protocol SQLConvertible {
    var sqlValue: SQLValue { get }
}

extension SQLValue: SQLConvertible { package var sqlValue: SQLValue { self } }
extension Int: SQLConvertible { package var sqlValue: SQLValue { .integer(Int64(self)) } }
extension Int64: SQLConvertible { package var sqlValue: SQLValue { .integer(self) } }
/// As 0 or 1: SQLite has no boolean, and both engines compare integers alike.
extension Bool: SQLConvertible { package var sqlValue: SQLValue { .integer(self ? 1 : 0) } }
extension Double: SQLConvertible { package var sqlValue: SQLValue { .double(self) } }
extension String: SQLConvertible { package var sqlValue: SQLValue { .text(self) } }
extension [UInt8]: SQLConvertible { package var sqlValue: SQLValue { .blob(self) } }
extension Optional: SQLConvertible where Wrapped: SQLConvertible {
    package var sqlValue: SQLValue { self?.sqlValue ?? .null }
}

/// SQL text whose interpolations are always parameters: `"… WHERE id = \(id)"`. Injection cannot be written.
///
/// Parameters become `$1, $2, …` in order of appearance: positional in PostgreSQL, numbered names in SQLite, so the
/// very same text runs on both.
package struct SQL: Sendable, ExpressibleByStringInterpolation {
    package let text: String
    package let values: [SQLValue]

    package init(stringLiteral value: StaticString) {
        text = value.description
        values = []
    }

    package init(stringInterpolation interpolation: Interpolation) {
        text = interpolation.text
        values = interpolation.values
    }

    package struct Interpolation: StringInterpolationProtocol {
        var text = ""
        var values: [SQLValue] = []

        package init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + 4 * interpolationCount)
        }

        package mutating func appendLiteral(_ literal: StaticString) { text += literal.description }

        package mutating func appendInterpolation(_ value: some SQLConvertible) {
            values.append(value.sqlValue)
            text += "$\(values.count)"
        }

        /// Text that stands in the source, for the pieces in which dialects differ.
        package mutating func appendInterpolation(raw text: StaticString) { self.text += text.description }
    }
}

/// One row of a result. Access by position, in the order of the SELECT; a wrong type is a programming error that throws.
package struct Row: Sendable {
    package let values: [SQLValue]
    package init(values: [SQLValue]) { self.values = values }

    package func integer(_ column: Int) throws -> Int64 {
        guard case .integer(let value) = values[column] else { throw mismatch(column, "integer") }
        return value
    }

    package func text(_ column: Int) throws -> String {
        guard case .text(let value) = values[column] else { throw mismatch(column, "text") }
        return value
    }

    package func blob(_ column: Int) throws -> [UInt8] {
        guard case .blob(let value) = values[column] else { throw mismatch(column, "blob") }
        return value
    }

    package func optionalInteger(_ column: Int) throws -> Int64? { values[column] == .null ? nil : try integer(column) }
    package func optionalText(_ column: Int) throws -> String? { values[column] == .null ? nil : try text(column) }
    package func optionalBlob(_ column: Int) throws -> [UInt8]? { values[column] == .null ? nil : try blob(column) }

    private func mismatch(_ column: Int, _ wanted: String) -> DatabaseError {
        .corrupt("column \(column) is not \(wanted)")
    }
}

package enum DatabaseDialect: Sendable { case sqlite, postgres }

/// One open transaction. Lives only inside the closure that it is handed to.
package protocol SQLTransaction {
    var dialect: DatabaseDialect { get }
    func query(_ sql: SQL) throws -> [Row]
    /// - Returns: the number of rows changed.
    @discardableResult func execute(_ sql: SQL) throws -> Int
}

/// The whole surface that stores see. Bodies are synchronous, so no transaction can be held across an `await`; a body may
/// run more than once (PostgreSQL retries after a serialization failure) and must have no other effects.
package protocol SQLDatabase: Sendable {
    var dialect: DatabaseDialect { get }
    /// A consistent snapshot, read only.
    func read<Result: Sendable>(_ body: @escaping @Sendable (any SQLTransaction) throws -> Result) async throws -> Result
    /// On return the transaction is on disk (SQLite: WAL with `synchronous = FULL`; PostgreSQL: `synchronous_commit = on`).
    /// If it throws nothing was written, except after `DatabaseError.outcomeUnknown`.
    func write<Result: Sendable>(_ body: @escaping @Sendable (any SQLTransaction) throws -> Result) async throws -> Result
    /// Closes every connection; later calls throw `DatabaseError.closed`.
    func close() async
}

/// What callers branch on; everything else is `engine` with its SQLSTATE or SQLite code.
package enum DatabaseError: Error, Sendable {
    /// A unique, foreign-key, check or not-null constraint.
    case constraint(String)
    /// The database could not be reached, opened, or did not answer before the deadline; nothing was written.
    case unavailable(String)
    /// The connection was lost between COMMIT and its answer: the write may or may not be there. Read before you repeat.
    case outcomeUnknown(String)
    /// No space left, or the file may not grow.
    case full
    case corrupt(String)
    case engine(code: String, String)
    case closed
}
