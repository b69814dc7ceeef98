package import Database
package import Model

/// What is wrong with the appliance itself now.
package enum AlertTable {
    package struct Entry: Hashable, Sendable {
        package let subject: String
        package let code: Code
        package let note: String
        package let raised: Timestamp
    }

    package static func all(in transaction: any SQLTransaction) throws -> [Entry] {
        try transaction.query("SELECT subject, code, note, raised FROM alert ORDER BY raised, subject").map { row in
            guard let code = Code(try row.text(1)) else { throw StateError("alert", try row.text(0)) }
            return Entry(
                subject: try row.text(0), code: code, note: try row.text(2), raised: Timestamp(milliseconds: try row.integer(3)))
        }
    }

    static func put(_ entry: Entry, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO alert (subject, code, note, raised)
            VALUES (\(entry.subject), \(entry.code.description), \(entry.note), \(entry.raised.milliseconds))
            ON CONFLICT (subject) DO UPDATE SET code = excluded.code, note = excluded.note, raised = excluded.raised
            """)
    }

    static func remove(_ subject: String, in transaction: any SQLTransaction) throws {
        try transaction.execute("DELETE FROM alert WHERE subject = \(subject)")
    }
}
