/// A row that this program did not write, or not so: the file was changed by somebody else, or is damaged.
package struct StateError: Error, Sendable, CustomStringConvertible {
    package let table: String
    package let key: String

    package init(_ table: String, _ key: String) {
        self.table = table
        self.key = key
    }

    package var description: String {
        "The state file's table \(table) holds a row (\(key)) that cannot be read; nothing was done with it. Restore the file, or enrol again."
    }
}
