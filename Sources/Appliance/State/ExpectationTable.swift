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
        /// What would be expected too, were it not switched off by the site's policy.
        package let switchedOff: [ExpectedCheck]
        /// The catalog from which it follows.
        package let catalog: Int64
    }

    package static func all(in transaction: any SQLTransaction) throws -> [HostID: Entry] {
        var entries: [HostID: Entry] = [:]
        for row in try transaction.query("SELECT host, expected, catalog, switched_off FROM expectation") {
            let text = try row.text(0)
            guard let host = HostID(text) else { throw StateError("expectation", text) }
            entries[host] = Entry(
                host: host, expected: try checks(row.text(1)), switchedOff: try checks(row.text(3)), catalog: try row.integer(2))
        }
        return entries
    }

    private static func checks(_ text: String) throws -> [ExpectedCheck] {
        let json = try JSONValue(parsing: Array(text.utf8), limits: JSONLimits(bytesMax: 1 << 20))
        return try (json.array ?? []).map { try ExpectedCheck(reading: ObjectReader($0)) }
    }

    private static func text(_ checks: [ExpectedCheck]) throws -> String {
        String(decoding: try JSONValue.array(checks.map(\.json)).canonicalBytes(), as: UTF8.self)
    }

    static func put(_ entry: Entry, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO expectation (host, expected, catalog, switched_off)
            VALUES (\(entry.host.description), \(try text(entry.expected)), \(entry.catalog), \(try text(entry.switchedOff)))
            ON CONFLICT (host) DO UPDATE SET expected = excluded.expected, catalog = excluded.catalog,
                switched_off = excluded.switched_off
            """)
    }
}
