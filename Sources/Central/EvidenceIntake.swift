import Compliance
import Database
import Evidence
import Logging
import Model
import NIOCore
import Seal
import ServiceLifecycle
import Wire

/// Takes evidence in: signatures are checked on all cores outside of any transaction, then one writer commits what has
/// gathered, several submissions at a time, and only after the commit each is answered with its signed receipt.
actor EvidenceIntake: Service {
    /// Submissions that may wait for the writer; more are told to come again.
    static let waitingMax = 256
    /// Bundles in one transaction, so that nobody waits long for others.
    private static let groupBundlesMax = 4_096

    private let database: any SQLDatabase
    private let receiptKey: SigningKey
    private let tickets: TicketIntake
    private let now: @Sendable () -> Timestamp
    private let faults: CentralFaults
    private let logger: Logger
    private var waiting: [Job] = []
    private var wake: CheckedContinuation<Void, Never>?
    private var isStopping = false

    private struct Job: Sendable {
        let submission: CheckedSubmission
        let answer: CheckedContinuation<EvidenceReply, any Error>
    }

    init(
        database: any SQLDatabase, receiptKey: SigningKey, tickets: TicketIntake, now: @escaping @Sendable () -> Timestamp,
        faults: CentralFaults, logger: Logger
    ) {
        self.tickets = tickets
        self.database = database
        self.receiptKey = receiptKey
        self.now = now
        self.faults = faults
        self.logger = logger
    }

    /// On return what the receipt names is on disk, and so is the refusal, if any.
    /// - Throws: `CentralError.busy`, `DatabaseError`: nothing is acknowledged; the sender sends it again.
    nonisolated func submit(_ submission: EvidenceSubmission, by credential: ApplianceCredential) async throws -> EvidenceReply {
        try await commit(await CheckedSubmission(checking: submission.bundles, by: credential))
    }

    private func commit(_ submission: CheckedSubmission) async throws -> EvidenceReply {
        guard !isStopping, waiting.count < Self.waitingMax else { throw CentralError.busy }
        return try await withCheckedThrowingContinuation { answer in
            waiting.append(Job(submission: submission, answer: answer))
            wake?.resume()
            wake = nil
        }
    }

    /// The one writer. A graceful stop commits what waits; after a kill the senders, who have no receipt, send again.
    func run() async throws {
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                while await commitNextGroup() {}
            } onGracefulShutdown: {
                Task { await self.stop() }
            }
        } onCancel: {
            Task { await self.stop() }
        }
    }

    private func stop() {
        isStopping = true
        wake?.resume()
        wake = nil
    }

    /// - Returns: whether to go on.
    private func commitNextGroup() async -> Bool {
        if waiting.isEmpty {
            if isStopping { return false }
            await withCheckedContinuation { wake = $0 }
            return true
        }
        var group: [Job] = []
        var bundles = 0
        while let job = waiting.first, group.isEmpty || bundles + job.submission.bundles.count <= Self.groupBundlesMax {
            bundles += job.submission.bundles.count
            group.append(waiting.removeFirst())
        }
        await answer(group)
        return true
    }

    private func answer(_ group: [Job]) async {
        do {
            let replies = try await store(group.map(\.submission))
            for (job, reply) in zip(group, replies) { job.answer.resume(returning: reply) }
        } catch let error as DatabaseError where group.count > 1 && !error.isOfTheWholeDatabase {
            // One of them cannot be stored; the others shall not suffer for it.
            for job in group { await answer([job]) }
        } catch {
            for job in group { job.answer.resume(throwing: error) }
        }
    }

    private func store(_ submissions: [CheckedSubmission]) async throws -> [EvidenceReply] {
        let clock = now()
        let (receiptKey, tickets, faults) = (receiptKey, tickets, faults)
        let replies = try await database.write { transaction in
            let now = try LogSequence.instant(clock, in: transaction)
            let replies = try submissions.map { try $0.store(at: now, receiptKey: receiptKey, tickets, faults, in: transaction) }
            if replies.contains(where: { $0.refusal != nil }) { faults.reached(.evidenceRefusalBeforeRecord) }
            faults.reached(.evidenceBeforeCommit)
            return replies
        }
        faults.reached(.evidenceAfterCommit)
        for (submission, reply) in zip(submissions, replies) {
            guard let refusal = reply.refusal else { continue }
            faults.reached(.evidenceRefusalAfterRecord)
            logger.warning(
                "evidence.refused",
                metadata: [
                    "appliance": .string(submission.credential.appliance.description), "code": .string(refusal.code.description),
                    "sequence": .string(refusal.sequence.map(String.init) ?? "unknown"),
                ])
        }
        return replies
    }
}

/// A submission whose bundles were verified, each for itself, up to the first that failed.
private struct CheckedSubmission: Sendable {
    let credential: ApplianceCredential
    let bundles: [VerifiedBundle]
    let refusal: (refusal: EvidenceReply.Refusal, digest: Digest)?

