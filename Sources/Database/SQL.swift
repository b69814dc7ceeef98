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

/// SQL text whose interpolations are always parameters: `"… WHERE id = \(id)"`. Injection cannot be written.
///
/// Parameters become `$1, $2, …` in order of appearance: positional in PostgreSQL, numbered names in SQLite, so the
/// very same text runs on both.
package struct SQL: Sendable, ExpressibleByStringInterpolation {
    package let text: String
    package let values: [SQLValue]

    init(text: String, values: [SQLValue]) {
        self.text = text
        self.values = values
    }

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

        package mutating func appendInterpolation(_ value: (some SQLConvertible)?) {
            appendInterpolation(value?.sqlValue ?? .null)
        }

        /// Text that stands in the source, for the pieces in which dialects differ.
        package mutating func appendInterpolation(raw text: StaticString) { self.text += text.description }
    }
}

extension SQL {
    /// PostgreSQL cannot store U+0000, and libpq would cut the text there without a word: refused on both engines.
    package func checkTexts() throws {
        for case .text(let text) in values where text.utf8.contains(0) {
            throw DatabaseError.constraint("a text holds the character U+0000")
        }
    }
}
