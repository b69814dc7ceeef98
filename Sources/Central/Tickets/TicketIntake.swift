import Catalog
import Database
import Evidence
import Model
import Planner
import Seal

/// Opens, continues and resolves tickets from accepted evidence, in the transaction that accepts it.
struct TicketIntake: Sendable {
    let channels: [NotificationChannel]
    /// With which catalogs are signed: what a check is worth is looked up in the newest.
    let catalogKey: VerifyingKey
    /// Whether there is a model to ask before a person is called.
    let asksPlanner: Bool

    /// - Parameter bundles: new ones, in their order.
    func follow(
        _ bundles: [VerifiedBundle], of credential: ApplianceCredential, at now: Timestamp, in transaction: any SQLTransaction
    ) throws {
        for bundle in bundles {
            let record = bundle.record
            // A verdict may name the incident that it ends; what it says is of the host and the check either way.
            if record.kind == .verdict, record.verdict == .compliant, let check = record.check {
                try pass(record.host, check, record.link.sequence, of: credential, at: now, in: transaction)
                continue
            }
            if let incident = record.incident { try follow(record, incident, of: credential, at: now, in: transaction) }
            try driftAgain(record, of: credential, at: now, in: transaction)
        }
    }

    private func follow(
        _ record: BundleRecord, _ incident: IncidentID, of credential: ApplianceCredential, at now: Timestamp,
        in transaction: any SQLTransaction
    ) throws {
        let ticket = try TicketTable.take(incident, in: transaction)
        // An incident is one appliance's: another's word about it is evidence, and nothing to act upon.
        guard ticket == nil || ticket?.appliance == credential.appliance else { return }
        func add(_ kind: TicketEvent.Kind, _ code: Code? = nil) throws {
            try TicketTable.add(
                kind, to: incident, at: now, appliance: credential.appliance, sequence: record.link.sequence, code: code,
                text: record.runbook?.description ?? "", telling: channels, in: transaction)
        }
        switch record.kind {
        case .healing:
            try add(.attempt, record.outcome.code)
            if record.outcome.word == "success", ticket?.state != nil, ticket?.state != .resolved {
                try resolve(incident, at: now, in: transaction)
                try add(.resolved)
            }
        case .decision where record.outcome.word == "alert":
            guard let check = record.check, let code = record.outcome.code else { return }
            let off = try switchedOff(at: credential, in: transaction).first { $0.speaks(of: check, at: credential.appliance) }
            guard let ticket else {
                let priority = try priority(of: check, in: transaction)
                let opened = Ticket(
                    incident: incident, site: credential.site, appliance: credential.appliance, host: record.host, check: check,
                    code: code, priority: priority, state: .open, assignee: nil, level: 1, opened: now,
                    due: ServiceLevel(priority).due(from: now), responded: nil, resolved: nil)
                try TicketTable.open(opened, organization: credential.organization, in: transaction)
                if let off {
                    // From before the appliance knew: kept for when the check is switched on again, and nobody is called.
                    try TicketTable.add(
                        .opened, to: incident, at: now, appliance: credential.appliance, sequence: record.link.sequence, code: code,
                        telling: [], in: transaction)
                    return try TicketTable.switchOff(incident, by: off, at: now, telling: [], in: transaction)
                }
                let question = try question(about: opened, record, of: credential, in: transaction)
                try TicketTable.add(
                    .opened, to: incident, at: now, appliance: credential.appliance, sequence: record.link.sequence, code: code,
                    telling: channels, notBefore: question == nil ? now : now + PlannerTable.waitMax, in: transaction)
                guard let question else { return }
                try PlannerTable.open(question, in: transaction)
                try add(.asked)
                return
            }
            guard !ticket.state.isOpen else { return try add(.decision, code) }
            if let off {
                try add(.decision, code)
                if ticket.state == .resolved { try TicketTable.switchOff(incident, by: off, at: now, telling: [], in: transaction) }
                return
            }
            try TicketTable.reopen(ticket, code: code, at: now, in: transaction)
            try add(.reopened, code)
        case .decision: try add(.decision, record.outcome.code)
        default: return
        }
    }

    /// What the planner is asked; nil where nobody is to ask it, or the drift is not known.
    private func question(
        about ticket: Ticket, _ record: BundleRecord, of credential: ApplianceCredential, in transaction: any SQLTransaction
    ) throws -> PlannerQuestion? {
        guard asksPlanner, PlannerRequest.codes.contains(ticket.code), try PlannerSwitch.isOn(ticket.site, in: transaction) else {
            return nil
        }
        let runs = try transaction.query(
            """
            SELECT code FROM verdict_run WHERE appliance_id = \(ticket.appliance.description) AND host = \(ticket.host.description)
                AND check_id = \(ticket.check.description) AND is_open = 1 AND verdict = 'drift'
            """)
        guard let drift = try runs.first?.optionalText(0).flatMap(Code.init) else { return nil }
        return PlannerQuestion(
            incident: ticket.incident, organization: credential.organization, site: ticket.site, appliance: ticket.appliance,
            sequence: record.link.sequence, host: ticket.host, check: ticket.check, code: drift, opened: ticket.opened)
    }

