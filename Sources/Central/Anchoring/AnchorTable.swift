package import Anchors
import Database
package import Model
import Seal
import TransparencyLog

/// Anchors of the log's checkpoints, in Central's database.
package struct AnchorTable: AnchorStore {
    private let database: any SQLDatabase
    private let faults: CentralFaults

    init(_ database: any SQLDatabase, faults: CentralFaults) {
        self.database = database
        self.faults = faults
    }

    /// The newest that was signed. One of an empty log is none: there is nothing to show the age of.
    package func newestCheckpoint() async throws -> AnchorTarget? {
        try await database.read { transaction in
            guard let state = try LogStore.newest(in: transaction), state.checkpoint.size > 0 else { return nil }
            return Self.target(state)
        }
    }

    package func anchors(_ kind: AnchorKind) async throws -> (heartbeat: AnchorHeartbeat?, open: [Anchor]) {
        try await database.read { transaction in
            let open = try transaction.query(
                """
                SELECT kind, digest, tree_size, made_at, proof, state, is_open FROM anchor
                WHERE kind = \(kind.rawValue) AND is_open = 1 ORDER BY made_at DESC, tree_size DESC LIMIT \(AnchorSchedule.openMax)
                """
            ).map(Self.anchor)
            return (try Self.heartbeat(kind, in: transaction), open.reversed())
        }
    }

    package func commit(_ anchors: [Anchor], heartbeat: AnchorHeartbeat, kind: AnchorKind) async throws {
        let faults = faults
        try await database.write { transaction in
            for anchor in anchors {
                let state = String(decoding: try anchor.state.json.canonicalBytes(), as: UTF8.self)
                try transaction.execute(
                    """
                    INSERT INTO anchor (kind, digest, tree_size, made_at, proof, state, is_open)
                    VALUES (\(kind.rawValue), \(anchor.target.digest.bytes), \(anchor.target.treeSize), \(anchor.made.milliseconds),
                        \(anchor.proof), \(state), \(anchor.isOpen))
                    ON CONFLICT (kind, digest) DO UPDATE SET made_at = excluded.made_at, proof = excluded.proof, state = excluded.state,
                        is_open = excluded.is_open
                    """)
            }
            try transaction.execute(
                """
                INSERT INTO anchor_heartbeat (kind, since_at, last_success_at, last_failure, last_size, last_digest, oldest_pending_at)
                VALUES (\(kind.rawValue), \(heartbeat.since.milliseconds), \(heartbeat.lastSuccess?.milliseconds),
                    \(heartbeat.lastFailure), \(heartbeat.lastTarget?.treeSize), \(heartbeat.lastTarget?.digest.bytes),
                    \(heartbeat.oldestPending?.milliseconds))
                ON CONFLICT (kind) DO UPDATE SET since_at = excluded.since_at, last_success_at = excluded.last_success_at,
                    last_failure = excluded.last_failure, last_size = excluded.last_size, last_digest = excluded.last_digest,
                    oldest_pending_at = excluded.oldest_pending_at
                """)
            faults.reached(.anchorBeforeCommit)
        }
        faults.reached(.anchorAfterCommit)
    }

    /// What a lane last achieved; nil where it never ran.
    package func heartbeat(_ kind: AnchorKind) async throws -> AnchorHeartbeat? {
        try await database.read { try Self.heartbeat(kind, in: $0) }
    }

    /// Every anchor, oldest checkpoint first, with the text that was anchored.
    package func list() async throws -> [AnchoredCheckpoint] {
        try await database.read { transaction in
            var texts: [Int64: String] = [:]
            return try transaction.query(
                "SELECT kind, digest, tree_size, made_at, proof, state, is_open FROM anchor ORDER BY tree_size, kind"
            ).map { row in
                let anchor = try Self.anchor(row)
                let size = anchor.target.treeSize
                if texts[size] == nil {
                    let stored = try transaction.query("SELECT note FROM log_checkpoint WHERE size = \(size)").first
                    guard let stored else { throw DatabaseError.corrupt("the checkpoint of an anchor is not there") }
                    texts[size] = try WitnessState(stored: Array(stored.text(0).utf8)).note.text
                }
                return AnchoredCheckpoint(anchor: anchor, text: Array(texts[size]!.utf8))
            }
        }
    }

    private static func target(_ state: WitnessState) -> AnchorTarget {
        AnchorTarget(treeSize: state.checkpoint.size, digest: Digest(of: Array(state.note.text.utf8)))
    }

    private static func anchor(_ row: Row) throws -> Anchor {
        let json = try? JSONValue(parsing: Array(row.text(5).utf8), limits: JSONLimits(bytesMax: 65_536))
        guard let kind = AnchorKind(rawValue: try row.text(0)), let state = json.flatMap(AnchorState.init(json:)) else {
            throw DatabaseError.corrupt("an anchor is not as it was written")
        }
        return Anchor(
            kind: kind, target: AnchorTarget(treeSize: try row.integer(2), digest: try row.digest(1)), made: try row.instant(3),
            proof: try row.blob(4), state: state, isOpen: try row.integer(6) != 0)
    }

    static func heartbeat(_ kind: AnchorKind, in transaction: any SQLTransaction) throws -> AnchorHeartbeat? {
        try transaction.query(
            """
            SELECT since_at, last_success_at, last_failure, last_size, last_digest, oldest_pending_at FROM anchor_heartbeat
            WHERE kind = \(kind.rawValue)
            """
        ).first.map { row in
            var target: AnchorTarget?
            if let size = try row.optionalInteger(3) { target = AnchorTarget(treeSize: size, digest: try row.digest(4)) }
            return AnchorHeartbeat(
                since: try row.instant(0), lastSuccess: try row.optionalInstant(1), lastFailure: try row.optionalText(2),
                lastTarget: target, oldestPending: try row.optionalInstant(5))
        }
    }
}

/// An anchor with what it is about, as an auditor needs both.
package struct AnchoredCheckpoint: Sendable {
    package let anchor: Anchor
    /// What the log signed, and what was anchored: the SHA-256 of these bytes is `anchor.target.digest`.
    package let text: [UInt8]
}
