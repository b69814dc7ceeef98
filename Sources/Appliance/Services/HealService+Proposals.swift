import Catalog
import Database
import Healing
import Model
import Planner

extension HealService {
    /// What models proposed and the gate has not had its last word on. Judged anew with each turn, as a rule's plan is, until it is
    /// carried out, refused, or over.
    func healByProposals(_ loaded: ActiveCatalog.Loaded) async throws {
        for entry in try await context.database.read({ try ProposalTable.waiting(in: $0) }) where !isBusy(entry.proposal.host) {
            guard !Task.isCancelled else { return }
            try await judge(entry, loaded)
        }
    }

    private func judge(_ entry: ProposalTable.Entry, _ loaded: ActiveCatalog.Loaded) async throws {
        let (now, proposal) = (context.clock.now(), entry.proposal)
        let desk = ProposalDesk(context: context)
        guard now < entry.expires else { return try await desk.refuse(entry, .expired) }
        guard let found = try await context.database.read({ try IncidentTable.find(proposal.incident, in: $0) }),
            let check = loaded.catalog.checks[found.check], hosts.entries[found.host] != nil
        else { return try await desk.refuse(entry, .closed) }
        // A host whose kind is not known yet is looked at first.
        guard let platforms = hosts.platforms(of: found.host) else { return }
        let plan: Plan
        do throws(ProposalRefusal) {
            plan = try proposal.plan(
                for: found, catalog: loaded.catalog, platforms: platforms,
                parameters: hosts.parameters(of: check, on: found.host, in: loaded.catalog), id: PlanID(at: now), at: now)
        } catch {
            return try await desk.refuse(entry, error)
        }
        guard let runbook = loaded.catalog.runbooks[plan.runbook] else { return try await desk.refuse(entry, .unlisted) }
        // Only a rule's plan is waited for so: rules that came into force since have one, and it goes first.
        guard found.state != .deferred else { return try await desk.refuse(entry, .answered) }
        let circumstances = try await circumstances(of: plan, runbook, incident: found, platforms: platforms, loaded)
        let admission = Gate.judge(
            plan, runbook: runbook, authority: nil, policy: context.configuration.policy, circumstances: circumstances, now: now)
        switch admission {
        case .admitted: carryOut(plan, runbook, preState: found.facts, loaded, approval: circumstances.approval)
        case .deferred(let until, let code):
            try await decide(found, plan, .deferred(until: until, code), state: .escalated, by: entry)
        case .needsApproval(let code):
            let statement = statement(of: plan, runbook, loaded)
            try await decide(found, plan, .alert(code), state: .escalated, asking: statement, by: entry, isLast: statement == nil)
        case .refused(let code):
            let isForPerson = GateCode(rawValue: code.description)?.isForPerson ?? true
            try await decide(found, plan, isForPerson ? .alert(code) : .rejected(code), state: .escalated, by: entry, isLast: true)
        }
    }
}
