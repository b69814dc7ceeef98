import Database
import Logging
import Model
import Objects
import Seal
import Synchronization
import TransparencyLog

/// Puts lost or damaged resources of the log back: all entries are read from the database, the tree is built anew, and only if it has
/// the root that was signed are its bytes taken.
///
/// That costs a pass over the whole log. It is done once for whatever is found together, and never twice for what cannot be mended.
final class LogRepair: Sendable {
    private let database: any SQLDatabase
    private let objects: LogObjects
    /// Whose statements stand in the log beside the appliances' bundles.
    private let statementKey: VerifyingKey
    private let now: @Sendable () -> Timestamp
    private let logger: Logger
    private let last = Mutex<Task<Bool, any Error>?>(nil)
    private static let pageSize = 4_096

    init(
        database: any SQLDatabase, objects: LogObjects, statementKey: VerifyingKey, now: @escaping @Sendable () -> Timestamp,
        logger: Logger
    ) {
        self.database = database
        self.objects = objects
        self.statementKey = statementKey
        self.now = now
        self.logger = logger
    }

    /// Which resources an error is about; nil: it says nothing of them (the store is away, say).
    static func damaged(by error: any Error) -> [TilePath]? {
        switch error {
        case let error as TileError: return error.paths
        case ObjectError.missing(let key), ObjectError.corrupt(let key), ObjectError.tooLarge(let key, _):
            return LogObjects.path(of: key).map { [$0] }
        default: return nil
        }
    }

    /// Does `work`, and once more after mending what it found damaged.
    /// - Throws: what `work` throws, where it cannot be mended.
    func mending<Result: Sendable>(
        isolation: isolated (any Actor)? = #isolation, _ work: () async throws -> Result
    ) async throws -> Result {
        do {
            return try await work()
        } catch {
            guard let paths = Self.damaged(by: error), try await mend(paths) else { throw error }
            return try await work()
        }
    }

    /// One at a time: whoever comes second finds most things mended.
    /// - Returns: whether all of them are as they must be. Where not, they are recorded, and not served from then on.
    /// - Throws: `ObjectError`, `DatabaseError` when it could not be tried.
    func mend(_ paths: [TilePath]) async throws -> Bool {
        let task = last.withLock { last in
            let before = last
            let task = Task { [self] in
                _ = await before?.result
                return try await rebuild(Set(paths))
            }
            last = task
            return task
        }
        return try await task.value
    }

    private func rebuild(_ wanted: Set<TilePath>) async throws -> Bool {
        guard let checkpoint = try await database.read({ try LogStore.newest(in: $0)?.checkpoint }) else { return false }
        let known = try await database.read { try LogFaultTable.open(in: $0) }.map(\.path)
        guard !wanted.contains(where: { known.contains($0.description) }) else { return false }
        let size = checkpoint.size
        var builder = LogBuilder()
        var found: [TilePath: [UInt8]] = [:]
        func take(_ resources: [LogResource]) {
            for resource in resources {
                for path in wanted where path.kind == resource.path.kind && path.index == resource.path.index {
                    if let bytes = path.beginning(of: resource) { found[path] = bytes }
                }
            }
        }
        while builder.size < size {
            let from = builder.size
            let page = try await entries(from..<min(from + Int64(Self.pageSize), size))
            guard page.count == Int(min(Int64(Self.pageSize), size - from)) else { break }
            for entry in page { builder.append(entry) }
            take(builder.takeFull())
        }
        let batch = builder.takeBatch()
        take(batch.resources)
        guard batch.size == size, batch.root == checkpoint.root else {
            try await record(wanted, code: "log.repair.mismatch")
            return false
        }
        var isWhole = true
        for path in wanted.sorted(by: { $0.description < $1.description }) {
            // What the tree of this size does not have is not missed.
            guard let bytes = found[path] else {
                isWhole = false
                continue
            }
            do throws(ObjectError) {
                try await objects.mend(path, bytes)
                logger.warning("log.repaired", metadata: ["code": "log.tile.repaired", "tile": .string(path.description)])
            } catch {
                guard case .existsDifferent = error else { throw error }
                try await record([path], code: "log.repair.locked")
                isWhole = false
            }
        }
        return isWhole
    }

    /// From what they name: bundles and statements stay in the database, or their digests do.
    private func entries(_ range: Range<Int64>) async throws -> [LogEntry] {
        let signer = Digest(of: statementKey.bytes)
        return try await database.read { transaction in
            let rows = try transaction.query(
                """
                SELECT evidence.log_index, evidence.digest, appliance.evidence_key
                FROM evidence JOIN appliance ON appliance.id = evidence.appliance_id
                WHERE evidence.log_index >= \(range.lowerBound) AND evidence.log_index < \(range.upperBound)
                UNION ALL
                SELECT log_index, digest, NULL FROM statement
                WHERE log_index >= \(range.lowerBound) AND log_index < \(range.upperBound)
                ORDER BY 1
                """)
            var next = range.lowerBound
            var entries: [LogEntry] = []
            for row in rows {
                guard try row.integer(0) == next else { break }
                next += 1
                let key = try row.optionalBlob(2).map { Digest(of: $0) }
                entries.append(LogEntry(document: try row.digest(1), signerDigest: key ?? signer))
            }
            return entries
        }
    }

    private func record(_ paths: Set<TilePath>, code: String) async throws {
        let now = now()
        try await database.write { transaction in
            for path in paths { try LogFaultTable.add(path, code: code, at: now, in: transaction) }
        }
        for path in paths {
            logger.error("log.damaged", metadata: ["code": .string(code), "tile": .string(path.description)])
        }
    }
}

/// Resources of the log that are damaged and could not be mended. They are not served.
enum LogFaultTable {
    struct Fault: Hashable, Sendable {
        let path: String
        let code: String
        let since: Timestamp
    }

    static func open(in transaction: any SQLTransaction) throws -> [Fault] {
        try transaction.query("SELECT path, code, since_at FROM log_fault ORDER BY path").map {
            Fault(path: try $0.text(0), code: try $0.text(1), since: try $0.instant(2))
        }
    }

    static func code(of path: TilePath, in transaction: any SQLTransaction) throws -> String? {
        try transaction.query("SELECT code FROM log_fault WHERE path = \(path.description)").first?.text(0)
    }

    static func add(_ path: TilePath, code: String, at now: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO log_fault (path, code, since_at) VALUES (\(path.description), \(code), \(now.milliseconds))
            ON CONFLICT (path) DO UPDATE SET code = excluded.code
            """)
    }

    /// Once it was found whole again: somebody restored it.
    static func remove(_ paths: [String], in transaction: any SQLTransaction) throws {
        for path in paths { try transaction.execute("DELETE FROM log_fault WHERE path = \(path)") }
    }
}

extension TilePath {
    /// The bytes of this resource, where `whole` stands in the same place and is at least as wide.
    fileprivate func beginning(of whole: LogResource) -> [UInt8]? {
        guard width <= whole.path.width, whole.bytes.count % whole.path.width == 0 else { return nil }
        // Hashes, and our entries, are all of one length.
        return Array(whole.bytes.prefix(whole.bytes.count / whole.path.width * width))
    }
}
