import Catalog
import Database
import Evidence
import Logging
import Model
import Planner
import Redaction
import Seal

/// Asks the model about incidents that were handed to a person, and sends what it answers to their appliances as signed orders.
///
/// One turn asks as many as may be asked at once. Before a question is sent it is counted durably; its answer, the order and what the
/// ticket shows are one transaction. A process that dies between the two has asked once, and the person has the ticket.
actor PlannerWorker {
    /// From a deadline until its answer is written down.
    static let writingMax: Duration = .seconds(15)

    private let model: ModelSettings.Model?
    private let database: any SQLDatabase
    private let orders: OrderStore
    private let catalogKey: VerifyingKey
    private let channels: [NotificationChannel]
    private let pseudonyms: SitePseudonyms
    private let clock: WallClock
    private let faults: CentralFaults
    private let logger: Logger
    private var planner: L2Planner?
    private var underWay: Set<IncidentID> = []
    private var catalog: CompiledCatalog?
    /// Choices whose end is not known yet, by incident.
    private var chosen: [IncidentID: (site: SiteID, exchange: PlannerExchange)] = [:]

    init(
        _ model: ModelSettings.Model?, database: any SQLDatabase, orders: OrderStore, catalogKey: VerifyingKey,
        channels: [NotificationChannel], pseudonyms: SitePseudonyms, clock: WallClock, faults: CentralFaults, logger: Logger
    ) {
        self.model = model
        self.database = database
        self.orders = orders
        self.catalogKey = catalogKey
        self.channels = channels
        self.pseudonyms = pseudonyms
        self.clock = clock
        self.faults = faults
        self.logger = logger
    }

    /// Ends the connections to the provider.
    func close() async {
        await planner?.close()
        planner = nil
    }

    /// - Throws: `DatabaseError`; what waits is asked with the next turn.
    func turn() async throws {
        try await endInterrupted()
        let now = clock.now()
        try await database.write { try PlannerTable.endResolved(at: now, in: $0) }
        try await forgetFailures()
        let limit = model?.limits.inFlightMax ?? 1
        let questions = try await database.read { try PlannerTable.waiting(limit: limit, in: $0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for question in questions { group.addTask { try await self.ask(question) } }
            try await group.waitForAll()
        }
    }

    /// Questions of a process that is no more: counted, never asked again, and said to be interrupted. Of one that lives beside this one the
    /// answer comes, or its deadline does. One from the future says that the clock was put back.
    private func endInterrupted() async throws {
        let (own, now, span) = (underWay, clock.now(), (model?.limits ?? PlannerSettings()).deadline + Self.writingMax)
        let left = try await database.read { try PlannerTable.leftAsking(outside: (now - span)...(now + span), except: own, in: $0) }
        for (question, exchange) in left {
            try await end(
                question, Proposal(refusal: exchange, host: question.host, check: question.check, code: question.code))
        }
    }

    /// What did not heal is not answered from memory again.
    private func forgetFailures() async throws {
        for (incident, choice) in chosen {
            let attempt = try await database.read { transaction in
                try transaction.query(
                    """
                    SELECT code FROM incident_event WHERE incident_id = \(incident.description) AND kind = 'attempt' AND number > (
                        SELECT MAX(number) FROM incident_event WHERE incident_id = \(incident.description) AND kind = 'planner-answered')
                    ORDER BY number LIMIT 1
                    """
                ).first.map { try $0.optionalText(0) }
            }
            guard let attempt else { continue }
            if attempt != nil { await planner?.forget(choice.exchange, site: choice.site) }
            chosen[incident] = nil
        }
    }

    private func ask(_ question: PlannerQuestion) async throws {
        underWay.insert(question.incident)
        defer { underWay.remove(question.incident) }
        guard let (incident, request) = try await request(for: question) else {
            let exchange = PlannerExchange(refusing: .noFacts, incident: question.incident, at: clock.now())
            return try await end(
                question, Proposal(refusal: exchange.record, host: question.host, check: question.check, code: question.code))
        }
        let (database, clock, faults) = (database, clock, faults)
        let exchange = try await current().plan(request, for: question.site) { exchange in
            let record = exchange.record
            try await database.write { try PlannerTable.begin(record, at: clock.now(), in: $0) }
            faults.reached(.plannerAfterReserve)
        }
        faults.reached(.plannerAfterAnswer)
        // Not asked: another process has taken the question, or the database did not take it, and then it waits for the next turn.
        guard exchange.outcome != .refused(.unrecorded) else { return }
        let proposal = Proposal(exchange, for: incident)
        try await end(question, proposal)
        if proposal.choice != nil, chosen.count < PlannerSettings().cacheEntriesMax {
            chosen[question.incident] = (question.site, exchange)
        }
    }

    /// The exchange, the order, and what the ticket shows.
    private func end(_ question: PlannerQuestion, _ proposal: Proposal) async throws {
        let (now, exchange, channels) = (clock.now(), proposal.exchange, channels)
        let draft = OrderDraft(
            appliance: question.appliance, host: question.host, kind: .proposal, runbook: proposal.choice?.runbook, check: question.check,
            parameters: [Order.proposalParameter: .string(proposal.text)], requester: proposal.proposer,
            reason: "L2 was asked about \(question.incident): \(exchange.outcome)")
        let scope = TenantScope(ofCentral: question.organization)
        let (orders, faults) = (orders, faults)
        let order = try await database.write { transaction -> OrderID? in
            guard try PlannerTable.end(exchange, at: now, in: transaction) else { return nil }
            // A revoked appliance takes no orders; what was asked stands here all the same.
            let isRevoked = try transaction.query(
                "SELECT 1 FROM appliance WHERE id = \(question.appliance.description) AND revoked_at IS NULL"
            ).isEmpty
            let order = isRevoked ? nil : try orders.create(draft, in: scope, transaction).id
            if let order { try PlannerTable.send(question.incident, by: order, in: transaction) }
            try TicketTable.add(
                .answered, to: question.incident, at: now, code: exchange.outcome,
                text: proposal.choice?.runbook.description ?? "", telling: channels, in: transaction)
            if proposal.choice == nil { try DeliveryTable.release(question.incident, at: now, in: transaction) }
            faults.reached(.plannerBeforeCommit)
            return order
        }
        faults.reached(.plannerAfterCommit)
        logger.notice(
            "planner.answered",
            metadata: [
                "incident": .string(question.incident.description), "outcome": .string(exchange.outcome.description),
                "order": .string(order?.description ?? ""),
            ])
    }

    /// nil where the bundle, its catalog or the host's kind is not at hand, or the catalog has no such check.
    private func request(for question: PlannerQuestion) async throws -> (Incident, PlannerRequest)? {
        let bytes = try await database.read { transaction in
            try transaction.query(
                """
                SELECT bytes FROM evidence WHERE appliance_id = \(question.appliance.description) AND sequence = \(question.sequence)
                    AND pruned_at IS NULL
                """
            ).first?.blob(0)
        }
        guard let bytes, let value = try? JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: 1 << 20)),
            let bundle = try? BundleRecord(reading: ObjectReader(value)), let platforms = bundle.plan?.platforms,
            let catalog = try await catalog(version: bundle.origin.catalogVersion), let check = catalog.checks[question.check]
        else { return nil }
        let incident = Incident(
            id: question.incident, host: question.host, check: question.check, code: question.code, severity: check.severity,
            state: .escalated, opened: question.opened, lastSeen: bundle.observed, facts: bundle.preState)
        let request = PlannerRequest(
            incident, catalog: catalog, platforms: Set(platforms),
            // Boxes from before say none.
            parameters: catalog.parameters(of: check, baseline: catalog.baselines[bundle.plan?.baseline ?? "default"]),
            scrubber: try pseudonyms.scrubber(of: question.site), at: clock.now())
        return request.map { (incident, $0) }
    }

    /// The one that judged the bundle.
    private func catalog(version: Int64) async throws -> CompiledCatalog? {
        if let catalog, catalog.version == version { return catalog }
        let pack = try await database.read { try $0.query("SELECT envelope FROM catalog_pack WHERE version = \(version)").first?.blob(0) }
        guard let pack else { return nil }
        catalog = try? CatalogPack.open(pack, keys: [catalogKey], schema: nil)
        return catalog
    }

    /// Budgets go on where the records end.
    private func current() async throws -> L2Planner {
        if let planner { return planner }
        let (now, limits) = (clock.now(), model?.limits ?? PlannerSettings())
        let calls = try await database.read { try PlannerTable.calls(since: now - .seconds(86_400), in: $0) }
        if let planner { return planner }
        let budgets = calls.mapValues {
            CallBudget(callsPerHourMax: limits.callsPerHourMax, costPerDayMax: limits.costPerDayMax, history: $0)
        }
        let made = try L2Planner(configuration: model?.provider, settings: limits, clock: clock, budgets: budgets) { [database] site in
            // What cannot be read is off.
            (try? await database.read { try PlannerSwitch.isOn(site, in: $0) }) != true
        }
        planner = made
        return made
    }
}

/// What takes the place of identifiers in questions: the same for a site at all times, and another for each site.
struct SitePseudonyms: Sendable {
    static let file = "planner-pseudonyms.key"

    let directory: String

    func scrubber(of site: SiteID) throws -> Scrubber {
        let path = "\(directory)/\(Self.file)"
        let secret: [UInt8]
        do throws(PrivateFileError) {
            secret = try PrivateFile.read(path, size: 32...32)
        } catch {
            guard case .missing = error else { throw error }
            var random = SystemRandomNumberGenerator()
            let fresh = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            try PrivateFile.create(path, fresh)
            secret = fresh
        }
        // Always of the right length.
        return Scrubber(key: PseudonymKey(secret: Digest(of: secret + Array(site.description.utf8)).bytes) ?? PseudonymKey())
    }
}
