package import Database
package import Evidence
package import Model
package import Redaction
package import Seal
import Synchronization

/// The one writer of this appliance's evidence chain.
///
/// Bundles are chained as they come, on the last one that was chained; what was chained while the disk was busy is signed and
/// written together and shares one fsync (group commit), so a slow disk makes groups larger and not the queue longer. Sequence and
/// predecessor are given out here and nowhere else, so a chain cannot fork.
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
    static let groupMax = 250
    /// Links that a start looks at again. The whole chain is Central's and the verifier's to check.
    static let verifiedAtStart = 32

    private struct Entry {
        let drafts: [ScrubbedBundle]
        let accompaniment: Accompaniment
        let continuation: CheckedContinuation<[Place], any Error>
        /// What the drafts were chained on.
        let base: EvidenceTable.Head
        let links: [Link]

        var end: EvidenceTable.Head { links.last?.head ?? base }
    }

    /// A bundle in its place, not yet signed.
    private struct Link {
        let place: Place
        let bytes: [UInt8]

        var head: EvidenceTable.Head { EvidenceTable.Head(sequence: place.sequence, digest: place.digest) }
    }

    private let database: SQLiteDatabase
    private let sealer: BundleSealer
    private let scrubber: Scrubber
    private let clock: WallClock
    private let faults: Faults
    /// Rung after each group, for the push service.
    private let appended: Wake
    /// The end of what is on disk.
    private var head: EvidenceTable.Head
    /// The end of what is chained: on disk, being written, or waiting.
    private var chainedHead: EvidenceTable.Head
    /// Calls of `append` that the actor has not seen yet.
    private nonisolated let arriving = Atomic(0)
    private var waiting: [Entry] = []
    /// So many of the oldest that wait are written each on its own, because one of them spoils the group.
    private var apart = 0
    private var isWriting = false
    private var didLastWriteFail = false
    private var broken: JournalError?

    /// Opens the chain and looks at its end again: numbers without gaps, each naming its predecessor, each signed by `key`; and
    /// what Central gave its newest receipt for is still there.
    /// - Throws: `JournalError.broken`, or what the database throws.
    package init(
        database: SQLiteDatabase, key: SigningKey, scrubber: Scrubber, appended: Wake, clock: WallClock, faults: Faults = .none
    ) async throws {
        self.database = database
        sealer = BundleSealer(key: key)
        self.scrubber = scrubber
        self.appended = appended
        self.clock = clock
        self.faults = faults
        let (newest, receipted, atReceipt) = try await database.read { transaction in
            let receipted = try EvidenceTable.receipted(in: transaction)
            return (
                try EvidenceTable.newest(Self.verifiedAtStart, in: transaction), receipted,
                try EvidenceTable.digest(of: receipted.sequence, in: transaction)
            )
        }
        try Self.verify(newest, key: key.verifyingKey)
        guard receipted == .empty || atReceipt == receipted.digest else {
            throw JournalError.broken(sequence: receipted.sequence, "it is not what Central gave a receipt for")
        }
        let head = newest.last.map { EvidenceTable.Head(sequence: $0.sequence, digest: $0.digest) } ?? .empty
        self.head = head
        chainedHead = head
    }

    /// The chain's end; `sequence` is -1 while it is empty.
    package var end: EvidenceTable.Head { head }

    /// Whether the last write reached the disk. While not, nothing is done that would need evidence.
    package var isWritable: Bool { !didLastWriteFail && broken == nil }

    /// Scrubs and appends bundles, in this order and next to each other, with `accompaniment`, in one transaction. On return all of it
    /// is on disk; if it throws nothing of it is.
    ///
    /// A caller that is cancelled meanwhile still gets its answer: whether it was written must never be in doubt.
    /// - Throws: `JournalError`, `DatabaseError`, `BundleError.tooLarge`, or what `accompaniment` throws.
    @discardableResult
    package nonisolated func append(
        _ drafts: [Bundle], with accompaniment: @escaping Accompaniment = { _, _ in }
    ) async throws -> [Place] {
        arriving.add(1, ordering: .relaxed)
        // Before the actor, so that writers scrub beside each other.
        return try await take(drafts.map { ScrubbedBundle($0, by: scrubber) }, accompaniment)
    }

    private func take(_ drafts: [ScrubbedBundle], _ accompaniment: @escaping Accompaniment) async throws -> [Place] {
        let isAlone = arriving.subtract(1, ordering: .relaxed).newValue == 0
        if let broken { throw broken }
        guard waiting.count < Self.waitingMax else { throw JournalError.overloaded(waiting: waiting.count) }
        let (base, links) = (chainedHead, try chain(drafts, on: chainedHead))
        // Nobody to share the sync with, and a caller that waits: handing the write to another thread and back would take as long
        // again. So at most one thread ever waits for the disk here; everything else goes through `drain`.
        var failure: (any Error)?
        if isAlone, !isWriting, base == head {
            do {
                let sealed = sign(links)
                let places = links.map(\.place)
                try database.writeBlocking { try Self.write(sealed, [(accompaniment, places)], at: clock.now(), faults, in: $0) }
                faults.reached(.evidenceAfterCommit)
                didLastWriteFail = false
                head = links.last?.head ?? head
                chainedHead = head
                appended.ring()
                return places
            } catch {
                failure = error
            }
        }
        return try await withCheckedThrowingContinuation { continuation in
            let entry = Entry(drafts: drafts, accompaniment: accompaniment, continuation: continuation, base: base, links: links)
            if let failure {
                isWriting = true
                Task {
                    await self.failed(failure, [entry], end: entry.end)
                    await self.drain()
                }
                return
            }
            waiting.append(entry)
            chainedHead = entry.end
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
            if !continuesHead(group) { group = chainAgain(group) }
            if waiting.isEmpty { chainedHead = group.last?.end ?? head }
            if let end = group.last?.end { await write(group, end: end) }
        }
        isWriting = false
    }

    /// False after a write that failed: what was chained meanwhile stands on a bundle that will never be.
    private func continuesHead(_ group: [Entry]) -> Bool {
        var end = head
        for entry in group {
            guard entry.base == end else { return false }
            end = entry.end
        }
        return true
    }

    private func chainAgain(_ group: [Entry]) -> [Entry] {
        var base = head
        return group.compactMap { old in
            do {
                let links = try chain(old.drafts, on: base)
                let entry = Entry(
                    drafts: old.drafts, accompaniment: old.accompaniment, continuation: old.continuation, base: base, links: links)
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
        for entry in group { entry.continuation.resume(returning: entry.links.map(\.place)) }
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

    /// Signs beside this actor, which meanwhile chains what comes next.
    private nonisolated func commit(_ group: [Entry]) async throws {
        let parts = group.map { ($0.accompaniment, $0.links.map(\.place)) }
        let sealed = sign(group.flatMap(\.links))
        let (now, faults) = (clock.now(), faults)
        try await database.write { try Self.write(sealed, parts, at: now, faults, in: $0) }
    }

    private static func write(
        _ sealed: [EvidenceTable.Sealed], _ parts: [(Accompaniment, [Place])], at now: Timestamp, _ faults: Faults,
        in transaction: any SQLTransaction
    ) throws {
        try EvidenceTable.append(sealed, at: now, in: transaction)
        for (accompaniment, places) in parts { try accompaniment(transaction, places) }
        faults.reached(.evidenceBeforeCommit)
    }

    private func chain(_ drafts: [ScrubbedBundle], on base: EvidenceTable.Head) throws -> [Link] {
        var previous = base
        return try drafts.map { draft in
            let sequence = previous.sequence + 1
            let (bytes, digest) = try sealer.chain(draft, at: ChainLink(sequence: sequence, previous: previous.digest))
            let link = Link(place: Place(bundle: draft.bundle.id, sequence: sequence, digest: digest), bytes: bytes)
            previous = link.head
            return link
        }
    }

    private nonisolated func sign(_ links: [Link]) -> [EvidenceTable.Sealed] {
        links.map { EvidenceTable.Sealed(sequence: $0.place.sequence, signed: sealer.sign($0.bytes)) }
    }

    private static func verify(_ newest: [EvidenceTable.Stored], key: VerifyingKey) throws(JournalError) {
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
    }
}
