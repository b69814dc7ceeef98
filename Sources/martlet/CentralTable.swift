import Seal

/// Rows for people or for programs, from one rendering.
struct CentralTable {
    let columns: [String]
    private(set) var rows: [[JSONValue]] = []

    init(_ columns: String...) { self.columns = columns }

    mutating func add(_ values: JSONValue...) { rows.append(values) }

    /// - Parameter asJSON: an array of objects, one for each row; otherwise columns under their names.
    func print(asJSON: Bool) throws {
        if asJSON {
            let objects = rows.map { JSONValue.object(Dictionary(uniqueKeysWithValues: zip(columns, $0))) }
            Swift.print(String(decoding: try JSONValue.array(objects).canonicalBytes(), as: UTF8.self))
            return
        }
        let texts = [columns.map { $0.uppercased() }] + rows.map { $0.map(Self.text) }
        let widths = columns.indices.map { column in texts.map { $0[column].count }.max() ?? 0 }
        for row in texts {
            let cells = row.enumerated().map { index, text in
                // No blanks after the last column.
                index == columns.count - 1 ? text : text + String(repeating: " ", count: widths[index] - text.count)
            }
            Swift.print(cells.joined(separator: "  "))
        }
        if rows.isEmpty { Swift.print("(none)") }
    }

    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .null: "-"
        case .boolean(let flag): flag ? "yes" : "no"
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .string(let text): text
        case .array, .object: "…"
        }
    }
}
