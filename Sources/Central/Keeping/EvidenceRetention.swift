import Database
import Logging
package import Model
import Objects
import Seal

/// Prunes evidence whose term is over: oldest first, whole archived chunks, never before their objects' term, never under a hold.
///
/// What was seen is gone then, at Central and in the archive. What stays is each bundle's digest, link and place in the log, so that the
/// chain around it and the log over it verify as before; a signed statement says what was pruned.
package struct EvidenceRetention: Sendable {
    private let database: any SQLDatabase
    private let stores: ObjectStores
    private let statements: StatementStore
    private let now: @Sendable () -> Timestamp
    private let faults: CentralFaults

    init(
        _ database: any SQLDatabase, _ stores: ObjectStores, statements: StatementStore, now: @escaping @Sendable () -> Timestamp,
        faults: CentralFaults
    ) {
        self.database = database
        self.stores = stores
        self.statements = statements
        self.now = now
        self.faults = faults
    }

    package struct Summary: Hashable, Sendable {
        package var bundles: Int64 = 0
        /// Chunks whose objects the store still keeps, by a longer term or a hold of its own.
        package var kept = 0

        package init(bundles: Int64 = 0, kept: Int = 0) {
            self.bundles = bundles
            self.kept = kept
        }
    }

    /// - Throws: `ObjectError`, `ArchiveError`, `DatabaseError`. What was pruned before stays so; the next pass goes on.
    package func pass() async throws -> Summary {
        var summary = Summary()
        for chunk in try await database.read({ try ArchiveTable.unremoved(limit: 10_000, in: $0) }) { try await remove(chunk) }
        let daysMin = Int64(stores.configuration.retentionDays)
        let now = now()
        for appliance in try await database.read({ try ArchiveTable.prunable(daysMin: daysMin, at: now, in: $0) }) {
            while let chunk = try await database.read({ try ArchiveTable.oldest(of: appliance, in: $0) }) {
                let days = try await database.read { try TenantStore.retentionDays(of: chunk.organization, in: $0) }
                let term = max(Int(daysMin), days)
                guard chunk.newest + .seconds(term * 86_400) <= now else { break }
                guard try await isReleased(chunk, at: now), try await prune(chunk, after: term, at: now) else {
                    // Nothing behind it is pruned before it.
                    summary.kept += 1
                    break
                }
                summary.bundles += Int64(chunk.sequences.count)
                try await remove(chunk)
            }
        }
        return summary
    }

    /// Whether the store would let the objects go.
    private func isReleased(_ chunk: ArchiveChunk, at now: Timestamp) async throws -> Bool {
        // What is not archived is not pruned.
        guard chunk.retainedUntil != nil else { return false }
        let (store, keys) = (stores.store(of: chunk.organization), EvidenceArchive.keys(of: chunk))
        for key in [keys.lines, keys.signatures] {
            guard let record = try await store.record(of: key) else { throw ArchiveError.archiveMissing(key) }
            guard !record.isHeld, record.retention.isOver(at: now) else { return false }
        }
        return true
    }

    /// - Returns: false where the organization is held, or this is not the next of its chain.
    private func prune(_ chunk: ArchiveChunk, after days: Int, at now: Timestamp) async throws -> Bool {
        let (statements, faults) = (statements, faults)
        let isPruned = try await database.write { transaction in
            guard try !HoldTable.isHeld(chunk.organization, in: transaction) else { return false }
            let appliance = chunk.appliance.description
            let (first, last) = (chunk.sequences.lowerBound, chunk.sequences.upperBound)
            let before = try transaction.query(
                """
                SELECT 1 FROM archive_chunk WHERE appliance_id = \(appliance) AND first_sequence < \(first) AND pruned_at IS NULL LIMIT 1
                """)
            guard before.isEmpty else { return false }
            let ends = try transaction.query(
                """
                SELECT digest, site_id, received_at FROM evidence WHERE appliance_id = \(appliance)
                    AND (sequence = \(first) OR sequence = \(last)) ORDER BY sequence
                """)
            guard let head = ends.first, let tail = ends.last else {
                throw ArchiveError.evidenceChanged(chunk.appliance, chunk.sequences)
            }
            let changed = try transaction.execute(
                """
                UPDATE archive_chunk SET pruned_at = \(now.milliseconds)
                WHERE appliance_id = \(appliance) AND first_sequence = \(first) AND pruned_at IS NULL
                """)
            // Another node was faster, and has stated it.
            guard changed == 1 else { return true }
            // NOT NULL as ever: nothing of it is left.
            try transaction.execute(
                """
                UPDATE evidence SET bytes = \([UInt8]()), signature = \([UInt8]()), pruned_at = \(now.milliseconds)
                WHERE appliance_id = \(appliance) AND sequence >= \(first) AND sequence <= \(last)
                """)
            let payload: JSONValue = [
                "schema": "martlet.pruned/v1", "organization": .string(chunk.organization.description),
                "appliance": .string(appliance), "firstSequence": .integer(first), "lastSequence": .integer(last),
                "firstDigest": .string(try head.digest(0).description), "lastDigest": .string(try tail.digest(0).description),
                "receivedFrom": .string(try head.instant(2).description), "receivedUntil": .string(chunk.newest.description),
                "made": .string(now.description), "retentionDays": .integer(Int64(days)),
            ]
            let site: SiteID = try head.parsed(1)
            let received = try head.instant(2)
            _ = try statements.append(
                payload, kind: .pruned, about: .site(site, TenantScope(ofCentral: chunk.organization)),
                during: received..<max(received + .milliseconds(1), chunk.newest + .milliseconds(1)), in: transaction)
            faults.reached(.pruneBeforeCommit)
            return true
        }
        if isPruned { faults.reached(.pruneAfterCommit) }
        return isPruned
    }

    private func remove(_ chunk: ArchiveChunk) async throws {
        let (store, keys) = (stores.store(of: chunk.organization), EvidenceArchive.keys(of: chunk))
        do throws(ObjectError) {
            for key in [keys.lines, keys.signatures] { try await store.delete(key) }
        } catch {
            switch error {
            // The server's clock is behind ours, or somebody held it by hand: it goes when it may.
            case .retained, .held, .denied: return
            default: throw error
            }
        }
        faults.reached(.pruneAfterRemove)
        let now = now()
        try await database.write { try ArchiveTable.removed(chunk, at: now, in: $0) }
    }
}
