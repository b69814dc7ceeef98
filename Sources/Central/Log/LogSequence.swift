package import Database
package import Model
package import TransparencyLog

/// The order of the transparency log. An entry gets its index in the very transaction that accepts what it names, so the two
/// can never disagree; hashing it into tiles and signing a checkpoint over it follow later (`LogIntegrator`) and only ever
/// read what stands here.
package enum LogSequence {
    /// Gives out the next indices, dense and in this order.
    ///
    /// Counting up locks the one row until the transaction ends: indices follow commits, on several nodes too, and a reader
    /// that sees an index sees all below it.
    /// - Returns: the index of the first.
    package static func append(_ entries: [LogEntry], in transaction: any SQLTransaction) throws -> Int64 {
        let row = try transaction.query("UPDATE log_state SET size = size + \(entries.count) WHERE id = 1 RETURNING size").first
        guard let row else { throw DatabaseError.corrupt("the log's state is not there") }
        let first = try row.integer(0) - Int64(entries.count)
        try transaction.insert(
            into: "log_entry", columns: "log_index, entry",
            rows: entries.enumerated().map { [.integer(first + Int64($0.offset)), .blob($0.element.bytes)] })
        return first
    }

    /// The instant that what is appended in this transaction bears: `now`, or the newest one that anything in the log bears, if the clock
    /// was put back since. So along the log dates never fall, which readers of a kit hold against it (`log.order`).
    ///
    /// Locks the log's row as `append` does.
    package static func instant(_ now: Timestamp, in transaction: any SQLTransaction) throws -> Timestamp {
        let row = try transaction.query(
            """
            UPDATE log_state SET newest_at = CASE WHEN newest_at > \(now.milliseconds) THEN newest_at ELSE \(now.milliseconds) END
            WHERE id = 1 RETURNING newest_at
            """
        ).first
        guard let row else { throw DatabaseError.corrupt("the log's state is not there") }
        return try row.instant(0)
    }

    /// The newest instant that anything in the log bears; nil before the first.
    static func newest(in transaction: any SQLTransaction) throws -> Timestamp? {
        try transaction.query("SELECT newest_at FROM log_state WHERE id = 1").first?.optionalInstant(0)
    }

    /// How many indices were given out.
    static func size(in transaction: any SQLTransaction) throws -> Int64 {
        guard let row = try transaction.query("SELECT size FROM log_state WHERE id = 1").first else {
            throw DatabaseError.corrupt("the log's state is not there")
        }
        return try row.integer(0)
    }

    /// At most `limit` entries from `index` on, without gaps.
    static func entries(from index: Int64, limit: Int, in transaction: any SQLTransaction) throws -> [LogEntry] {
        try transaction.query(
            "SELECT log_index, entry FROM log_entry WHERE log_index >= \(index) ORDER BY log_index LIMIT \(limit)"
        ).enumerated().map { offset, row in
            guard try row.integer(0) == index + Int64(offset), let entry = LogEntry(bytes: try row.blob(1)) else {
                throw DatabaseError.corrupt("entry \(index + Int64(offset)) of the log is not there")
            }
            return entry
        }
    }

    /// Forgets entries that stand in full entry bundles, of which each is stored and covered by a stored checkpoint.
    static func forget(below index: Int64, in transaction: any SQLTransaction) throws {
        try transaction.execute("DELETE FROM log_entry WHERE log_index < \(index)")
    }
}
