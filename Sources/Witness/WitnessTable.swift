import Database
import Model
import Seal
import TransparencyLog

/// The rows of `WitnessSchema`.
enum WitnessTable {
    struct State {
        let state: WitnessState
        let cosigned: Timestamp
    }

    static func state(of origin: String, in transaction: any SQLTransaction) throws -> State? {
        try transaction.query("SELECT note, cosigned_at FROM witness_state WHERE origin = \(origin)").first.map { row in
            State(
                state: try WitnessState(stored: Array(row.text(0).utf8)), cosigned: Timestamp(milliseconds: try row.integer(1)))
        }
    }

    static func store(_ state: WitnessState, at now: Timestamp, in transaction: any SQLTransaction) throws {
        let (origin, size) = (state.checkpoint.origin, state.checkpoint.size)
        try transaction.execute(
            """
            INSERT INTO witness_state (origin, size, note, cosigned_at) VALUES (\(origin), \(size), \(text(state.note)), \(now.milliseconds))
            ON CONFLICT (origin) DO UPDATE SET size = excluded.size, note = excluded.note, cosigned_at = excluded.cosigned_at
            """)
    }

    /// - Returns: nil when as many of its kind are kept unsettled as there is room for.
    static func keep(
        _ dispute: LogDispute, origin: String, from source: String, at now: Timestamp, max: Int, in transaction: any SQLTransaction
    ) throws -> (kept: KeptDispute, isNew: Bool)? {
        // The same two texts again are the same dispute, whoever brings them.
        let digest = Digest(of: Array("\(dispute.kind.rawValue)\n\(dispute.cosigned.text)\n\(dispute.refused.text)".utf8))
        if let known = try disputes(
            try transaction.query("SELECT \(raw: columns) FROM witness_dispute WHERE digest = \(digest.bytes)")
        ).first {
            return (known, false)
        }
        let kind = dispute.kind.rawValue
        let row = try transaction.query(
            "SELECT count(*) FROM witness_dispute WHERE origin = \(origin) AND kind = \(kind) AND settled_at IS NULL")[0]
        guard try row.integer(0) < max else { return nil }
        let number = try transaction.query("SELECT coalesce(max(number), 0) + 1 FROM witness_dispute")[0].integer(0)
        try transaction.execute(
            """
            INSERT INTO witness_dispute (number, origin, kind, digest, cosigned, refused, refused_text, source, seen_at)
            VALUES (\(number), \(origin), \(kind), \(digest.bytes), \(text(dispute.cosigned)), \(text(dispute.refused)),
                \(dispute.refused.text), \(source), \(now.milliseconds))
            """)
        // What was settled holds nothing against the log: anybody could fill the book with such.
        try transaction.execute(
            """
            DELETE FROM witness_dispute WHERE origin = \(origin) AND kind = \(kind) AND settled_at IS NOT NULL AND number NOT IN (
                SELECT number FROM witness_dispute WHERE origin = \(origin) AND kind = \(kind) ORDER BY number DESC LIMIT \(max))
            """)
        return (KeptDispute(number: number, origin: origin, dispute: dispute, source: source, seen: now, settled: nil), true)
    }

    /// What was not proven and now is.
    static func settle(_ state: WitnessState, at now: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            UPDATE witness_dispute SET settled_at = \(now.milliseconds)
            WHERE kind = 'unproven' AND settled_at IS NULL AND refused_text = \(state.note.text)
            """)
    }

    static func disputes(after number: Int64, limit: Int, in transaction: any SQLTransaction) throws -> [KeptDispute] {
        try disputes(
            try transaction.query(
                "SELECT \(raw: columns) FROM witness_dispute WHERE number > \(number) ORDER BY number LIMIT \(limit)"))
    }

    private static let columns: StaticString = "number, origin, kind, cosigned, refused, source, seen_at, settled_at"

    private static func disputes(_ rows: [Row]) throws -> [KeptDispute] {
        try rows.map { row in
            guard let kind = LogDispute.Kind(rawValue: try row.text(2)) else { throw DatabaseError.corrupt("a dispute of no known kind") }
            return KeptDispute(
                number: try row.integer(0), origin: try row.text(1),
                dispute: LogDispute(
                    kind: kind, cosigned: try SignedNote(Array(row.text(3).utf8)), refused: try SignedNote(Array(row.text(4).utf8))),
                source: try row.text(5), seen: Timestamp(milliseconds: try row.integer(6)),
                settled: try row.optionalInteger(7).map { Timestamp(milliseconds: $0) })
        }
    }

    private static func text(_ note: SignedNote) -> String { String(decoding: note.bytes, as: UTF8.self) }
}
