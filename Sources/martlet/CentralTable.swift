import Seal

/// Rows for people or for programs, from one rendering.
struct CentralTable {
    let columns: [String]
    private(set) var rows: [[JSONValue]] = []

    init(_ columns: String...) { self.columns = columns }

    mutating func add(_ values: JSONValue...) { rows.append(values) }

    /// An array of objects, one for each row.
    var json: JSONValue { .array(rows.map { .object(Dictionary(uniqueKeysWithValues: zip(columns, $0))) }) }

    /// Wider tables fold in a terminal, where nobody finds the column again.
    private static let widthMax = 100

    /// - Parameter asJSON: an array of objects, one for each row; otherwise columns under their names, or, where a line would be
    ///   too long, each row as a block of name and value, without what is empty.
    func print(asJSON: Bool) throws {
        if asJSON {
            Swift.print(String(decoding: try json.canonicalBytes(), as: UTF8.self))
            return
        }
        let texts = [columns.map { $0.uppercased() }] + rows.map { $0.map(Self.text) }
        let widths = columns.indices.map { column in texts.map { $0[column].count }.max() ?? 0 }
        if widths.reduce(2 * (columns.count - 1), +) > Self.widthMax, !rows.isEmpty {
            let nameWidth = columns.map(\.count).max() ?? 0
            for (number, row) in texts.dropFirst().enumerated() {
                if number > 0 { Swift.print("") }
                for (name, value) in zip(texts[0], row) where value != "-" {
                    Swift.print(name + String(repeating: " ", count: nameWidth - name.count + 2) + value)
                }
            }
            return
        }
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