    init(checking bundles: [SignedBundle], by credential: ApplianceCredential) async {
        self.credential = credential
        let results = await verify(bundles, by: credential)
        var verified: [VerifiedBundle] = []
        verified.reserveCapacity(results.count)
        for (signed, result) in zip(bundles, results) {
            switch result {
            case .success(let bundle): verified.append(bundle)
            case .failure(let refusal):
                self.bundles = verified
                self.refusal = (refusal.value, Digest(of: signed.bytes))
                return
            }
        }
        self.bundles = verified
        refusal = nil
    }

    /// Stores, signs the receipt and records the refusal in one transaction; the answer leaves after its commit.
    func store(
        at now: Timestamp, receiptKey: SigningKey, _ tickets: TicketIntake, _ faults: CentralFaults, in transaction: any SQLTransaction
    ) throws -> EvidenceReply {
        let appended = try EvidenceStore.append(bundles, of: credential, at: now, in: transaction)
        if appended.added > 0, let accepted = appended.accepted {
            let entries = bundles.filter { accepted.contains($0.record.link.sequence) }.map { ChainEntry($0, received: now) }
            try RunTable.follow(entries, of: credential.appliance, site: credential.site, in: transaction)
            let new = bundles.filter { accepted.contains($0.record.link.sequence) }.suffix(appended.added)
            try tickets.follow(Array(new), of: credential, at: now, in: transaction)
        }
        faults.reached(.evidenceBeforeReceipt)
        var receipt: String?
        if let accepted = appended.accepted, let head = appended.acceptedHead {
            let statement = Receipt(
                site: credential.site, appliance: credential.appliance, firstSequence: accepted.lowerBound,
                lastSequence: accepted.upperBound,
                head: head, received: now, logged: appended.logged)
            let text = try SignedEnvelope(signing: statement.json, with: receiptKey).text
            if appended.added > 0 { try EvidenceStore.keep(text, accepted, of: credential.appliance, at: now, in: transaction) }
            receipt = text
        }
        var refused = refusal
        if let (bundle, fault) = appended.refusal {
            let number = bundle.record.link.sequence
            refused = (
                EvidenceReply.Refusal(
                    sequence: number, code: fault.code, sentence: "bundle \(number) was not stored: \(fault.message)"), bundle.digest
            )
        }
        if let (refusal, digest) = refused {
            try RefusalStore.record(
                source: credential.appliance.description, code: refusal.code, sentence: refusal.sentence, sequence: refusal.sequence,
                digest: digest, credential: credential, at: now, in: transaction)
        }
        return EvidenceReply(receipt: receipt, refusal: refused?.refusal, acknowledgedSequence: appended.head?.sequence ?? -1)
    }
}

private struct RefusalError: Error { let value: EvidenceReply.Refusal }

/// In order, on all cores.
private func verify(_ bundles: [SignedBundle], by credential: ApplianceCredential) async -> [Result<VerifiedBundle, RefusalError>] {
    // Fewer than this are checked before another core has woken up.
    let share = max(16, (bundles.count + System.coreCount - 1) / System.coreCount)
    if bundles.count <= share { return bundles.map { verify($0, by: credential) } }
    return await withTaskGroup(of: (Int, [Result<VerifiedBundle, RefusalError>]).self) { group in
        for start in stride(from: 0, to: bundles.count, by: share) {
            let part = bundles[start..<min(start + share, bundles.count)]
            group.addTask { (start, part.map { verify($0, by: credential) }) }
        }
        var parts: [(Int, [Result<VerifiedBundle, RefusalError>])] = []
        for await part in group { parts.append(part) }
        return parts.sorted { $0.0 < $1.0 }.flatMap(\.1)
    }
}

private func verify(_ signed: SignedBundle, by credential: ApplianceCredential) -> Result<VerifiedBundle, RefusalError> {
    do throws(BundleError) {
        let bundle = try VerifiedBundle(signed, keys: credential.evidenceKeys)
        let (link, origin) = (bundle.record.link, bundle.record.origin)
        let fault: ChainFault? =
            origin.site != credential.site
            ? .wrongSite(origin.site) : origin.appliance != credential.appliance ? .wrongAppliance(origin.appliance) : nil
        guard let fault else { return .success(bundle) }
        return .failure(
            RefusalError(
                value: .init(
                    sequence: link.sequence, code: fault.code,
                    sentence: "bundle \(link.sequence) was not stored: \(fault.message) It came from \(credential.appliance).")))
    } catch {
        return .failure(RefusalError(value: .init(sequence: nil, code: error.code, sentence: error.message)))
    }
}

extension DatabaseError {
    /// Says nothing about what was to be written.
    fileprivate var isOfTheWholeDatabase: Bool {
        switch self {
        case .unavailable, .outcomeUnknown, .full, .closed: true
        case .constraint, .corrupt, .engine: false
        }
    }
}
