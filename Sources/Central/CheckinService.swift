import Database
import Logging
import Model
import Seal
import TransparencyLog
import Wire

/// The appliance's heartbeat: notes how it is, answers with what waits for it. One transaction.
struct CheckinService: Sendable {
    let database: any SQLDatabase
    let now: @Sendable () -> Timestamp
    let faults: CentralFaults
    let log: LogReader
    /// The log's own; and what appliances that do not know it believe.
    let logKey: NoteVerifier
    let orderKey: SigningKey
    let policies: SitePolicyStore
    let logger: Logger

    func checkin(_ request: CheckinRequest, by credential: ApplianceCredential) async throws -> CheckinReply {
        let now = now()
        let renewAt = credential.issued + .milliseconds((credential.notAfter - credential.issued).wholeMilliseconds * 2 / 3)
        let (faults, policies, trust) = (faults, policies, LogTrust(logKeys: [logKey]))
        let logKey = request.witness == nil ? logKeyStatement(for: credential, at: now) : nil
        let reply = try await database.write { transaction in
            try transaction.execute(
                """
                UPDATE appliance SET last_checkin_at = \(now.milliseconds), software_version = \(request.softwareVersion),
                    catalog_version = \(request.catalogVersion), policy_version = \(request.policyVersion),
                    chain_head = \(request.chainHead), queued = \(request.queued),
                    open_incidents = \(request.openIncidents), is_paused = \(request.isPaused),
                    clock_offset_ms = \(request.clock.offsetMilliseconds)
                WHERE id = \(credential.appliance.description)
                """)
            try ApprovalStore.hear(request.approvals, from: credential, at: now, in: transaction)
            if let witness = request.witness {
                let isNew = try WitnessStore.hear(witness, from: credential, trust: trust, at: now, in: transaction)
                if isNew { faults.reached(.cosignatureBeforeCommit) }
            }
            let reply = CheckinReply(
                received: now, catalogVersion: try CatalogStore.newestVersion(in: transaction),
                orders: try OrderStore.deliver(to: credential, at: now, in: transaction),
                acknowledgedSequence: try EvidenceStore.head(of: credential.appliance, in: transaction)?.sequence ?? -1,
                renewCertificate: now >= renewAt, logKey: logKey,
                policy: try policies.offer(to: credential, inForce: request.policyVersion, in: transaction))
            if !reply.orders.isEmpty { faults.reached(.orderBeforeDeliver) }
            return reply
        }
        if !reply.orders.isEmpty { faults.reached(.orderAfterDeliver) }
        guard let witness = request.witness else { return reply }
        faults.reached(.cosignatureAfterCommit)
        let shown = await newest(after: witness.size, entry: witness.entry)
        return CheckinReply(
            received: reply.received, catalogVersion: reply.catalogVersion, orders: reply.orders,
            acknowledgedSequence: reply.acknowledgedSequence, renewCertificate: reply.renewCertificate, log: shown?.log,
            entry: shown?.entry, policy: reply.policy)
    }

    private func logKeyStatement(for credential: ApplianceCredential, at now: Timestamp) -> String {
        let statement = LogKeyStatement(site: credential.site, appliance: credential.appliance, key: logKey.text, made: now)
        return SignedLogKey(signing: statement, with: orderKey).text
    }

    /// The newest checkpoint with a proof from what was cosigned last. Always, even where there is nothing new: that we still show the
    /// same one is what the witness wants to see. And that the entry is in it.
    private func newest(after size: Int64, entry: Int64?) async -> (log: String, entry: String?)? {
        do {
            let (request, proof) = try await log.consistency(upTo: max(0, size), entry: entry)
            let bytes = request.bytes
            guard bytes.count <= CheckinReply.logBytesMax else { return nil }
            return (String(decoding: bytes, as: UTF8.self), proof.map { String(decoding: $0.bytes, as: UTF8.self) })
        } catch {
            // Before the first checkpoint there is none, and that is no fault.
            if (error as? CentralError)?.status == 404 { return nil }
            // No proof today, and everything else of the check-in as ever: the witness asks again.
            logger.error("log.unproven", metadata: ["size": .stringConvertible(size), "cause": .string("\(error)")])
            return nil
        }
    }
}
