import Database
import Evidence
import Logging
package import Model
package import Objects
import Reports
import Seal

/// Copies accepted evidence into objects that nobody can change while their term lasts: an organization's own bucket or folder,
/// runs of up to a thousand bundles, written once.
///
/// Every step follows from what is stored, so a pass that ends anywhere is simply taken again: the same bytes under the same key are
/// fine, other bytes are a fault. Intake does not wait for it.
package struct EvidenceArchive: Sendable {
    private let database: any SQLDatabase
    private let stores: ObjectStores
    private let delay: Duration
    private let now: @Sendable () -> Timestamp
    private let faults: CentralFaults

    private static let stepMax = 64

    init(
        _ database: any SQLDatabase, _ stores: ObjectStores, delay: Duration, now: @escaping @Sendable () -> Timestamp,
        faults: CentralFaults
    ) {
        self.database = database
        self.stores = stores
        self.delay = delay
        self.now = now
        self.faults = faults
    }

    package struct Summary: Hashable, Sendable {
        package var chunks = 0
        package var bundles: Int64 = 0
        /// Objects whose term or hold was brought to what their organization's is now.
        package var changed = 0

        package init(chunks: Int = 0, bundles: Int64 = 0, changed: Int = 0) {
            self.chunks = chunks
            self.bundles = bundles
            self.changed = changed
        }
    }

    /// Archives what is due, and brings terms and holds up to date.
    /// - Parameter isImmediate: does not let evidence wait for more of it.
    /// - Throws: the first `ObjectError`, `ArchiveError` or `DatabaseError`; other organizations' evidence was archived all the same,
    ///   unless the server is away. The next pass goes on.
    package func pass(isImmediate: Bool = false) async throws -> Summary {
        var summary = Summary()
        var firstError: (any Error)?
        /// - Returns: false when nobody can be served.
        func attempt(_ work: () async throws -> Void) async throws -> Bool {
            do {
                try await work()
            } catch let error as ObjectError {
                switch error {
                case .cancelled: throw error
                case .unavailable, .unusable:
                    firstError = firstError ?? error
                    return false
                default: firstError = firstError ?? error
                }
            } catch let error as ArchiveError {
                firstError = firstError ?? error
            }
            return true
        }

        // What was planned before goes first: a crash left it, or the server was away.
        var isReachable = true
        for chunk in try await database.read({ try ArchiveTable.unstored(limit: 10_000, in: $0) }) where isReachable {
            isReachable = try await attempt { try await store(chunk, &summary) }
        }
        for progress in try await database.read({ try ArchiveTable.waiting(in: $0) }) where isReachable {
            var progress = progress
            while isReachable, let chunk = try await plan(progress, isImmediate: isImmediate) {
                var isStored = false
                isReachable = try await attempt {
                    try await store(chunk, &summary)
                    isStored = true
                }
                guard isStored else { break }
                progress = ArchiveTable.Progress(
                    appliance: progress.appliance, organization: progress.organization, next: chunk.sequences.upperBound + 1)
            }
        }
        if isReachable { isReachable = try await attempt { summary.changed = try await bringUpToDate() } }
        if let firstError { throw firstError }
        return summary
    }

    /// The chunks of an appliance's archived evidence, oldest first.
    package func chunks(of appliance: ApplianceID) async throws -> [ArchiveChunk] {
        try await database.read { try ArchiveTable.list(of: appliance, in: $0) }
    }

    /// The objects of a chunk: its lines and its signatures.
    package static func keys(of chunk: ArchiveChunk) -> (lines: ObjectKey, signatures: ObjectKey) {
        let number = String(chunk.sequences.lowerBound)
        let padded = String(repeating: "0", count: max(0, 12 - number.count)) + number
        let path = "evidence/\(chunk.organization)/\(chunk.appliance)/\(padded)"
        // Identifiers are within the grammar of keys.
        return (ObjectKey("\(path).jsonl")!, ObjectKey("\(path).sig")!)
    }

    // MARK: One chunk

    /// Writes down which bundles come next; nil while they may wait.
    private func plan(_ progress: ArchiveTable.Progress, isImmediate: Bool) async throws -> ArchiveChunk? {
        let (now, delay) = (now(), delay)
        let planned: ArchiveChunk? = try await database.write { transaction in
            let rows = try transaction.query(
                """
                SELECT sequence, LENGTH(bytes), received_at FROM evidence
                WHERE appliance_id = \(progress.appliance.description) AND sequence >= \(progress.next)
                ORDER BY sequence LIMIT \(KitChunk.bundlesMax + 1)
                """)
            var (last, bytes, newest, count) = (progress.next - 1, 0, Timestamp(milliseconds: .min), Int64(0))
            var isFull = false
            for row in rows {
                guard try row.integer(0) == last + 1 else { throw DatabaseError.corrupt("bundle \(last + 1) is not there") }
                let size = Int(try row.integer(1))
                guard count == 0 || (count < KitChunk.bundlesMax && bytes + size < KitChunk.bytesMax) else {
                    isFull = true
                    break
                }
                last += 1
                count += 1
                bytes += size + 1
                newest = max(newest, try row.instant(2))
            }
            guard count > 0 else { return nil }
            let oldest = try rows[0].instant(2)
            guard isFull || isImmediate || count == KitChunk.bundlesMax || now - oldest >= delay else { return nil }
            guard try ArchiveTable.plan(progress, through: last, newest: newest, at: now, in: transaction) else { return nil }
            return ArchiveChunk(
                organization: progress.organization, appliance: progress.appliance, sequences: progress.next...last, newest: newest,
                retainedUntil: nil, isHeld: false, pruned: nil)
        }
        if planned != nil { faults.reached(.archiveAfterPlan) }
        return planned
    }

    private func store(_ chunk: ArchiveChunk, _ summary: inout Summary) async throws {
        let daysMin = stores.configuration.retentionDays
        let (content, days, isHeld) = try await database.read { transaction in
            (
                try Self.content(chunk, in: transaction),
                max(daysMin, try TenantStore.retentionDays(of: chunk.organization, in: transaction)),
                try HoldTable.isHeld(chunk.organization, in: transaction)
            )
        }
        let store = stores.store(of: chunk.organization)
        let keys = Self.keys(of: chunk)
        let retention = Retention.days(days, from: chunk.newest)
        try await store.create([
            NewObject(key: keys.lines, bytes: content.lines, retention: retention),
            NewObject(key: keys.signatures, bytes: content.signatures, retention: retention),
        ])
        if isHeld { try await setHold(true, on: chunk) }
        faults.reached(.archiveAfterObjects)
        try await database.write { transaction in
            try ArchiveTable.stored(chunk, until: chunk.newest + .seconds(days * 86_400), isHeld: isHeld, in: transaction)
        }
        faults.reached(.archiveAfterRecord)
        summary.chunks += 1
        summary.bundles += Int64(chunk.sequences.count)
    }

    /// As it stands in the database; what somebody changed there is not archived as evidence.
    private static func content(_ chunk: ArchiveChunk, in transaction: any SQLTransaction) throws -> KitChunk {
        var content = KitChunk()
        let rows = try transaction.query(
            """
            SELECT bytes, signature, digest FROM evidence WHERE appliance_id = \(chunk.appliance.description)
                AND sequence >= \(chunk.sequences.lowerBound) AND sequence <= \(chunk.sequences.upperBound) ORDER BY sequence
            """)
        guard rows.count == chunk.sequences.count else { throw ArchiveError.evidenceChanged(chunk.appliance, chunk.sequences) }
        for row in rows {
            let bytes = try row.blob(0)
            guard Digest(of: bytes) == (try row.digest(2)) else { throw ArchiveError.evidenceChanged(chunk.appliance, chunk.sequences) }
            content.add(SignedBundle(bytes: bytes, signature: try row.blob(1)))
        }
        return content
    }

    // MARK: Terms and holds

    private func bringUpToDate() async throws -> Int {
        var count = 0
        let daysMin = Int64(stores.configuration.retentionDays)
        while true {
            let chunks = try await database.read { try ArchiveTable.outOfDate(daysMin: daysMin, limit: Self.stepMax, in: $0) }
            for chunk in chunks {
                try await bringUpToDate(chunk, daysMin: Int(daysMin))
                count += 1
            }
            if chunks.count < Self.stepMax { return count }
        }
    }

    private func bringUpToDate(_ chunk: ArchiveChunk, daysMin: Int) async throws {
        let (days, isHeld) = try await database.read { transaction in
            (
                max(daysMin, try TenantStore.retentionDays(of: chunk.organization, in: transaction)),
                try HoldTable.isHeld(chunk.organization, in: transaction)
            )
        }
        let (store, keys) = (stores.store(of: chunk.organization), Self.keys(of: chunk))
        let end = chunk.newest + .seconds(days * 86_400)
        if chunk.retainedUntil ?? end < end {
            for key in [keys.lines, keys.signatures] {
                try await store.extendRetention(key, to: .until(end))
                faults.reached(.archiveAfterTerm)
            }
        }
        if chunk.isHeld != isHeld { try await setHold(isHeld, on: chunk) }
        let faults = faults
        try await database.write { transaction in
            try ArchiveTable.stored(chunk, until: max(end, chunk.retainedUntil ?? end), isHeld: isHeld, in: transaction)
            faults.reached(.archiveBeforeChange)
        }
        faults.reached(.archiveAfterChange)
    }

    /// Sets it and reads it back.
    private func setHold(_ isHeld: Bool, on chunk: ArchiveChunk) async throws {
        let (store, keys) = (stores.store(of: chunk.organization), Self.keys(of: chunk))
        for key in [keys.lines, keys.signatures] {
            try await store.setLegalHold(key, isHeld)
            guard let record = try await store.record(of: key) else { throw ObjectError.missing(key) }
            guard record.isHeld == isHeld else { throw ArchiveError.holdNotKept(key) }
            faults.reached(.archiveAfterHold)
        }
    }
}

/// Why evidence was not archived, or is not pruned.
package enum ArchiveError: Error, Hashable, Sendable {
    /// Rows are missing or have other bytes than when they were accepted.
    case evidenceChanged(ApplianceID, ClosedRange<Int64>)
    case holdNotKept(ObjectKey)
    /// The archived copy of evidence whose term is over is not there: somebody deleted it, or looks elsewhere for it.
    case archiveMissing(ObjectKey)

    package var code: String {
        switch self {
        case .evidenceChanged: "archive.evidence_changed"
        case .holdNotKept: "archive.hold_not_kept"
        case .archiveMissing: "archive.missing"
        }
    }

    package var message: String {
        switch self {
        case .evidenceChanged(let appliance, let sequences):
            "bundles \(sequences.lowerBound) to \(sequences.upperBound) of \(appliance) are not what was accepted; they were not archived. "
                + "Restore the database from a backup."
        case .holdNotKept(let key): "the legal hold of \(key) was accepted by the store and is not there; it is tried again. See its log."
        case .archiveMissing(let key):
            "\(key) is not in the archive although it was stored there; its evidence was not pruned. Look at objects in the configuration."
        }
    }
}
