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
