import Catalog
import Database
import Evidence
import Healing
import Logging
import Model
import Planner
import Seal

/// Carries out orders that were accepted, oldest first. Each ends in evidence and a report, whatever becomes of it; what
/// dies in the middle is taken up again from its stored state.
struct OrderRunner: Sendable {
    private let heal: HealService
    private let loaded: ActiveCatalog.Loaded
    private let context: ApplianceContext
    private let inbox: OrderInbox

    init(_ heal: HealService, _ loaded: ActiveCatalog.Loaded) {
        self.heal = heal
        self.loaded = loaded
        context = heal.context
        inbox = OrderInbox(heal.context)
    }

    func turn() async throws {
        let now = context.clock.now()
        for entry in try await context.database.read({ try OrderTable.due(at: now, in: $0) }) {
            if Task.isCancelled { return }
            let authority: AuthenticatedOrder
            do {
                authority = try inbox.stored(entry)
            } catch let rejection as OrderRejection {
                // The order key changed under an accepted order: it is no longer anybody's word.
                try await end(entry.order, .rejected(rejection.code), .rejected, nil)
                continue
            }
            // Accepted in time, but the appliance was off until its time was over, or it was deferred again and again.
            if entry.isOver(authority.order, at: now) {
                try await end(entry.order, .expired, .expired, authority.order)
                continue
            }
            try await run(authority, entry)
        }
    }

    private func run(_ authority: AuthenticatedOrder, _ entry: OrderTable.Entry) async throws {
        let order = authority.order
        switch order.kind {
        case .pause:
            try await end(order.id, .observed, .completed, order, note: "Automatic repair is paused.") {
                try SettingTable.write(.isPaused, "1", in: $0)
            }
        case .resume:
            try await end(order.id, .observed, .completed, order, note: "Automatic repair goes on.") {
                try SettingTable.remove(.isPaused, in: $0)
            }
        case .check: try await check(order)
        case .approve: try await approve(order)
        case .proposal: try await propose(order)
        case .runbook: try await runbook(authority, entry)
        }
    }

    /// Takes a person's signed approval in. Two signatures stand behind it: the order's, which vouches for the approvers' keys
    /// where the site's configuration does not name its own, and the approver's.
    private func approve(_ order: Order) async throws {
        let now = context.clock.now()
        do {
            let (given, envelope) = try approval(in: order, at: now)
            try await context.database.read { try ApprovalTable.judge(given, in: $0) }
            let approval = given.approval
            let note =
                "Plan \(approval.plan) is approved by \(given.approver.name) with \(given.approver.key.id) until \(approval.expires)."
            try await end(order.id, .observed, .completed, order, note: note, approval: given) {
                try ApprovalTable.accept(given, envelope: envelope, at: now, in: $0)
            }
            context.wakes.heal.ring()
        } catch let rejection as ApprovalRejection {
            try await end(order.id, .rejected(rejection.code), .rejected, order, note: rejection.message)
        }
    }

    private func approval(in order: Order, at now: Timestamp) throws(ApprovalRejection) -> (VerifiedApproval, envelope: String) {
        guard case .string(let envelope)? = order.parameters[Order.approvalParameter] else {
            throw .malformed(.field(.missing(Order.approvalParameter)))
        }
        var approvers = context.configuration.policy.approvers
        if approvers.isEmpty {
            guard case .strings(let texts)? = order.parameters[Order.approversParameter], texts.count <= ApprovalVerifier.approversMax
            else { throw .malformed(.field(.missing(Order.approversParameter))) }
            for text in texts {
                guard let approver = Approver(text) else {
                    throw .malformed(.field(.outOfRange(Order.approversParameter, expected: "a key, a space and a name each")))
                }
                approvers.append(approver)
            }
        }
        let verifier = try ApprovalVerifier(
            site: context.identity.site, appliance: context.identity.appliance, approvers: approvers)
        return (try verifier.verify(envelope, at: now), envelope)
    }

    /// Takes a proposal of Central's planner in, or refuses it: it has no more power than a rule's plan, and less time.
    private func propose(_ order: Order) async throws {
        var exchange: ExchangeRecord?
        do {
            guard case .string(let text)? = order.parameters[Order.proposalParameter] else {
                throw ProposalRefusal.malformed("it is missing")
            }
            let proposal = try Proposal(parsing: text)
            exchange = proposal.exchange
            guard context.configuration.plannerMode == .central else { throw ProposalRefusal.notWanted }
            guard order.host == proposal.host, order.check == proposal.check, order.runbook == proposal.choice?.runbook,
                order.parameters.count == 1
            else { throw ProposalRefusal.mismatch }
            let (incident, isKnown) = try await context.database.read { transaction in
                (
                    try IncidentTable.find(proposal.incident, in: transaction),
                    try ProposalTable.isKnown(proposal.incident, in: transaction)
                )
            }
            guard !isKnown else { throw ProposalRefusal.repeated }
            _ = try proposal.judge(against: incident)
            try await ProposalDesk(context: context).take(proposal, order: order)
        } catch let refusal as ProposalRefusal {
            try await end(order.id, .rejected(refusal.code), .rejected, order, note: refusal.message, exchange: exchange)
        }
    }

