package import Database
package import Evidence
package import Model
import Seal

/// The stored chain and what of it waits for Central. Only the journal and the push service come here.
package enum EvidenceTable {
    package struct Head: Hashable, Sendable {
        /// -1 while the chain is empty.
        package let sequence: Int64
        package let digest: Digest

        package static let empty = Head(sequence: -1, digest: .genesis)
    }

    package struct Stored: Sendable {
        package let sequence: Int64
        package let signed: SignedBundle
        /// Made from the bytes, never stored: it cannot disagree with them.
        package let digest: Digest
    }

    /// A bundle with its place, sealed and not yet written.
    struct Sealed: Sendable {
        let sequence: Int64
        let signed: SignedBundle
    }

    package static func head(in transaction: any SQLTransaction) throws -> Head {
        try newest(1, in: transaction).last.map { Head(sequence: $0.sequence, digest: $0.digest) } ?? .empty
    }

    /// - Throws: `DatabaseError.constraint` when somebody else has written that far already.
    static func append(_ sealed: [Sealed], at now: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.insert(
            into: "evidence", columns: "sequence, made, signature, bytes",
            rows: sealed.map { item in
                [.integer(item.sequence), .integer(now.milliseconds), .blob(item.signed.signature), .blob(item.signed.bytes)]
            })
    }

    /// The newest `count`, oldest first.
    package static func newest(_ count: Int, in transaction: any SQLTransaction) throws -> [Stored] {
        try transaction.query("SELECT sequence, bytes, signature FROM evidence ORDER BY sequence DESC LIMIT \(count)").reversed().map(
            stored)
    }

    package static func all(in transaction: any SQLTransaction) throws -> [Stored] {
        try transaction.query("SELECT sequence, bytes, signature FROM evidence ORDER BY sequence").map(stored)
    }

    /// - Returns: nil when it is not here.
    static func digest(of sequence: Int64, in transaction: any SQLTransaction) throws -> Digest? {
        try transaction.query("SELECT bytes FROM evidence WHERE sequence = \(sequence)").first.map { Digest(of: try $0.blob(0)) }
    }

    // MARK: Outbox

    package static func queuedCount(in transaction: any SQLTransaction) throws -> Int {
        try Int(lastSequence(in: transaction) - acknowledged(in: transaction))
    }

    /// The oldest that wait, consecutive, at most `count` and `bytesMax` (but always one).
    package static func waiting(count: Int, bytesMax: Int, in transaction: any SQLTransaction) throws -> [Stored] {
        let rows = try transaction.query(
            """
            SELECT sequence, bytes, signature FROM evidence WHERE sequence > \(acknowledged(in: transaction))
            ORDER BY sequence LIMIT \(count)
            """
        ).map(stored)
        var taken: [Stored] = []
        var bytes = 0
        for row in rows {
            if let last = taken.last, last.sequence + 1 != row.sequence { break }
            bytes += row.signed.bytes.count
            if !taken.isEmpty, bytes > bytesMax { break }
            taken.append(row)
        }
        return taken
    }

    /// Stores a verified receipt and takes what it covers out of the queue, in one.
    /// - Throws: `StateError` if it does not cover the oldest that waits.
    package static func receipt(
        _ first: Int64, _ last: Int64, head: Digest, envelope: String, received: Timestamp, in transaction: any SQLTransaction
    ) throws {
        // A later receipt for the same end is for bundles that Central had lost: it replaces the one that does not hold any more.
        try transaction.execute(
            """
            INSERT OR REPLACE INTO receipt (last_sequence, first_sequence, head, envelope, received)
            VALUES (\(last), \(first), \(head.bytes), \(envelope), \(received.milliseconds))
            """)
        let moved = try transaction.execute("UPDATE outbox SET acknowledged = \(last) WHERE acknowledged = \(first - 1)")
        guard moved == 1 else { throw StateError("outbox", "receipt \(first) to \(last)") }
    }

    /// The text of the receipt whose last bundle this is; nil where there is none, or no longer.
    package static func receipt(endingAt sequence: Int64, in transaction: any SQLTransaction) throws -> String? {
        try transaction.query("SELECT envelope FROM receipt WHERE last_sequence = \(sequence)").first?.text(0)
    }

    /// The text of the newest receipt that Central dated before that.
    static func newestReceipt(before limit: Timestamp, in transaction: any SQLTransaction) throws -> String? {
        try transaction.query(
            "SELECT envelope FROM receipt WHERE received < \(limit.milliseconds) ORDER BY last_sequence DESC LIMIT 1"
        ).first?.text(0)
    }

    /// Puts what was receipted after `sequence` back into the queue.
    /// - Returns: how many; 0 unless all of them are still here.
    package static func requeue(after sequence: Int64, in transaction: any SQLTransaction) throws -> Int {
        let acknowledged = try acknowledged(in: transaction)
        guard sequence < acknowledged, let oldest = try oldest(in: transaction), oldest <= sequence + 1 else { return 0 }
        try transaction.execute("UPDATE outbox SET acknowledged = \(sequence)")
        return Int(acknowledged - sequence)
    }

    /// What Central's newest receipt says that the chain was then; empty while there is none.
    static func receipted(in transaction: any SQLTransaction) throws -> Head {
        let last = try acknowledged(in: transaction)
        guard let row = try transaction.query("SELECT head FROM receipt WHERE last_sequence = \(last)").first else { return .empty }
        guard let digest = Digest(bytes: try row.blob(0)) else { throw StateError("receipt", "\(last)") }
        return Head(sequence: last, digest: digest)
    }

    /// The last that Central gave a receipt for; -1 while there is none.
    private static func acknowledged(in transaction: any SQLTransaction) throws -> Int64 {
        guard let row = try transaction.query("SELECT acknowledged FROM outbox").first else { throw StateError("outbox", "1") }
        return try row.integer(0)
    }

    private static func lastSequence(in transaction: any SQLTransaction) throws -> Int64 {
        try transaction.query("SELECT max(sequence) FROM evidence")[0].optionalInteger(0) ?? -1
    }

    private static func oldest(in transaction: any SQLTransaction) throws -> Int64? {
        try transaction.query("SELECT min(sequence) FROM evidence")[0].optionalInteger(0)
    }

    // MARK: Pruning

    /// Sequences that may be forgotten: receipted, made before `instant`, and not among the newest `keeping`.
    /// - Returns: nil if there is none. They always are the oldest, so the rest stays a chain.
    package static func prunable(before instant: Timestamp, keeping: Int, in transaction: any SQLTransaction) throws -> ClosedRange<Int64>?
    {
        guard let oldest = try oldest(in: transaction) else { return nil }
        let bound = try min(acknowledged(in: transaction), lastSequence(in: transaction) - Int64(keeping))
        // The oldest that has to stay for any of the reasons bounds what goes: a hole would break the chain that remains.
        let firstKept = try transaction.query(
            "SELECT sequence FROM evidence WHERE sequence > \(bound) OR made >= \(instant.milliseconds) ORDER BY sequence LIMIT 1"
        ).first?.integer(0)
        guard let firstKept, firstKept > oldest else { return nil }
        return oldest...(firstKept - 1)
    }

    package static func remove(_ range: ClosedRange<Int64>, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            DELETE FROM evidence
            WHERE sequence BETWEEN \(range.lowerBound) AND \(range.upperBound) AND sequence <= (SELECT acknowledged FROM outbox)
            """)
        try transaction.execute("DELETE FROM receipt WHERE last_sequence <= \(range.upperBound)")
    }

    private static func stored(_ row: Row) throws -> Stored {
        let bytes = try row.blob(1)
        return Stored(
            sequence: try row.integer(0), signed: SignedBundle(bytes: bytes, signature: try row.blob(2)), digest: Digest(of: bytes))
    }
}
