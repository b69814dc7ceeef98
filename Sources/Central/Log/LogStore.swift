import Database
import Model
import TransparencyLog

/// The checkpoints that this log has signed. Rows are added, never changed.
struct LogStore: Sendable {
    let database: any SQLDatabase

    /// The newest; nil before the first.
    static func newest(in transaction: any SQLTransaction) throws -> WitnessState? {
        try transaction.query("SELECT note FROM log_checkpoint ORDER BY size DESC LIMIT 1").first.map { row in
            try WitnessState(stored: Array(row.text(0).utf8))
        }
    }

    static func history(in transaction: any SQLTransaction) throws -> [SignedNote] {
        try transaction.query("SELECT note FROM log_checkpoint ORDER BY size").map { try SignedNote(Array($0.text(0).utf8)) }
    }

    /// The smallest of at least `size` entries.
    static func first(covering size: Int64, in transaction: any SQLTransaction) throws -> SignedNote? {
        try transaction.query("SELECT note FROM log_checkpoint WHERE size >= \(size) ORDER BY size LIMIT 1").first.map {
            try SignedNote(Array($0.text(0).utf8))
        }
    }

    /// - Parameter previous: what it was built upon.
    /// - Returns: false, with nothing stored, when another node has signed a newer one meanwhile.
    static func add(
        _ note: SignedNote, size: Int64, after previous: Int64?, at now: Timestamp, in transaction: any SQLTransaction
    ) throws -> Bool {
        guard try newest(in: transaction)?.checkpoint.size == previous else { return false }
        try transaction.execute(
            """
            INSERT INTO log_checkpoint (size, note, signed_at)
            VALUES (\(size), \(String(decoding: note.bytes, as: UTF8.self)), \(now.milliseconds))
            """)
        return true
    }

    /// nil before it has a name.
    static func origin(in transaction: any SQLTransaction) throws -> String? {
        try transaction.query("SELECT origin FROM log_state WHERE id = 1").first?.optionalText(0)
    }

    /// The log's name for ever: the first one that it was given.
    static func adopt(origin: String, in transaction: any SQLTransaction) throws {
        if let known = try self.origin(in: transaction) {
            guard known == origin else { throw CentralError.logRenamed(from: known, to: origin) }
        } else {
            try transaction.execute("UPDATE log_state SET origin = \(origin) WHERE id = 1")
        }
    }
}
