import Catalog
import Database
import Evidence
import Logging
import Model
import Seal
import Wire

/// Checks in with Central: status out; orders in, a newer catalog, a newer certificate; and reports of what became of orders.
package actor PollService {
    /// Polls in a row that have to fail before that is an alert; a router that restarts is none.
    package static let failuresBeforeAlert = 3
    static let reportsMax = 100

    private let context: ApplianceContext
    private let clockService: ClockService
    private let inbox: OrderInbox
    private let policies: PolicyInbox
    private let beforeSwitch: @Sendable () async -> Void
    private var failures = 0
    /// A version whose bytes were not what they must be, though no signature says that they were Central's; and until when it is left.
    private var distrusted: (version: Int64, until: Timestamp)?
    static let distrustPause: Duration = .seconds(900)

    /// - Parameter beforeSwitch: looks that were judged by the catalog in force are attested in its name while that can be done.
    package init(
        _ context: ApplianceContext, clockService: ClockService, beforeSwitch: @escaping @Sendable () async -> Void = {}
    ) {
        self.context = context
        self.clockService = clockService
        inbox = OrderInbox(context)
        policies = PolicyInbox(context, beforeSwitch: beforeSwitch)
        self.beforeSwitch = beforeSwitch
    }

    package func turn() async -> Duration {
        do {
            try await checkInRecovering()
            if failures >= Self.failuresBeforeAlert {
                context.logger.notice("Central answers again", metadata: ["failures": "\(failures)"])
            }
            failures = 0
            await context.alerts.clear("central", "Central answers again.")
        } catch {
            failures += 1
            let (code, sentence) = LinkFailure.explain(error, otherwise: "central.checkin_failed")
            context.logger.warning("check-in failed", metadata: ["code": "\(code)", "error": "\(sentence)"])
            if failures >= Self.failuresBeforeAlert { await context.alerts.raise("central", code, sentence) }
        }
        let interval = context.configuration.pollInterval.wholeMilliseconds
        return .milliseconds(Int64.random(in: interval * 9 / 10...interval * 11 / 10))
    }

    /// A certificate that is not taken any more is replaced by the evidence key's word, once, and the check-in made with the new one.
    private func checkInRecovering() async throws {
        if try await context.central.isExpired() {
            guard try await recover() else { throw CentralLinkError.refused(status: 401, code: "certificate.expired") }
            return try await checkIn()
        }
        do {
            try await checkIn()
        } catch let error as CentralLinkError where error.mayBeOurCertificate {
            guard try await recover() else { throw error }
            try await checkIn()
        }
    }

    private func recover() async throws -> Bool {
        guard try await context.central.recover() else { return false }
        context.logger.notice("certificate recovered with the evidence key")
        context.wakes.push.ring()
        return true
    }

    private func checkIn() async throws {
        let client = try await context.central.client()
        let sent = context.clock.now()
        let reply = try await client.checkin(try await status(at: sent))
        let answered = context.clock.now()
        context.clockState.heard(central: reply.received, sent: sent, answered: answered)
        await clockService.judge()
        try await context.database.write { try SettingTable.write(.lastCheckin, answered.description, in: $0) }
        try await lookAtChain(reply)
        await hearLog(reply, client)

        if await inbox.receive(reply.orders) { context.wakes.heal.ring() }
        try await sendReports(client)
        if try await isNewer(reply.catalogVersion) { await switchCatalog(to: reply.catalogVersion, client) }
        try await policies.hear(reply.policy, client)
        if try await renewalIsDue(reply) { try await context.central.renew() }
    }

    /// What goes wrong here is tried again with the next check-in, and holds up nothing else of this one.
    private func hearLog(_ reply: CheckinReply, _ client: CentralClient) async {
        do {
            try await context.witness.learn(reply.logKey)
            try await context.witness.heard(reply) {
                try await client.checkin(try await self.status(at: self.context.clock.now())).log
            }
        } catch {
            let (code, sentence) = LinkFailure.explain(error, otherwise: "witness.failed")
            context.logger.warning("checkpoint not looked at", metadata: ["code": "\(code)", "error": "\(sentence)"])
        }
    }

    private func status(at now: Timestamp) async throws -> CheckinRequest {
        let end = await context.journal.end
        // Loads the pack if there is one, so that a restarted appliance does not fetch it again.
        let stamp = try await context.catalog.current()?.stamp
        let clock = context.clockState.reading(at: now)
        let software = context.softwareVersion
        let isPausedByFile = context.configuration.directory.isPausedByFile
        let witness = try await context.witness.report()
        return try await context.database.read { transaction in
            var approvals: [String] = []
            var bytes = 0
            for request in try ApprovalTable.waiting(in: transaction).prefix(CheckinRequest.approvalsMax) {
                let text = request.statement.text
                bytes += text.utf8.count
                guard bytes <= CheckinRequest.approvalsBytesMax else { break }
                approvals.append(text)
            }
            return CheckinRequest(
                sent: now, softwareVersion: software, catalogVersion: stamp?.version ?? 0, chainHead: end.sequence,
                queued: try EvidenceTable.queuedCount(in: transaction), openIncidents: try IncidentTable.openCount(in: transaction),
                isPaused: try isPausedByFile || SettingTable.read(.isPaused, in: transaction) != nil, clock: clock, witness: witness,
                approvals: approvals, policyVersion: stamp?.policyVersion ?? 0)
        }
    }

    /// Central can hold less than we have, never more.
    private func lookAtChain(_ reply: CheckinReply) async throws {
        let end = await context.journal.end
        guard reply.acknowledgedSequence > end.sequence else { return }
        let error = CentralLinkError.contradiction("it holds bundle \(reply.acknowledgedSequence), ours end at \(end.sequence)")
        await context.alerts.raise("push", error.code, error.message)
    }

    private func sendReports(_ client: CentralClient) async throws {
        for (number, report) in try await context.database.read({ try OrderTable.owed(limit: Self.reportsMax, in: $0) }) {
            do {
                try await client.report(report)
            } catch {
                guard error.isFinal else { throw error }
                // Central does not know the order, or has it final already: saying so again would never help.
                context.logger.warning(
                    "order report not taken", metadata: ["code": "\(error.code)", "order": "\(report.order)", "error": "\(error.message)"])
            }
            context.faults.reached(.reportBeforeForget)
            try await context.database.write { try OrderTable.settle(number, in: $0) }
            context.faults.reached(.reportAfterForget)
        }
    }

    // MARK: Catalog

    private func isNewer(_ version: Int64) async throws -> Bool {
        guard version > context.catalog.stamp.version else { return false }
        let now = context.clock.now()
        // A clock that was put back does not stop us.
        if let distrusted, distrusted.version == version, now < distrusted.until, distrusted.until - now <= Self.distrustPause {
            return false
        }
        return try await !context.database.read { try CatalogTable.isRefused(version, in: $0) }
    }

    /// A pack that cannot be used is refused once, in evidence, and the one in force stays. Bytes that Central's key did not sign say
    /// nothing about the version that they were sent for: it is fetched again, later, since they may be megabytes.
    private func switchCatalog(to version: Int64, _ client: CentralClient) async {
        let now = context.clock.now()
        do {
            let bytes = try await client.catalog(version)
            let fresh = try await context.catalog.load(pack: bytes)
            guard fresh.catalog.version == version else {
                distrusted = (version, now + Self.distrustPause)
                throw CentralLinkError.malformed("catalog \(version) was asked for, \(fresh.catalog.version) came")
            }
            let faults = context.faults
            await beforeSwitch()
            // Not when the fetch began: looks that began meanwhile were still judged by the other one.
            let now = context.clock.now()
            let note = "Catalog \(version) is in force; its digest is \(fresh.catalog.digest)."
            let change = PolicyChange(from: try await context.catalog.current(), to: fresh)
            let bundles = [context.drafts.system(.observed, note: note)] + change.bundles(context.drafts)
            try await context.expectations.append(bundles, fresh) { transaction in
                try CatalogTable.activate(version, bytes, at: now, in: transaction)
                try ObservationTable.forget(change.newlyDisabledChecks, in: transaction)
                faults.reached(.catalogBeforeSwitch)
            }
            faults.reached(.catalogAfterSwitch)
            context.catalog.set(fresh)
            context.logger.notice("catalog in force", metadata: ["version": "\(version)"])
            await context.alerts.clear("catalog", "Catalog \(version) is in force.")
            context.wakes.detect.ring()
            context.wakes.heal.ring()
        } catch let error as CentralLinkError {
            context.logger.warning(
                "catalog not fetched", metadata: ["code": "\(error.code)", "version": "\(version)", "error": "\(error.message)"])
        } catch let error as CatalogPackError {
            let code = Code(error.code) ?? "catalog.refused"
            if error.isOfSignedPack {
                // Not remembered means only that it is fetched and refused once more.
                try? await context.database.write { try CatalogTable.refuse(version, code, at: now, in: $0) }
            } else {
                distrusted = (version, now + Self.distrustPause)
            }
            await context.alerts.raise("catalog", code, error.message)
        } catch {
            let (code, sentence) = LinkFailure.explain(error, otherwise: "catalog.not_stored")
            context.logger.warning(
                "catalog not stored", metadata: ["code": "\(code)", "version": "\(version)", "error": "\(sentence)"])
        }
    }

    private func renewalIsDue(_ reply: CheckinReply) async throws -> Bool {
        if reply.renewCertificate { return true }
        return try await context.central.isRenewalDue()
    }
}

extension CatalogPackError {
    /// Whether the catalog key signed what was refused, so that it is refused for good.
    fileprivate var isOfSignedPack: Bool {
        switch self {
        case .envelope(.notJSON), .envelope(.field), .envelope(.unknownKey), .envelope(.badSignature): false
        case .envelope(.notCanonical), .envelope(.wrongSchema), .notJSON, .wrongSchema, .refused, .notNewer: true
        }
    }
}
