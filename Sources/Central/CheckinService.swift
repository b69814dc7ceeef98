import Database
import Model
import Wire

/// The appliance's heartbeat: notes how it is, answers with what waits for it. One transaction.
struct CheckinService: Sendable {
    let database: any SQLDatabase
    let now: @Sendable () -> Timestamp
    let faults: CentralFaults

    func checkin(_ request: CheckinRequest, by credential: ApplianceCredential) async throws -> CheckinReply {
        let now = now()
        let renewAt = credential.issued + .milliseconds((credential.notAfter - credential.issued).wholeMilliseconds * 2 / 3)
        let faults = faults
        let reply = try await database.write { transaction in
            try transaction.execute(
                """
                UPDATE appliance SET last_checkin_at = \(now.milliseconds), software_version = \(request.softwareVersion),
                    catalog_version = \(request.catalogVersion), chain_head = \(request.chainHead), queued = \(request.queued),
                    open_incidents = \(request.openIncidents), is_paused = \(request.isPaused),
                    clock_offset_ms = \(request.clock.offsetMilliseconds)
                WHERE id = \(credential.appliance.description)
                """)
            let reply = CheckinReply(
                received: now, catalogVersion: try CatalogStore.newestVersion(in: transaction),
                orders: try OrderStore.deliver(to: credential, at: now, in: transaction),
                acknowledgedSequence: try EvidenceStore.head(of: credential.appliance, in: transaction)?.sequence ?? -1,
                renewCertificate: now >= renewAt)
            if !reply.orders.isEmpty { faults.reached(.orderBeforeDeliver) }
            return reply
        }
        if !reply.orders.isEmpty { faults.reached(.orderAfterDeliver) }
        return reply
    }
}
