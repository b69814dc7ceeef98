package import Database
package import Evidence
package import Model

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
        package let digest: Digest
        package let signed: SignedBundle
    }

    /// A bundle with its place, sealed and not yet written.
    struct Sealed: Sendable {
        let sequence: Int64
        let bundle: BundleID
        let digest: Digest
        let signed: SignedBundle
    }

    package static func head(in transaction: any SQLTransaction) throws -> Head {
        guard let row = try transaction.query("SELECT sequence, digest FROM chain_head").first else { return .empty }
        guard let digest = Digest(bytes: try row.blob(1)) else { throw StateError("chain_head", "1") }
        return Head(sequence: try row.integer(0), digest: digest)
    }

    static func append(_ sealed: [Sealed], at now: Timestamp, in transaction: any SQLTransaction) throws {
        guard let last = sealed.last else { return }
        try transaction.insert(
            into: "evidence", columns: "sequence, bundle_id, digest, bytes, signature, made",
            rows: sealed.map { item in
                [
                    .integer(item.sequence), .text(item.bundle.description), .blob(item.digest.bytes), .blob(item.signed.bytes),
                    .blob(item.signed.signature), .integer(now.milliseconds),
                ]
            })
        try transaction.insert(into: "outbox", columns: "sequence", rows: sealed.map { [.integer($0.sequence)] })
        try transaction.execute(
            """
            INSERT INTO chain_head (only, sequence, digest) VALUES (1, \(last.sequence), \(last.digest.bytes))
            ON CONFLICT (only) DO UPDATE SET sequence = excluded.sequence, digest = excluded.digest
            """)
    }

    /// The newest `count`, oldest first.
    package static func newest(_ count: Int, in transaction: any SQLTransaction) throws -> [Stored] {
        try transaction.query("SELECT sequence, digest, bytes, signature FROM evidence ORDER BY sequence DESC LIMIT \(count)")
            .reversed().map(stored)
    }

    package static func all(in transaction: any SQLTransaction) throws -> [Stored] {
        try transaction.query("SELECT sequence, digest, bytes, signature FROM evidence ORDER BY sequence").map(stored)
    }

    // MARK: Outbox

    package static func queuedCount(in transaction: any SQLTransaction) throws -> Int {
        Int(try transaction.query("SELECT count(*) FROM outbox")[0].integer(0))
    }

    /// The oldest that wait, consecutive, at most `count` and `bytesMax` (but always one).
    package static func waiting(count: Int, bytesMax: Int, in transaction: any SQLTransaction) throws -> [Stored] {
        let rows = try transaction.query(
            """
            SELECT e.sequence, e.digest, e.bytes, e.signature FROM outbox o JOIN evidence e ON e.sequence = o.sequence
            ORDER BY o.sequence LIMIT \(count)
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

    package static func digest(at sequence: Int64, in transaction: any SQLTransaction) throws -> Digest? {
        try transaction.query("SELECT digest FROM evidence WHERE sequence = \(sequence)").first.flatMap { Digest(bytes: try $0.blob(0)) }
    }

    /// Stores a verified receipt and takes what it covers out of the queue, in one.
    package static func receipt(
        _ first: Int64, _ last: Int64, head: Digest, envelope: String, received: Timestamp, in transaction: any SQLTransaction
    ) throws {
        let id = try transaction.query(
            """
            INSERT INTO receipt (first_sequence, last_sequence, head, envelope, received)
            VALUES (\(first), \(last), \(head.bytes), \(envelope), \(received.milliseconds)) RETURNING id
            """)[0].integer(0)
        try transaction.execute("UPDATE evidence SET receipt = \(id) WHERE sequence BETWEEN \(first) AND \(last)")
        try transaction.execute("DELETE FROM outbox WHERE sequence BETWEEN \(first) AND \(last)")
    }

    /// Puts receipted bundles back into the queue.
    /// - Returns: how many; 0 unless all of them, from the first on, are still here.
    package static func requeue(_ range: ClosedRange<Int64>, in transaction: any SQLTransaction) throws -> Int {
        guard try digest(at: range.lowerBound, in: transaction) != nil else { return 0 }
        try transaction.execute(
            "UPDATE evidence SET receipt = NULL WHERE sequence BETWEEN \(range.lowerBound) AND \(range.upperBound)")
        return try transaction.execute(
            """
            INSERT INTO outbox (sequence) SELECT sequence FROM evidence
            WHERE sequence BETWEEN \(range.lowerBound) AND \(range.upperBound) ON CONFLICT DO NOTHING
            """)
    }

    // MARK: Pruning

    /// Sequences that may be forgotten: receipted, made before `instant`, and not among the newest `keeping`.
    /// - Returns: the last of them, nil if there is none. They always are the oldest, so the rest stays a chain.
    package static func prunable(before instant: Timestamp, keeping: Int, in transaction: any SQLTransaction) throws -> ClosedRange<Int64>?
    {
        guard let first = try transaction.query("SELECT min(sequence) FROM evidence")[0].optionalInteger(0) else { return nil }
        let head = try head(in: transaction).sequence
        // The oldest that has to stay for any of the reasons bounds what goes: a hole would break the chain that remains.
        let firstKept = try transaction.query(
            """
            SELECT min(sequence) FROM evidence
            WHERE receipt IS NULL OR made >= \(instant.milliseconds) OR sequence > \(head - Int64(keeping))
            """)[0].optionalInteger(0)
        guard let firstKept, firstKept > first else { return nil }
        return first...(firstKept - 1)
    }

    package static func remove(_ range: ClosedRange<Int64>, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            "DELETE FROM evidence WHERE sequence BETWEEN \(range.lowerBound) AND \(range.upperBound) AND receipt IS NOT NULL")
        try transaction.execute("DELETE FROM receipt WHERE last_sequence <= \(range.upperBound)")
    }

    private static func stored(_ row: Row) throws -> Stored {
        guard let digest = Digest(bytes: try row.blob(1)) else { throw StateError("evidence", "\(try row.integer(0))") }
        return Stored(
            sequence: try row.integer(0), digest: digest, signed: SignedBundle(bytes: try row.blob(2), signature: try row.blob(3)))
    }
}
