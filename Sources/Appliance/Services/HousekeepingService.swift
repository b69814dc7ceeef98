import Database
import Logging
import Model

/// Forgets what may be forgotten, once a day: receipted evidence past its time, incidents long resolved, orders long done.
package struct HousekeepingService: Sendable {
    package static let interval: Duration = .seconds(86_400)

    private let context: ApplianceContext

    package init(_ context: ApplianceContext) { self.context = context }

    package func turn() async -> Duration {
        do {
            try await pruneEvidence()
            let now = context.clock.now()
            let (incidents, evidence) = (day * context.configuration.incidentDays, day * context.configuration.keepDays)
            try await context.database.write { transaction in
                try IncidentTable.removeResolved(before: now - incidents, in: transaction)
                try OrderTable.removeFinished(before: now - evidence, in: transaction)
                try IntentTable.removeFinished(before: now - incidents, in: transaction)
                try ProposalTable.removeEnded(before: now - incidents, in: transaction)
                try ApprovalTable.removeOld(before: now - evidence, in: transaction)
            }
            try await context.compact()
            return Self.interval
        } catch {
            context.logger.warning("housekeeping not finished", metadata: ["error": "\(error)"])
            return .seconds(3_600)
        }
    }

    /// Guardrail 7: never what is young, among the newest, or not receipted. That something was pruned is evidence itself.
    private func pruneEvidence() async throws {
        let limit = context.clock.now() - day * context.configuration.keepDays
        let keeping = context.configuration.keepNewest
        guard let range = try await context.database.read({ try EvidenceTable.prunable(before: limit, keeping: keeping, in: $0) }) else {
            return
        }
        let faults = context.faults
        let note = "Receipted bundles \(range.lowerBound) to \(range.upperBound) are no longer kept here; Central holds them."
        try await context.journal.append([context.drafts.system(.observed, note: note)]) { transaction, _ in
            try EvidenceTable.remove(range, in: transaction)
            faults.reached(.pruneBeforeDelete)
        }
        faults.reached(.pruneAfterDelete)
        context.logger.notice("evidence pruned", metadata: ["first": "\(range.lowerBound)", "last": "\(range.upperBound)"])
    }

    private let day: Duration = .seconds(86_400)
}
