import Catalog
import Database
import Logging
import Model
import Seal
import Wire

/// Takes site policies in: each is verified and fitted to the catalog in force, and comes into force as a whole, or is refused in evidence.
actor PolicyInbox {
    private let context: ApplianceContext
    private let beforeSwitch: @Sendable () async -> Void
    /// A document whose bytes were not what they must be, though no signature says that they were Central's; and until when it is left.
    private var distrusted: (digest: Digest, until: Timestamp)?

    /// - Parameter beforeSwitch: as of `PollService`.
    init(_ context: ApplianceContext, beforeSwitch: @escaping @Sendable () async -> Void) {
        self.context = context
        self.beforeSwitch = beforeSwitch
    }

    /// A document that cannot be taken is refused in evidence, and the one in force stays.
    func hear(_ offer: PolicyOffer?, _ client: CentralClient) async throws {
        // A policy stands over a catalog; without one there is nothing to switch off.
        guard let offer, let loaded = try await context.catalog.current() else { return }
        if let fault = loaded.policyFault { await context.alerts.raise("policy", fault.code, fault.message) }
        let inForce = loaded.policy?.policy.version ?? 0
        if offer.version == inForce, offer.digest == loaded.policy?.digest {
            await context.alerts.clear("policy", "Central shows the site policy that is in force.")
            return
        }
        guard offer.version > inForce else {
            let error: SitePolicyError = offer.version == inForce ? .changed(inForce) : .notNewer(offer.version, inForce: inForce)
            await context.alerts.raise("policy", error.code, error.message)
            return
        }
        let now = context.clock.now()
        if let distrusted, distrusted.digest == offer.digest, now < distrusted.until,
            distrusted.until - now <= PollService.distrustPause
        {
            return
        }
        if try await context.database.read({ try PolicyTable.isRefused(offer.digest, in: $0) }) { return }
        await take(offer, over: loaded, client)
    }

    private func take(_ offer: PolicyOffer, over loaded: ActiveCatalog.Loaded, _ client: CentralClient) async {
        var bytes: [UInt8] = []
        do {
            bytes = try await client.policy(offer.version)
            let policy = try context.catalog.open(policy: bytes, newerThan: loaded.policy?.policy.version ?? 0)
            guard policy.policy.version == offer.version, policy.digest == offer.digest else {
                distrusted = (offer.digest, context.clock.now() + PollService.distrustPause)
                throw CentralLinkError.malformed("site policy \(offer.version) was asked for, another one came")
            }
            let fresh = context.catalog.load(policy, over: loaded)
            let (faults, version, envelope) = (context.faults, offer.version, bytes)
            await beforeSwitch()
            let now = context.clock.now()
            let change = PolicyChange(from: loaded, to: fresh)
            let note = "Site policy \(version) is in force; its digest is \(policy.digest)."
            let bundles = [context.drafts.system(.observed, note: note)] + change.bundles(context.drafts)
            try await context.expectations.append(bundles, fresh) { transaction in
                try PolicyTable.activate(version, envelope, at: now, in: transaction)
                try ObservationTable.forget(change.newlyDisabledChecks, in: transaction)
                faults.reached(.policyBeforeSwitch)
            }
            faults.reached(.policyAfterSwitch)
            context.catalog.set(fresh)
            context.logger.notice("site policy in force", metadata: ["version": "\(version)"])
            await context.alerts.clear("policy", "Site policy \(version) is in force.")
            context.wakes.detect.ring()
            context.wakes.heal.ring()
        } catch let error as SitePolicyError {
            let now = context.clock.now()
            // Anything else that came in its place says nothing about the one that was offered.
            if error.isOfSignedDocument, SitePolicy.digest(ofSigned: bytes) == offer.digest {
                // Not remembered means only that it is fetched and refused once more.
                try? await context.database.write { try PolicyTable.refuse(offer.digest, error.code, at: now, in: $0) }
            } else {
                distrusted = (offer.digest, now + PollService.distrustPause)
            }
            await context.alerts.raise("policy", error.code, error.message)
        } catch {
            let (code, sentence) = LinkFailure.explain(error, otherwise: "policy.not_stored")
            context.logger.warning(
                "site policy not taken", metadata: ["code": "\(code)", "version": "\(offer.version)", "error": "\(sentence)"])
        }
    }
}
