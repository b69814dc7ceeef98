import Database
import Logging
import Model
import Objects
import TransparencyLog

/// Reads the whole log again and again, slowly, each resource against the signed root, so that damage is found while it can be mended
/// and not when an auditor asks.
struct LogWalk: Sendable {
    /// Bundles of 256 entries that one turn looks at.
    static let stepMax: Int64 = 64
    /// From the beginning of one round to the next, where the log is not larger.
    static let roundMin: Duration = .seconds(86_400)

    let database: any SQLDatabase
    let objects: LogObjects
    let repair: LogRepair
    let now: @Sendable () -> Timestamp

    /// - Returns: how many bundles were looked at.
    /// - Throws: `ObjectError`, `DatabaseError` when it could not look. What cannot be mended is recorded, and the walk goes on.
    @discardableResult
    func turn() async throws -> Int {
        let now = now()
        let (checkpoint, place) = try await database.read { (try LogStore.newest(in: $0)?.checkpoint, try Self.place(in: $0)) }
        guard let checkpoint, checkpoint.size > 0 else { return 0 }
        let count = (checkpoint.size + 255) / 256
        var (next, began) = (place?.next ?? 0, place?.began ?? now)
        if next >= count {
            guard now - began >= Self.roundMin || began > now else { return 0 }
            (next, began) = (0, now)
        }
        let end = min(next + Self.stepMax, count)
        // A reader of its own each turn: what it has verified it does not read again.
        var reader = TileReader(size: checkpoint.size, root: checkpoint.root, source: objects)
        for index in next..<end {
            for attempt in 0..<2 {
                do {
                    _ = try await reader.entries(ofBundle: index)
                    break
                } catch {
                    guard let paths = LogRepair.damaged(by: error) else { throw error }
                    let isMended = try await repair.mend(paths)
                    reader = TileReader(size: checkpoint.size, root: checkpoint.root, source: objects)
                    // Recorded: its neighbours are looked at all the same.
                    if !isMended || attempt == 1 { break }
                }
            }
        }
        let (reached, beganAt) = (end, began)
        try await database.write { transaction in
            try transaction.execute(
                """
                INSERT INTO log_walk (id, next_bundle, began_at) VALUES (1, \(reached), \(beganAt.milliseconds))
                ON CONFLICT (id) DO UPDATE SET next_bundle = excluded.next_bundle, began_at = excluded.began_at
                """)
        }
        try await forgetMended(checkpoint)
        return Int(end - next)
    }

    /// What somebody restored is served again.
    private func forgetMended(_ checkpoint: Checkpoint) async throws {
        var mended: [String] = []
        for fault in try await database.read({ try LogFaultTable.open(in: $0) }) {
            guard let path = TilePath(fault.path) else { continue }
            let reader = TileReader(size: checkpoint.size, root: checkpoint.root, source: objects)
            // The first bundle below it needs it and all above it.
            var first = path.index
            if case .hashes(let level) = path.kind { first <<= Int64(8 * level) }
            if (try? await reader.entries(ofBundle: first)) != nil { mended.append(fault.path) }
        }
        guard !mended.isEmpty else { return }
        let paths = mended
        try await database.write { try LogFaultTable.remove(paths, in: $0) }
    }

    private static func place(in transaction: any SQLTransaction) throws -> (next: Int64, began: Timestamp)? {
        try transaction.query("SELECT next_bundle, began_at FROM log_walk WHERE id = 1").first.map {
            (try $0.integer(0), try $0.instant(1))
        }
    }
}
