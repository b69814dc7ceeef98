package import Database
package import Evidence
package import Model
import Seal

/// What was last said, in evidence, that has to be looked at on each host.
package enum ExpectationTable {
    package struct Entry: Hashable, Sendable {
        package let host: HostID
        /// Empty when it is no longer watched.
        package let expected: [ExpectedCheck]
        /// The catalog from which it follows.
        package let catalog: Int64
    }

    package static func all(in transaction: any SQLTransaction) throws -> [HostID: Entry] {
        var entries: [HostID: Entry] = [:]
        for row in try transaction.query("SELECT host, expected, catalog FROM expectation") {
            let text = try row.text(0)
            guard let host = HostID(text) else { throw StateError("expectation", text) }
            let json = try JSONValue(parsing: Array(try row.text(1).utf8), limits: JSONLimits(bytesMax: 1 << 20))
            let expected = try (json.array ?? []).map { try ExpectedCheck(reading: ObjectReader($0)) }
            entries[host] = Entry(host: host, expected: expected, catalog: try row.integer(2))
        }
        return entries
    }

    static func put(_ entry: Entry, in transaction: any SQLTransaction) throws {
        let expected = try JSONValue.array(entry.expected.map(\.json)).canonicalBytes()
        try transaction.execute(
            """
            INSERT INTO expectation (host, expected, catalog)
            VALUES (\(entry.host.description), \(String(decoding: expected, as: UTF8.self)), \(entry.catalog))
            ON CONFLICT (host) DO UPDATE SET expected = excluded.expected, catalog = excluded.catalog
            """)
    }
}
