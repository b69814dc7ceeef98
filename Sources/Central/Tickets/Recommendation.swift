import Catalog
package import Model

/// What a person may try first about a ticket, from evidence and the newest catalog. Advice: nothing acts by it.
package struct Recommendation: Hashable, Sendable {
    package enum Basis: String, Hashable, Sendable {
        /// A plan waits for somebody's approval.
        case approval
        /// The first runbook ended similar tickets of this practice.
        case solvedBefore = "solved-before"
        /// The newest catalog has them for this check.
        case catalog
        /// No runbook may act here, or none is left that was not tried.
        case byHand = "by-hand"
    }

    package let basis: Basis
    /// None that failed on this incident.
    package let runbooks: [RunbookID]
    /// Of the first runbook, about similar tickets: how many attempts, and how many of those ended in a passing re-check.
    package let attempts: Int
    package let successes: Int

    private init(_ basis: Basis, _ runbooks: [RunbookID] = [], attempts: Int = 0, successes: Int = 0) {
        (self.basis, self.runbooks, self.attempts, self.successes) = (basis, runbooks, attempts, successes)
    }

    /// - Parameters:
    ///   - events: the ticket's own.
    ///   - elsewhere: attempts at similar tickets.
    ///   - catalog: the newest; nil where there is none.
    init(for ticket: Ticket, _ events: [TicketEvent], elsewhere: [TicketEvent], catalog: CompiledCatalog?) {
        // An attempt after it: nothing waits any more.
        let telling: Set<TicketEvent.Kind> = [.opened, .reopened, .decision, .attempt]
        switch events.last(where: { telling.contains($0.kind) })?.code {
        case "gate.approval":
            self.init(.approval)
            return
        case "gate.clinical_device":
            self.init(.byHand)
            return
        default: break
        }
        let failed = Set(events.filter { $0.kind == .attempt && $0.code != nil }.map(\.text))
        var counts: [String: (attempts: Int, successes: Int)] = [:]
        for attempt in elsewhere where !failed.contains(attempt.text) {
            counts[attempt.text, default: (0, 0)].attempts += 1
            if attempt.code == nil { counts[attempt.text]?.successes += 1 }
        }
        // The most reliable first; of those alike the one that was seen more often, then by name.
        let best = counts.filter { $0.value.successes > 0 }.min {
            let (a, b) = ($0.value, $1.value)
            let (left, right) = (a.successes * b.attempts, b.successes * a.attempts)
            return left != right ? left > right : a.attempts != b.attempts ? a.attempts > b.attempts : $0.key < $1.key
        }
        if let best, let runbook = RunbookID(best.key), catalog?.runbooks[runbook] != nil {
            self.init(.solvedBefore, [runbook], attempts: best.value.attempts, successes: best.value.successes)
            return
        }
        let offered = (catalog?.runbooks ?? [:]).values.filter { $0.checks.contains(ticket.check) && !failed.contains($0.id.description) }
        self.init(offered.isEmpty ? .byHand : .catalog, offered.map(\.id).sorted { $0.description < $1.description })
    }

    /// For people: what it is, and the command.
    package func sentence(for ticket: Ticket) -> String {
        let decide = "martlet central ticket decide \(ticket.incident.description.suffix(6))"
        switch basis {
        case .approval: return "a plan waits for approval: read it with `martlet central approvals`, sign it with `martlet approve`"
        case .solvedBefore:
            return "\(runbooks[0]) ended \(successes) of \(attempts) similar ones: `\(decide) \(runbooks[0]) --reason …`"
        case .catalog:
            let names = runbooks.map(\.description).joined(separator: ", ")
            return "not tried yet: \(names); if one fits: `\(decide) RUNBOOK --reason …`"
        case .byHand: return "no runbook may act here, or none is left: repair it by hand; the check's next pass ends the ticket"
        }
    }
}
