package import Database
package import Evidence
package import Model
package import Seal

/// The one writer of this appliance's evidence chain.
///
/// What is appended while the disk is busy shares the next fsync (group commit), so a slow disk makes groups larger and
/// not the queue longer. Sequence and predecessor are given out here and nowhere else, so a chain cannot fork.
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
    }

    private let database: any SQLDatabase
    private let sealer: BundleSealer
    private let clock: WallClock
    private let faults: Faults
    /// Rung after each group, for the push service.
    private let appended: Wake
    private var head: EvidenceTable.Head
    private var waiting: [Entry] = []
    private var isWriting = false
    private var didLastWriteFail = false
    private var broken: JournalError?

    /// Opens the chain and looks at its end again: numbers without gaps, each naming its predecessor, each signed by `key`,
    /// the last one being what the head says.
    /// - Throws: `JournalError.broken`, or what the database throws.
    package init(
        database: any SQLDatabase, key: SigningKey, appended: Wake, clock: WallClock, faults: Faults = .none
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
    }

    /// The chain's end; `sequence` is -1 while it is empty.
    package var end: EvidenceTable.Head { head }

    /// Whether the last write reached the disk. While not, nothing is done that would need evidence.
    package var isWritable: Bool { !didLastWriteFail && broken == nil }

    /// Appends bundles, in this order and next to each other, with `accompaniment`, in one transaction. On return all of it
    /// is on disk; if it throws nothing of it is.
    ///
    /// A caller that is cancelled meanwhile still gets its answer: whether it was written must never be in doubt.
    /// - Throws: `JournalError`, `DatabaseError`, or what `accompaniment` throws.
    @discardableResult
    package func append(_ drafts: [Bundle], with accompaniment: @escaping Accompaniment = { _, _ in }) async throws -> [Place] {
        guard waiting.count < Self.waitingMax else { throw JournalError.overloaded(waiting: waiting.count) }
        return try await withCheckedThrowingContinuation { continuation in
            waiting.append(Entry(drafts: drafts, accompaniment: accompaniment, continuation: continuation))
            guard !isWriting else { return }
            isWriting = true
            // Not a service of its own: it lives exactly as long as somebody waits for it.
            Task { await self.drain() }
        }
    }

    private func drain() async {
        while !waiting.isEmpty {
            let group = Array(waiting.prefix(Self.groupMax))
            waiting.removeFirst(group.count)
            await write(group)
        }
        isWriting = false
    }

    private func write(_ group: [Entry]) async {
        if let broken {
            for entry in group { entry.continuation.resume(throwing: broken) }
            return
        }
        // Sealed outside the transaction: only this actor gives out numbers, and only this task does so now.
        var next = head
        var sealed: [(entry: Entry, items: [EvidenceTable.Sealed])] = []
        for entry in group {
            do {
                let items = try seal(entry.drafts, after: next)
                if let last = items.last { next = EvidenceTable.Head(sequence: last.sequence, digest: last.digest) }
                sealed.append((entry, items))
            } catch {
                entry.continuation.resume(throwing: error)
            }
        }
        guard !sealed.isEmpty else { return }
        do {
            try await commit(sealed, end: next)
            faults.reached(.evidenceAfterCommit)
            head = next
            didLastWriteFail = false
            for (entry, items) in sealed { entry.continuation.resume(returning: items.map(Self.place)) }
            appended.ring()
        } catch {
            if error is DatabaseError { didLastWriteFail = true }
            await settle(error, of: sealed, end: next)
        }
    }

    /// The group was not written, or nobody knows. Finds out; then, if one of several is to blame, gives each its own try.
    private func settle(_ error: any Error, of sealed: [(entry: Entry, items: [EvidenceTable.Sealed])], end: EvidenceTable.Head) async {
        let found = try? await database.read { try EvidenceTable.head(in: $0) }
        if let found, found == end, end != head {
            head = end
            for (entry, items) in sealed { entry.continuation.resume(returning: items.map(Self.place)) }
            appended.ring()
        } else if let found, found != head {
            let moved = JournalError.moved(expected: head.sequence, found: found.sequence)
            broken = moved
            for (entry, _) in sealed { entry.continuation.resume(throwing: moved) }
        } else if sealed.count == 1 {
            sealed[0].entry.continuation.resume(throwing: error)
        } else {
            for (entry, _) in sealed { await write([entry]) }
        }
    }

    private func commit(_ sealed: [(entry: Entry, items: [EvidenceTable.Sealed])], end: EvidenceTable.Head) async throws {
        let parts = sealed.map { ($0.entry.accompaniment, $0.items) }
        let (head, now, faults) = (head, clock.now(), faults)
        try await database.write { transaction in
            let found = try EvidenceTable.head(in: transaction)
            guard found == head else { throw JournalError.moved(expected: head.sequence, found: found.sequence) }
            try EvidenceTable.append(parts.flatMap(\.1), at: now, in: transaction)
            for (accompaniment, items) in parts { try accompaniment(transaction, items.map(Self.place)) }
            faults.reached(.evidenceBeforeCommit)
        }
    }

    private func seal(_ drafts: [Bundle], after head: EvidenceTable.Head) throws -> [EvidenceTable.Sealed] {
        var previous = head
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
            guard verified.digest == item.digest else { throw .broken(sequence: item.sequence, "its digest is another") }
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