    private func check(_ order: Order) async throws {
        guard let targets = targets(of: order) else {
            try await end(order.id, .rejected("order.unknown_host"), .rejected, order)
            return
        }
        if let check = order.check, loaded.catalog.checks[check] == nil {
            try await end(order.id, .rejected("order.unknown_check"), .rejected, order)
            return
        }
        if try await refusedAsDisabled(order) { return }
        var count = 0
        for host in targets { count += await heal.detect.scanNow(host, check: order.check, loaded) }
        if Task.isCancelled { return }
        try await end(order.id, .observed, .completed, order, note: "\(count) checks were run.")
    }

    /// A check that is switched off is not run by order either; not even to look before a repair.
    private func refusedAsDisabled(_ order: Order) async throws -> Bool {
        guard let check = order.check, loaded.isDisabled(check) else { return false }
        try await end(order.id, .rejected(GateCode.checkDisabled.code), .rejected, order)
        return true
    }

    private func runbook(_ authority: AuthenticatedOrder, _ entry: OrderTable.Entry) async throws {
        let order = authority.order
        guard let targets = targets(of: order) else {
            try await end(order.id, .rejected("order.unknown_host"), .rejected, order)
            return
        }
        guard let id = order.runbook, let runbook = loaded.catalog.runbooks[id], let check = order.check,
            loaded.catalog.checks[check] != nil
        else {
            try await end(order.id, .rejected("order.unknown_runbook"), .rejected, order)
            return
        }
        if try await refusedAsDisabled(order) { return }
        let ends = try await context.database.read { try IntentTable.ends(of: order.id, in: $0) }
        var isWaiting = false
        for host in targets where ends[host] == nil {
            if await heal.isBusy(host) {
                isWaiting = true
            } else if try await !self.runbook(authority, entry, runbook, on: host) {
                isWaiting = true
            }
        }
        // For one host its own bundle ended the order; for all hosts that is said when the last had its turn.
        guard order.host == nil, !isWaiting else { return }
        let healed = ends.values.count { $0 == "success" }
        try await end(
            order.id, .observed, healed == targets.count ? .completed : .failed, order,
            note: "\(healed) of \(targets.count) hosts pass after the runbook.")
    }

    /// - Returns: whether nothing of this order remains to be done on this host.
    private func runbook(
        _ authority: AuthenticatedOrder, _ entry: OrderTable.Entry, _ runbook: RunbookDefinition, on host: HostID
    ) async throws -> Bool {
        let order = authority.order
        // What it looks like before, also where there is no incident; and what kind of host it is, if nobody looked yet.
        let platforms = await heal.detect.platforms(of: host)
        let look = await heal.detect.look(order.check!, on: host, loaded)
        let now = context.clock.now()
        let incident = try await context.database.read { try IncidentTable.open(host: host, check: order.check!, in: $0) }
        guard let plan = Plan(order, for: host, incident: incident?.id, catalog: loaded.catalog, id: PlanID(at: now), at: now) else {
            return true
        }
        let circumstances = try await heal.circumstances(of: plan, runbook, incident: incident, platforms: platforms, loaded)
        let admission = Gate.judge(
            plan, runbook: runbook, authority: authority, policy: context.configuration.policy, circumstances: circumstances, now: now)
        switch admission {
        case .admitted:
            try await context.database.write { try OrderTable.setRunning(order.id, in: $0) }
            await heal.carryOut(plan, runbook, preState: look.facts, loaded, approval: circumstances.approval)
            return false
        case .deferred(let until, let code):
            try await postpone(order, plan, until, code, entry)
            return false
        case .needsApproval(let code):
            if let statement = heal.statement(of: plan, runbook, loaded) {
                try await ask(order, plan, statement, code)
                return false
            }
            try await end(order.id, .rejected(code), .rejected, order, plan: plan)
            return true
        case .refused(let code):
            guard order.host != nil else {
                // One host that may not be touched does not end the order for the others.
                try await refuse(order, plan, code)
                return true
            }
            try await end(order.id, .rejected(code), .rejected, order, plan: plan)
            return true
        }
    }

