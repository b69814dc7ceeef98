package import Database
package import Evidence
package import Model
import Seal

/// The stored chain, its end, and what waits for Central. Only the journal and the push service come here.
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
        let bundle: BundleID
        let digest: Digest
        let signed: SignedBundle
    }

    package static func head(in transaction: any SQLTransaction) throws -> Head {
        guard let row = try transaction.query("SELECT sequence, digest FROM chain").first else { return .empty }
        guard let digest = Digest(bytes: try row.blob(1)) else { throw StateError("chain", "1") }
        return Head(sequence: try row.integer(0), digest: digest)
    }

    /// - Parameter head: where the chain must end.
    /// - Throws: `JournalError.moved` when it ends elsewhere.
    static func append(_ sealed: [Sealed], after head: Head, at now: Timestamp, in transaction: any SQLTransaction) throws {
        guard let last = sealed.last else { return }
        let moved =
            head == .empty
            ? try transaction.execute(
                """
                INSERT INTO chain (only, sequence, digest) VALUES (1, \(last.sequence), \(last.digest.bytes)) ON CONFLICT (only) DO NOTHING
                """)
            : try transaction.execute(
                """
                UPDATE chain SET sequence = \(last.sequence), digest = \(last.digest.bytes)
                WHERE sequence = \(head.sequence) AND digest = \(head.digest.bytes)
                """)
        guard moved == 1 else { throw JournalError.moved(expected: head.sequence, found: try self.head(in: transaction).sequence) }
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

    // MARK: Outbox

    package static func queuedCount(in transaction: any SQLTransaction) throws -> Int {
        try Int(head(in: transaction).sequence - acknowledged(in: transaction))
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
        let moved = try transaction.execute("UPDATE chain SET acknowledged = \(last) WHERE acknowledged = \(first - 1)")
        guard moved == 1 else { throw StateError("chain", "receipt \(first) to \(last)") }
    }

    /// Puts what was receipted after `sequence` back into the queue.
    /// - Returns: how many; 0 unless all of them are still here.
    package static func requeue(after sequence: Int64, in transaction: any SQLTransaction) throws -> Int {
        let acknowledged = try acknowledged(in: transaction)
        guard sequence < acknowledged, let oldest = try oldest(in: transaction), oldest <= sequence + 1 else { return 0 }
        try transaction.execute("UPDATE chain SET acknowledged = \(sequence)")
        return Int(acknowledged - sequence)
    }

    /// The last that Central gave a receipt for; -1 while there is none.
    private static func acknowledged(in transaction: any SQLTransaction) throws -> Int64 {
        try transaction.query("SELECT acknowledged FROM chain").first?.integer(0) ?? -1
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
        let bound = try min(acknowledged(in: transaction), head(in: transaction).sequence - Int64(keeping))
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
            WHERE sequence BETWEEN \(range.lowerBound) AND \(range.upperBound) AND sequence <= (SELECT acknowledged FROM chain)
            """)
        try transaction.execute("DELETE FROM receipt WHERE last_sequence <= \(range.upperBound)")
    }

    private static func stored(_ row: Row) throws -> Stored {
        let bytes = try row.blob(1)
        return Stored(
            sequence: try row.integer(0), signed: SignedBundle(bytes: bytes, signature: try row.blob(2)), digest: Digest(of: bytes))
    }
}
