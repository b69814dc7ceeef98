import Database
import Evidence
import Logging
import Model
import Seal
import Wire

/// Brings the outbox to Central: oldest first, in groups, until Central's signed receipt says that it has them.
///
/// Nothing leaves the outbox but by a receipt that is signed with the pinned key and names our own digest. What Central
/// says otherwise is an alert, and never deletes anything.
package actor PushService {
    package static let bundlesMax = 500
    /// Of bundles; base 64 makes this 4 MiB on the wire.
    package static let bytesMax = 3 << 20

    private let context: ApplianceContext
    private var backoff = Backoff(first: .seconds(2), cap: .seconds(900))
    private var notBefore = Timestamp(milliseconds: 0)

    package init(_ context: ApplianceContext) { self.context = context }

    /// - Returns: how long to rest.
    package func turn() async -> Duration {
        let now = context.clock.now()
        // Woken by new evidence while Central is down: the back-off stands. A clock that was put back does not stop us.
        if notBefore > now, notBefore - now <= backoff.cap { return notBefore - now }
        do {
            while !Task.isCancelled, try await pushOne() { backoff.succeeded() }
            return .seconds(60)
        } catch {
            let pause = backoff.failed()
            notBefore = context.clock.now() + pause
            let (code, sentence) = LinkFailure.explain(error, otherwise: "evidence.not_sent")
            context.logger.warning(
                "evidence not sent", metadata: ["code": "\(code)", "error": "\(sentence)", "retry_s": "\(pause.wholeSeconds)"])
            switch error {
            case CentralLinkError.contradiction, CentralLinkError.receipt, CentralLinkError.logPlaces:
                await context.alerts.raise("push", code, sentence)
            default: break
            }
            return pause
        }
    }

    /// - Returns: whether there may be more.
    private func pushOne() async throws -> Bool {
        let batch = try await context.database.read {
            try EvidenceTable.waiting(count: Self.bundlesMax, bytesMax: Self.bytesMax, in: $0)
        }
        guard let first = batch.first else { return false }
        let reply = try await context.central.client().submit(EvidenceSubmission(bundles: batch.map(\.signed)))
        if let text = reply.receipt { try await settle(text, batch) }
        let end = await context.journal.end
        if reply.acknowledgedSequence > end.sequence {
            throw CentralLinkError.contradiction("it holds bundle \(reply.acknowledgedSequence), ours end at \(end.sequence)")
        }
        if let refusal = reply.refusal {
            if try await requeue(after: reply.acknowledgedSequence, before: first.sequence) { return true }
            throw CentralLinkError.contradiction(
                "it refused bundle \(refusal.sequence.map(String.init) ?? "?") with \(refusal.code)")
        }
        guard reply.receipt != nil else { throw CentralLinkError.malformed("neither receipt nor refusal") }
        await context.alerts.clear("push", "Central receipts evidence again.")
        return true
    }

    /// Stores the receipt and lets go of what it covers, if it is what it must be.
    private func settle(_ text: String, _ batch: [EvidenceTable.Stored]) async throws {
        let receipt: Receipt
        do throws(EnvelopeError) {
            receipt = try SignedReceipt(opening: text, keys: [context.identity.receiptKey]).receipt
        } catch {
            throw CentralLinkError.receipt(error.code)
        }
        guard receipt.site == context.identity.site, receipt.appliance == context.identity.appliance else {
            throw CentralLinkError.receipt("for another appliance")
        }
        guard let first = batch.first?.sequence, receipt.firstSequence <= receipt.lastSequence, receipt.firstSequence >= first,
            let last = batch.first(where: { $0.sequence == receipt.lastSequence })
        else { throw CentralLinkError.receipt("for bundles that were not sent") }
        guard receipt.firstSequence == first else { throw CentralLinkError.receipt("it leaves out bundle \(first)") }
        guard last.digest == receipt.head else { throw CentralLinkError.contradiction("its bundle \(last.sequence) is not ours") }
        // The newest that still holds; what Central gave receipts for and lost is given other places.
        let before = try await context.database.read { try EvidenceTable.receipt(endingAt: first - 1, in: $0) }
        // One that does not open any more (it was changed here, or Central's key was) is nothing to compare with; it settles nothing.
        let previous = before.flatMap { try? SignedReceipt(opening: $0, keys: [context.identity.receiptKey]).receipt }
        if let fault = receipt.fault(inPlacesAfter: previous) { throw CentralLinkError.logPlaces(fault) }
        let faults = context.faults
        try await context.database.write { transaction in
            try EvidenceTable.receipt(
                receipt.firstSequence, receipt.lastSequence, head: receipt.head, envelope: text, received: receipt.received, in: transaction
            )
            faults.reached(.receiptBeforeStore)
        }
        faults.reached(.receiptAfterStore)
        context.logger.debug("receipt", metadata: ["first": "\(receipt.firstSequence)", "last": "\(receipt.lastSequence)"])
    }

    /// Central lacks what it once receipted (restored from a backup): what is still here goes out once more.
    /// - Returns: whether anything was put back.
    private func requeue(after acknowledged: Int64, before first: Int64) async throws -> Bool {
        guard acknowledged + 1 < first else { return false }
        let count = try await context.database.write { try EvidenceTable.requeue(after: acknowledged, in: $0) }
        guard count > 0 else { return false }
        await context.alerts.raise(
            "central.lost", "central.lost_evidence",
            "Central ends at bundle \(acknowledged) although it gave receipts beyond; \(count) bundles are sent again.")
        return true
    }
}
