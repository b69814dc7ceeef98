import Database
import Evidence
import Logging
import Model
import Seal
import Wire

/// Takes orders in: each is authenticated, and either accepted for good (nonce, sequence, acknowledgement) or refused in
/// evidence. Nothing is run here.
package struct OrderInbox: Sendable {
    private let context: ApplianceContext
    private let authenticator: OrderAuthenticator

    package init(_ context: ApplianceContext) {
        self.context = context
        authenticator = OrderAuthenticator(
            site: context.identity.site, appliance: context.identity.appliance, keys: [context.identity.orderKey])
    }

    /// - Returns: whether there is something new to carry out.
    package func receive(_ envelopes: [String]) async -> Bool {
        var isAnyNew = false
        for envelope in envelopes {
            do {
                if try await receive(envelope) { isAnyNew = true }
            } catch {
                // Central sends it again with each check-in until it is acknowledged.
                let (code, sentence) = LinkFailure.explain(error, otherwise: "order.not_taken_in")
                context.logger.error("order not taken in", metadata: ["code": "\(code)", "error": "\(sentence)"])
            }
        }
        return isAnyNew
    }

    /// The order again, from what was stored: as it was judged when it came.
    func stored(_ entry: OrderTable.Entry) throws -> AuthenticatedOrder {
        try authenticator.authenticate(entry.envelope, lastSequence: entry.sequence - 1, isNonceSeen: { _ in false }, at: entry.received)
    }

    private func receive(_ envelope: String) async throws -> Bool {
        let now = context.clock.now()
        let digest = Digest(of: Array(envelope.utf8))
        let (authenticator, faults) = (authenticator, context.faults)
        do {
            let accepted: OrderID? = try await context.database.write { transaction in
                // Sent again because our acknowledgement has not arrived: neither new nor a replay.
                if try OrderTable.isAccepted(digest, in: transaction) { return nil }
                if try OrderTable.isRefused(digest, in: transaction) { return nil }
                let order = try authenticator.authenticate(
                    envelope, lastSequence: try OrderTable.lastSequence(in: transaction),
                    isNonceSeen: { try OrderTable.isNonceSeen($0, in: transaction) }, at: now
                ).order
                try OrderTable.accept(order, envelope: envelope, digest: digest, at: now, in: transaction)
                faults.reached(.orderBeforeAccept)
                return order.id
            }
            guard let accepted else { return false }
            faults.reached(.orderAfterAccept)
            context.logger.notice("order accepted", metadata: ["order": "\(accepted)"])
            return true
        } catch let rejection as OrderRejection {
            try await refuse(rejection, digest: digest, at: now)
            return false
        }
    }

    private func refuse(_ rejection: OrderRejection, digest: Digest, at now: Timestamp) async throws {
        var bundle = context.drafts.bundle(.order, host: context.configuration.hostID, from: now, to: now, outcome: rejection.outcome)
        bundle.order = rejection.order
        bundle.note = rejection.message
        let state: OrderReport.State = if case .expired = rejection { .expired } else { .rejected }
        try await context.journal.append([bundle]) { transaction, places in
            try OrderTable.refuse(digest, rejection.code, at: now, in: transaction)
            // Only where a signature vouches for the id is there anybody to tell.
            guard let order = rejection.order, try !OrderTable.isKnown(order, in: transaction) else { return }
            let report = OrderReport(order: order, state: state, code: rejection.code, evidenceSequence: places[0].sequence)
            try OrderTable.owe(report, in: transaction)
        }
        context.logger.warning(
            "order refused", metadata: ["code": "\(rejection.code)", "order": "\(rejection.order?.description ?? "unknown")"])
    }
}