    private func refuse(_ order: Order, _ plan: Plan, _ code: Code) async throws {
        let now = context.clock.now()
        try await context.journal.append([bundle(order, .rejected(code), plan)]) { transaction, _ in
            try IntentTable.refuse(plan, code, at: now, in: transaction)
        }
    }

    /// The order waits for a second person as long as it may be begun; what they are asked is evidence once.
    private func ask(_ order: Order, _ plan: Plan, _ statement: PlanStatement, _ code: Code) async throws {
        let now = context.clock.now()
        let write: @Sendable (any SQLTransaction) throws -> Void = {
            try ApprovalTable.ask(statement, at: now, in: $0)
            try OrderTable.postpone(order.id, until: order.expires, code: code, in: $0)
        }
        if try await context.database.read({ try ApprovalTable.isAsked(statement.digest, in: $0) }) {
            try await context.database.write(write)
        } else {
            var bundle = bundle(order, .alert(code), plan)
            bundle.note += " " + HealService.asks(for: statement)
            try await context.journal.append([bundle]) { transaction, _ in try write(transaction) }
        }
        context.logger.notice("order waits for an approval", metadata: ["order": "\(order.id)", "plan": "\(statement.digest)"])
        context.wakes.poll.ring()
    }

    /// The order waits; that it does is evidence once for each reason.
    private func postpone(_ order: Order, _ plan: Plan, _ until: Timestamp, _ code: Code, _ entry: OrderTable.Entry) async throws {
        let write: @Sendable (any SQLTransaction) throws -> Void = { try OrderTable.postpone(order.id, until: until, code: code, in: $0) }
        if entry.deferCode == code {
            try await context.database.write(write)
        } else {
            try await context.journal.append([bundle(order, .deferred(until: until, code), plan)]) { transaction, _ in
                try write(transaction)
            }
        }
        context.logger.notice("order deferred", metadata: ["order": "\(order.id)", "until": "\(until)", "code": "\(code)"])
    }

    /// nil for a host that is not configured.
    private func targets(of order: Order) -> [HostID]? {
        guard let host = order.host else { return heal.hosts.ids }
        return heal.hosts.entries[host] == nil ? nil : [host]
    }

    private func bundle(_ order: Order?, _ outcome: Outcome, _ plan: Plan?) -> Bundle {
        let now = context.clock.now()
        let host = plan?.host ?? order?.host ?? context.configuration.hostID
        var bundle = context.drafts.bundle(.order, host: host, from: now, to: now, outcome: outcome)
        if let plan { bundle = context.drafts.plan(.order, plan, from: now, to: now, outcome: outcome) }
        if let order {
            bundle.order = order.id
            bundle.check = order.check
            bundle.runbook = order.runbook
            bundle.requester = "order:\(order.requester)"
        }
        bundle.note = outcome.code.flatMap { GateCode(rawValue: $0.description)?.sentence } ?? ""
        return bundle
    }

    /// The order's end, its evidence and the debt of a report, in one transaction.
    private func end(
        _ id: OrderID, _ outcome: Outcome, _ state: OrderTable.State, _ order: Order?, plan: Plan? = nil, note: String? = nil,
        approval: VerifiedApproval? = nil, exchange: ExchangeRecord? = nil,
        also: @escaping @Sendable (any SQLTransaction) throws -> Void = { _ in }
    ) async throws {
        let now = context.clock.now()
        var bundle = bundle(order, outcome, plan)
        bundle.order = id
        if let note { bundle.note = note }
        if let exchange {
            bundle.incident = exchange.incident
            bundle.tier = .l2
            bundle.exchange = exchange
        }
        if let approval {
            bundle.approver = approval.approver.name
            bundle.preState = approval.facts
        }
        try await context.journal.append([bundle]) { transaction, places in
            try also(transaction)
            try OrderTable.finish(id, state, code: outcome.code, evidence: places[0].sequence, at: now, in: transaction)
        }
        context.logger.notice(
            "order ended", metadata: ["order": "\(id)", "state": "\(state.rawValue)", "code": "\(outcome.code?.description ?? "")"])
        context.wakes.poll.ring()
    }
}

extension VerifiedApproval {
    /// Everything that it takes to verify the approver's signature again: the approval's members are these and the bundle's own site,
    /// appliance and approver. (A name among facts would be scrubbed.)
    fileprivate var facts: Facts {
        Facts([
            "approval.key": .string(approver.key.bytes.hexadecimal),
            "approval.plan": .string(approval.plan.description), "approval.issued": .instant(approval.issued),
            "approval.expires": .instant(approval.expires), "approval.nonce": .string(approval.nonce),
            "approval.signature": .string(signature.hexadecimal),
        ])
    }
}
