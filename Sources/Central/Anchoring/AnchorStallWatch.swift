import Anchors
import Database
import Model
import Seal

/// States when anchoring stands still, and when it goes on. A step decides, states and remembers in one transaction: a sudden end leaves
/// nothing unsaid and nothing said twice.
struct AnchorStallWatch: Sendable {
    private let database: any SQLDatabase
    private let statements: StatementStore
    private let configuration: AnchorsConfiguration
    private let now: @Sendable () -> Timestamp

    init(
        _ database: any SQLDatabase, _ statements: StatementStore, _ configuration: AnchorsConfiguration,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.database = database
        self.statements = statements
        self.configuration = configuration
        self.now = now
    }

    /// - Returns: what was stated.
    /// - Throws: `DatabaseError`.
    func turn() async throws -> [AnchorStall] {
        let now = now()
        var stated: [AnchorStall] = []
        for kind in AnchorKind.allCases {
            while let stall = try await step(kind, now: now) { stated.append(stall) }
        }
        return stated
    }

    private func step(_ kind: AnchorKind, now: Timestamp) async throws -> AnchorStall? {
        // Nearly always there is nothing to say, which a reader finds out without keeping others from writing.
        guard try await database.read({ try next(kind, now: now, in: $0) }) != nil else { return nil }
        return try await statements.write { [self] transaction in
            guard let stall = try next(kind, now: now, in: transaction) else { return nil }
            let end = max(stall.until ?? stall.issued, stall.from + .milliseconds(1))
            let stored = try statements.append(stall.json, kind: .anchorStall, about: .everyone, during: stall.from..<end, in: transaction)
            try transaction.execute("DELETE FROM anchor_stall WHERE kind = \(kind.rawValue)")
            if stall.until == nil {
                try transaction.execute(
                    """
                    INSERT INTO anchor_stall (kind, from_at, code, issued_at, log_index)
                    VALUES (\(kind.rawValue), \(stall.from.milliseconds), \(stall.code), \(now.milliseconds), \(stored.logIndex))
                    """)
            }
            return stall
        }
    }

    private func next(_ kind: AnchorKind, now: Timestamp, in transaction: any SQLTransaction) throws -> AnchorStall? {
        let open = try transaction.query("SELECT from_at, code, issued_at FROM anchor_stall WHERE kind = \(kind.rawValue)").first.map {
            row in
            AnchorStall(kind: kind, from: try row.instant(0), until: nil, code: try row.text(1), issued: try row.instant(2))
        }
        let heartbeat = try AnchorTable.heartbeat(kind, in: transaction)
        var health: AnchorHealth?
        if configuration.kinds.contains(kind) {
            // Before the first turn of any work this Central has never run.
            let since = try WorkTable.list(in: transaction).map(\.since).min() ?? now
            health = AnchorHealth(heartbeat, interval: configuration.interval, configured: since, at: now)
        }
        return AnchorStall.next(kind, open: open, health: health, lastSuccess: heartbeat?.lastSuccess, now: now)
    }
}
