import Database
import Evidence
import Logging
import Model
import Planner

/// Takes in what a model answered, whoever asked it: the exchange is evidence before anything is done about it.
struct ProposalDesk: Sendable {
    let context: ApplianceContext

    /// One that chooses something waits for the gate from here on; one that does not leaves the incident to a person.
    /// - Parameter order: that brought it; it has then done what it was for.
    func take(_ proposal: Proposal, order: Order?) async throws {
        let now = context.clock.now()
        let entry = ProposalTable.Entry(proposal: proposal, order: order?.id, taken: now)
        let outcome: Outcome = proposal.choice == nil ? .alert(proposal.exchange.outcome) : .observed
        var bundle = bundle(entry, outcome, at: now)
        bundle.note = proposal.choice.map { "A model proposes \($0.runbook); the gate judges that next." } ?? ""
        try await context.journal.append([bundle]) { transaction, places in
            try ProposalTable.take(entry, in: transaction)
            guard let order else { return }
            try OrderTable.finish(order.id, .completed, code: nil, evidence: places[0].sequence, at: now, in: transaction)
        }
        context.logger.notice(
            "proposal", metadata: ["incident": "\(proposal.incident)", "outcome": "\(proposal.exchange.outcome)"])
        context.wakes.heal.ring()
        if order != nil { context.wakes.poll.ring() }
    }

    /// What is found when its turn comes makes it wrong: nothing is done, and nothing comes of it any more.
    func refuse(_ entry: ProposalTable.Entry, _ refusal: ProposalRefusal) async throws {
        var bundle = bundle(entry, refusal == .expired ? .expired : .rejected(refusal.code), at: context.clock.now())
        bundle.note = refusal.message
        try await context.journal.append([bundle]) { transaction, _ in
            try ProposalTable.end(entry.proposal.incident, in: transaction)
        }
        context.logger.notice(
            "proposal refused", metadata: ["incident": "\(entry.proposal.incident)", "code": "\(refusal.code)"])
    }

    private func bundle(_ entry: ProposalTable.Entry, _ outcome: Outcome, at now: Timestamp) -> Bundle {
        let proposal = entry.proposal
        var bundle = context.drafts.bundle(.decision, host: proposal.host, from: now, to: now, outcome: outcome)
        bundle.check = proposal.check
        bundle.incident = proposal.incident
        bundle.order = entry.order
        bundle.runbook = proposal.choice?.runbook
        bundle.tier = .l2
        bundle.requester = proposal.proposer
        bundle.exchange = proposal.exchange
        return bundle
    }
}
