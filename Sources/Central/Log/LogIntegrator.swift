import Database
import Logging
import Model
import Objects
import ServiceLifecycle
import TransparencyLog
import Wire

/// Brings what the database has sequenced into the Merkle tree: tiles first, then a signed checkpoint that covers them, then its
/// publication.
///
/// Everything it writes follows from the entries, so it needs no memory of its own: after a crash, a full disk or on another node
/// it goes on from the newest stored checkpoint, and writes the same bytes again where they were written already.
actor LogIntegrator: Service {
    /// How often it looks for new entries. Together with one integration it stays far below `Receipt.mergeDelay`.
    private static let interval: Duration = .seconds(1)
    private static let pause: Duration = .seconds(5)
    private static let pageSize = 4_096
    /// Entries that one checkpoint adds at most, so that what waits is covered in steps.
    private static let batchMax: Int64 = 262_144

    private let database: any SQLDatabase
    private let objects: LogObjects
    private let repair: LogRepair
    private let signer: NoteSigner
    private let clock: WallClock
    private let faults: CentralFaults
    private let logger: Logger
    /// Where the tree stands; nil when it must be read from the store first.
    private var builder: LogBuilder?
    /// The cosignatures count: a checkpoint is published again when it has more.
    private var published: (size: Int64, cosignatures: Int)?

    init(
        database: any SQLDatabase, objects: LogObjects, repair: LogRepair, signer: NoteSigner, clock: WallClock, faults: CentralFaults,
        logger: Logger
    ) {
        self.database = database
        self.objects = objects
        self.repair = repair
        self.signer = signer
        self.clock = clock
        self.faults = faults
        self.logger = logger
    }

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                var rest = Self.interval
                do {
                    while try await self.integrate() {}
                } catch is CancellationError {
                    return
                } catch {
                    // Nothing is lost: receipts name places that a later checkpoint will cover.
                    self.logger.error(
                        "log.stalled",
                        metadata: ["code": .string(Self.code(of: error)), "error": .string(CentralFailure.sentence(for: error))])
                    rest = Self.pause
                }
                // Ends early only when the task is cancelled, which the loop looks at.
                try? await self.clock.sleep(rest)
            }
        }
    }

    /// One step from the newest checkpoint on.
    /// - Returns: whether there is more to do.
    /// - Throws: `ObjectError`, `TileError`, `DatabaseError`. The next call starts anew from what is stored.
    func integrate() async throws -> Bool {
        let (last, sequenced, cosigned) = try await database.read { transaction in
            let last = try LogStore.newest(in: transaction)
            return (last, try LogSequence.size(in: transaction), try last.map { try WitnessStore.cosigned($0, in: transaction) })
        }
        let size = last?.checkpoint.size
        guard sequenced > size ?? -1 else {
            if let last, let cosigned, published ?? (-1, 0) != (last.checkpoint.size, cosigned.signatures.count - 1) {
                try await publish(cosigned)
            }
            return false
        }
        var builder = try await tree(at: last)
        // Whatever goes wrong from here on, the next try reads the tree from the store again.
        self.builder = nil
        let end = min(sequenced, builder.size + Self.batchMax)
        var full: [TilePath] = []
        while builder.size < end {
            let (from, limit) = (builder.size, Int(min(end - builder.size, Int64(Self.pageSize))))
            let page = try await database.read { transaction -> [LogEntry]? in
                // Another node has gone on meanwhile, and may have forgotten these: from its checkpoint, then.
                guard try LogStore.newest(in: transaction)?.checkpoint.size == size else { return nil }
                return try LogSequence.entries(from: from, limit: limit, in: transaction)
            }
            guard let page else { return true }
            guard !page.isEmpty else { throw DatabaseError.corrupt("entry \(from) of the log is not there") }
            for entry in page { builder.append(entry) }
            let resources = builder.takeFull()
            try await objects.write(resources)
            full += resources.map(\.path)
        }
        let batch = builder.takeBatch()
        try await objects.write(batch.resources)
        faults.reached(.logAfterTiles)
        let checkpoint = try Checkpoint(origin: signer.verifier.name, size: batch.size, root: batch.root)
        let now = clock.now()
        let note = try SignedNote(text: checkpoint.text, signers: [signer], at: now)
        let faults = faults
        let isOurs = try await database.write { transaction in
            guard try LogStore.add(note, size: batch.size, after: size, at: now, in: transaction) else { return false }
            faults.reached(.logBeforeCheckpoint)
            return true
        }
        guard isOurs else { return true }
        faults.reached(.logAfterCheckpoint)
        self.builder = builder
        try await publish(note)
        try await tidy(full, below: batch.size & ~Int64(TilePath.fullWidth - 1))
        return batch.size < sequenced
    }

    private func publish(_ note: SignedNote) async throws {
        try await objects.publish(note)
        published = (try Checkpoint(text: note.text).size, note.signatures.count - 1)
        faults.reached(.logAfterPublish)
    }

    /// What is no longer needed. A crash in between leaves some of it for ever, which harms nobody.
    private func tidy(_ full: [TilePath], below index: Int64) async throws {
        guard !full.isEmpty else { return }
        try await database.write { try LogSequence.forget(below: index, in: $0) }
        try await objects.removePartials(of: full)
    }

    private func tree(at last: WitnessState?) async throws -> LogBuilder {
        if let builder, builder.size == last?.checkpoint.size { return builder }
        guard let last, last.checkpoint.size > 0 else { return LogBuilder() }
        return try await repair.mending {
            LogBuilder(try await LogFrontier.read(size: last.checkpoint.size, root: last.checkpoint.root, from: objects))
        }
    }

    private static func code(of error: any Error) -> String {
        switch error {
        case let error as ObjectError: error.code
        case let error as TileError: error.code
        default: "log.database"
        }
    }
}