    /// The check passes again, whatever made it.
    private func pass(
        _ host: HostID, _ check: CheckID, _ sequence: Int64, of credential: ApplianceCredential, at now: Timestamp,
        in transaction: any SQLTransaction
    ) throws {
        let open = try transaction.query(
            """
            SELECT incident_id FROM ticket WHERE appliance_id = \(credential.appliance.description) AND host = \(host.description)
                AND check_id = \(check.description) AND (state <> 'resolved' OR switched_off_at IS NOT NULL) ORDER BY incident_id
            """
        ).map { row -> IncidentID in try row.parsed(0) }
        for incident in open {
            try resolve(incident, at: now, in: transaction)
            try TicketTable.add(
                .resolved, to: incident, at: now, appliance: credential.appliance, sequence: sequence, telling: channels, in: transaction)
        }
    }

    /// A drift of a check that was switched off and is on again: its ticket is a person's once more. The appliance does not hand it over a
    /// second time, because to it the incident is the same; and where it never heard that the check was off, its next attestation says it.
    private func driftAgain(
        _ record: BundleRecord, of credential: ApplianceCredential, at now: Timestamp, in transaction: any SQLTransaction
    ) throws {
        var drifting = record.driftingChecks
        guard !drifting.isEmpty else { return }
        let closed = try transaction.query(
            """
            SELECT \(raw: TicketTable.columns) FROM ticket WHERE appliance_id = \(credential.appliance.description)
                AND host = \(record.host.description) AND switched_off_at IS NOT NULL ORDER BY opened_at DESC, incident_id
            """
        ).map(TicketTable.ticket)
        guard closed.contains(where: { drifting.contains($0.check) }) else { return }
        // Of one host and check one incident is open: its ticket, or the newest that was closed.
        let open = try transaction.query(
            """
            SELECT check_id FROM ticket WHERE appliance_id = \(credential.appliance.description) AND host = \(record.host.description)
                AND state <> 'resolved'
            """
        ).map { row -> CheckID in try row.parsed(0) }
        drifting.subtract(open)
        let off = try switchedOff(at: credential, in: transaction)
        for ticket in closed where !off.contains(where: { $0.speaks(of: ticket.check, at: credential.appliance) }) {
            guard drifting.remove(ticket.check) != nil else { continue }
            try TicketTable.reopen(ticket, code: ticket.code, at: now, in: transaction)
            try TicketTable.add(
                .reopened, to: ticket.incident, at: now, appliance: credential.appliance, sequence: record.link.sequence,
                code: ticket.code, telling: channels, in: transaction)
        }
    }

    private func switchedOff(at credential: ApplianceCredential, in transaction: any SQLTransaction) throws -> [EnablementTable.Entry] {
        try EnablementTable.standing(at: credential.site, in: transaction)
    }

    private func resolve(_ incident: IncidentID, at now: Timestamp, in transaction: any SQLTransaction) throws {
        try TicketTable.resolve(incident, at: now, in: transaction)
    }

    /// As the newest catalog says; medium where that cannot be told.
    private func priority(of check: CheckID, in transaction: any SQLTransaction) throws -> Severity {
        let version = try CatalogStore.newestVersion(in: transaction)
        guard let row = try transaction.query("SELECT envelope FROM catalog_pack WHERE version = \(version)").first,
            let pack = try? CatalogPack.open(try row.blob(0), keys: [catalogKey], schema: nil)
        else { return .medium }
        return pack.checks[check]?.severity ?? .medium
    }
}

extension TicketTable {
    static func resolve(_ incident: IncidentID, at now: Timestamp, in transaction: any SQLTransaction) throws {
        try DeliveryTable.release(incident, at: now, in: transaction)
        try transaction.execute(
            """
            UPDATE ticket SET state = 'resolved', resolved_at = \(now.milliseconds),
                responded_at = COALESCE(responded_at, \(now.milliseconds)), switched_off_at = NULL
            WHERE incident_id = \(incident.description)
            """)
    }

    /// No timer runs any more. That nobody has answered stays as it is: this was no answer.
    static func switchOff(
        _ incident: IncidentID, by entry: EnablementTable.Entry, at now: Timestamp, telling channels: [NotificationChannel],
        in transaction: any SQLTransaction
    ) throws {
        try DeliveryTable.release(incident, at: now, in: transaction)
        try transaction.execute(
            """
            UPDATE ticket SET state = 'resolved', resolved_at = \(now.milliseconds), switched_off_at = \(now.milliseconds)
            WHERE incident_id = \(incident.description)
            """)
        try add(.switchedOff, to: incident, at: now, by: entry.by, text: entry.reason, telling: channels, in: transaction)
    }

    /// All timers begin again; who had it keeps it.
    static func reopen(_ ticket: Ticket, code: Code, at now: Timestamp, in transaction: any SQLTransaction) throws {
        let due = ServiceLevel(ticket.priority).due(from: now)
        try transaction.execute(
            """
            UPDATE ticket SET state = 'open', code = \(code.description), level = 1, opened_at = \(now.milliseconds),
                respond_by = \(due.respond.milliseconds), escalate_by = \(due.escalate.milliseconds),
                resolve_by = \(due.resolve.milliseconds), responded_at = NULL, resolved_at = NULL,
                switched_off_at = NULL, response_late = 0, resolution_late = 0
            WHERE incident_id = \(ticket.incident.description)
            """)
    }
}

extension BundleRecord {
    /// Checks that the bundle says the host drifts from, by a verdict or in an attestation.
    fileprivate var driftingChecks: Set<CheckID> {
        switch kind {
        case .verdict:
            guard case .drift? = verdict, let check else { return [] }
            return [check]
        case .attestation:
            return Set(
                attested.compactMap { item in
                    guard case .drift = item.verdict else { return nil }
                    return item.check
                })
        default: return []
        }
    }
}
