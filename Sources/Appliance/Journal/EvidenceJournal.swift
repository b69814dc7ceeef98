package import Database
package import Evidence
package import Model
package import Seal
import Synchronization

/// The one writer of this appliance's evidence chain.
///
/// Bundles are sealed as they come, on the last one that was sealed; what was sealed while the disk was busy shares the next
/// fsync (group commit), so a slow disk makes groups larger and not the queue longer. Sequence and predecessor are given out
/// here and nowhere else, so a chain cannot fork.
package actor EvidenceJournal {
    /// Where a bundle came to stand.
    package struct Place: Hashable, Sendable {
        package let bundle: BundleID
        package let sequence: Int64
        package let digest: Digest
    }

    /// Writes that have to become durable together with the evidence of them: an order's end, an intent's, an incident's.
    package typealias Accompaniment = @Sendable (_ transaction: any SQLTransaction, _ places: [Place]) throws -> Void

    package static let waitingMax = 20_000
    static let groupMax = 1_000
    /// Links that a start looks at again. The whole chain is Central's and the verifier's to check.
    static let verifiedAtStart = 32

    private struct Entry {
        let drafts: [Bundle]
        let accompaniment: Accompaniment
        let continuation: CheckedContinuation<[Place], any Error>
        /// What the drafts were sealed on.
        let base: EvidenceTable.Head
        let sealed: [EvidenceTable.Sealed]

        var end: EvidenceTable.Head { sealed.last.map { EvidenceTable.Head(sequence: $0.sequence, digest: $0.digest) } ?? base }
    }

    private let database: SQLiteDatabase
    private let sealer: BundleSealer
    private let clock: WallClock
    private let faults: Faults
    /// Rung after each group, for the push service.
    private let appended: Wake
    /// The end of what is on disk.
    private var head: EvidenceTable.Head
    /// The end of what is sealed: on disk, being written, or waiting.
    private var sealedHead: EvidenceTable.Head
    /// Calls of `append` that the actor has not seen yet.
    private nonisolated let arriving = Atomic(0)
    private var waiting: [Entry] = []
    /// So many of the oldest that wait are written each on its own, because one of them spoils the group.
    private var apart = 0
    private var isWriting = false
    private var didLastWriteFail = false
    private var broken: JournalError?

    /// Opens the chain and looks at its end again: numbers without gaps, each naming its predecessor, each signed by `key`,
    /// the last one being what the head says.
    /// - Throws: `JournalError.broken`, or what the database throws.
    package init(
        database: SQLiteDatabase, key: SigningKey, appended: Wake, clock: WallClock, faults: Faults = .none
    ) async throws {
        self.database = database
        sealer = BundleSealer(key: key)
        self.appended = appended
        self.clock = clock
        self.faults = faults
        let (head, newest) = try await database.read { transaction in
            (try EvidenceTable.head(in: transaction), try EvidenceTable.newest(Self.verifiedAtStart, in: transaction))
        }
        try Self.verify(newest, endAt: head, key: key.verifyingKey)
        self.head = head
        sealedHead = head
    }

    /// The chain's end; `sequence` is -1 while it is empty.
    package var end: EvidenceTable.Head { head }

    /// Whether the last write reached the disk. While not, nothing is done that would need evidence.
    package var isWritable: Bool { !didLastWriteFail && broken == nil }

    /// Appends bundles, in this order and next to each other, with `accompaniment`, in one transaction. On return all of it
    /// is on disk; if it throws nothing of it is.
    ///
    /// A caller that is cancelled meanwhile still gets its answer: whether it was written must never be in doubt.
    /// - Throws: `JournalError`, `DatabaseError`, `BundleError.tooLarge`, or what `accompaniment` throws.
    @discardableResult
    package nonisolated func append(
        _ drafts: [Bundle], with accompaniment: @escaping Accompaniment = { _, _ in }
    ) async throws -> [Place] {
        arriving.add(1, ordering: .relaxed)
        return try await take(drafts, accompaniment)
    }

    private func take(_ drafts: [Bundle], _ accompaniment: @escaping Accompaniment) async throws -> [Place] {
        let isAlone = arriving.subtract(1, ordering: .relaxed).newValue == 0
        if let broken { throw broken }
        guard waiting.count < Self.waitingMax else { throw JournalError.overloaded(waiting: waiting.count) }
        let (base, sealed) = (sealedHead, try seal(drafts, on: sealedHead))
        // Nobody to share the sync with, and a caller that waits: handing the write to another thread and back would take as long
        // again. So at most one thread ever waits for the disk here; everything else goes through `drain`.
        var failure: (any Error)?
        if isAlone, !isWriting, base == head {
            do {
                try database.writeBlocking { try Self.write([(accompaniment, sealed)], after: base, at: clock.now(), faults, in: $0) }
                faults.reached(.evidenceAfterCommit)
                didLastWriteFail = false
                if let last = sealed.last { head = EvidenceTable.Head(sequence: last.sequence, digest: last.digest) }
                sealedHead = head
                appended.ring()
                return sealed.map(Self.place)
            } catch {
                failure = error
            }
        }
        return try await withCheckedThrowingContinuation { continuation in
            let entry = Entry(drafts: drafts, accompaniment: accompaniment, continuation: continuation, base: base, sealed: sealed)
            if let failure {
                isWriting = true
                Task {
                    await self.failed(failure, [entry], end: entry.end)
                    await self.drain()
                }
                return
            }
            waiting.append(entry)
            sealedHead = entry.end
            guard !isWriting else { return }
            isWriting = true
            // Not a service of its own: it lives exactly as long as somebody waits for it.
            Task { await self.drain() }
        }
    }

    private func drain() async {
        while !waiting.isEmpty {
            var group = Array(waiting.prefix(apart > 0 ? 1 : Self.groupMax))
            waiting.removeFirst(group.count)
            apart = max(0, apart - 1)
            if !continuesHead(group) { group = sealAgain(group) }
            if waiting.isEmpty { sealedHead = group.last?.end ?? head }
            if let end = group.last?.end { await write(group, end: end) }
        }
        isWriting = false
    }

    /// False after a write that failed: what was sealed meanwhile stands on a bundle that will never be.
    private func continuesHead(_ group: [Entry]) -> Bool {
        var end = head
        for entry in group {
            guard entry.base == end else { return false }
            end = entry.end
        }
        return true
    }

    private func sealAgain(_ group: [Entry]) -> [Entry] {
        var base = head
        return group.compactMap { old in
            do {
                let sealed = try seal(old.drafts, on: base)
                let entry = Entry(
                    drafts: old.drafts, accompaniment: old.accompaniment, continuation: old.continuation, base: base, sealed: sealed)
                base = entry.end
                return entry
            } catch {
                old.continuation.resume(throwing: error)
                return nil
            }
        }
    }

    private func write(_ group: [Entry], end: EvidenceTable.Head) async {
        do {
            try await commit(group)
            faults.reached(.evidenceAfterCommit)
            didLastWriteFail = false
            succeed(group, end: end)
        } catch {
            await failed(error, group, end: end)
        }
    }

    private func failed(_ error: any Error, _ group: [Entry], end: EvidenceTable.Head) async {
        if error is DatabaseError { didLastWriteFail = true }
        await settle(error, of: group, end: end)
    }

    private func succeed(_ group: [Entry], end: EvidenceTable.Head) {
        head = end
        for entry in group { entry.continuation.resume(returning: entry.sealed.map(Self.place)) }
        appended.ring()
    }

    /// The group was not written, or nobody knows. Finds out; then, if one of several is to blame, gives each its own try.
    private func settle(_ error: any Error, of group: [Entry], end: EvidenceTable.Head) async {
        let found = try? await database.read { try EvidenceTable.head(in: $0) }
        if let found, found == end, end != head {
            succeed(group, end: end)
        } else if let found, found != head {
            let moved = JournalError.moved(expected: head.sequence, found: found.sequence)
            broken = moved
            for entry in group + waiting { entry.continuation.resume(throwing: moved) }
            waiting = []
        } else if group.count == 1 {
            group[0].continuation.resume(throwing: error)
        } else {
            apart = group.count
            waiting = group + waiting
        }
    }

    private func commit(_ group: [Entry]) async throws {
        let parts = group.map { ($0.accompaniment, $0.sealed) }
        let (head, now, faults) = (head, clock.now(), faults)
        try await database.write { try Self.write(parts, after: head, at: now, faults, in: $0) }
    }

    private static func write(
        _ parts: [(Accompaniment, [EvidenceTable.Sealed])], after head: EvidenceTable.Head, at now: Timestamp, _ faults: Faults,
        in transaction: any SQLTransaction
    ) throws {
        try EvidenceTable.append(parts.flatMap(\.1), after: head, at: now, in: transaction)
        for (accompaniment, items) in parts { try accompaniment(transaction, items.map(place)) }
        faults.reached(.evidenceBeforeCommit)
    }

    private func seal(_ drafts: [Bundle], on base: EvidenceTable.Head) throws -> [EvidenceTable.Sealed] {
        var previous = base
        return try drafts.map { draft in
            let sequence = previous.sequence + 1
            let (signed, digest) = try sealer.seal(draft, at: ChainLink(sequence: sequence, previous: previous.digest))
            previous = EvidenceTable.Head(sequence: sequence, digest: digest)
            return EvidenceTable.Sealed(sequence: sequence, bundle: draft.id, digest: digest, signed: signed)
        }
    }

    private static func verify(_ newest: [EvidenceTable.Stored], endAt head: EvidenceTable.Head, key: VerifyingKey) throws(JournalError) {
        let keys = [EnrolledKey(key: key, validFrom: Timestamp(milliseconds: 0), validUntil: nil)]
        var previous: EvidenceTable.Stored?
        for item in newest {
            let verified: VerifiedBundle
            do { verified = try VerifiedBundle(item.signed, keys: keys) } catch { throw .broken(sequence: item.sequence, error.message) }
            let link = verified.record.link
            guard link.sequence == item.sequence else { throw .broken(sequence: item.sequence, "it says that it is \(link.sequence)") }
            if let previous, link.sequence != previous.sequence + 1 || link.previous != previous.digest {
                throw .broken(sequence: item.sequence, "it does not continue bundle \(previous.sequence)")
            }
            previous = item
        }
        let end = previous.map { EvidenceTable.Head(sequence: $0.sequence, digest: $0.digest) } ?? .empty
        guard end == head else { throw .broken(sequence: head.sequence, "the newest stored bundle is \(end.sequence)") }
    }

    private static func place(_ item: EvidenceTable.Sealed) -> Place {
        Place(bundle: item.bundle, sequence: item.sequence, digest: item.digest)
    }
}
