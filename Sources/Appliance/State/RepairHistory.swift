package import Database
package import Healing
package import Model
package import Seal

/// What the gate asks of the past, read from the state file in one transaction; the incident store's side of every limit.
package struct RepairHistory: Sendable {
    /// End of the newest attempt on the plan's host and check.
    package let lastAttempt: Timestamp?
    package let openings: [Timestamp]
    /// Ends of those that succeeded there within the day's span.
    package let repairs: [Timestamp]
    /// Plans that began at the site within the budget's span.
    package let begun: [PlanID: Timestamp]
    package let isPaused: Bool
    package let approval: VerifiedApproval?

    /// - Parameter verifier: of approvals by one approver, as it was when the approval was taken.
    package init(
        of plan: Plan, digest: Digest?, policy: HealingPolicy, verifier: (Approver) throws(ApprovalRejection) -> ApprovalVerifier,
        at now: Timestamp, in transaction: any SQLTransaction
    ) throws {
        lastAttempt = try IntentTable.lastAttempt(host: plan.host, check: plan.check, in: transaction)
        openings = try IncidentTable.openings(host: plan.host, check: plan.check, since: now - policy.flapSpan, in: transaction)
        repairs = try IntentTable.repairs(host: plan.host, check: plan.check, since: now - policy.daySpan, in: transaction)
        begun = try IntentTable.plansBegun(since: now - Gate.budgetSpan, in: transaction)
        isPaused = try SettingTable.read(.isPaused, in: transaction) != nil
        approval = try digest.flatMap { try ApprovalTable.usable(for: $0, by: verifier, at: now, in: transaction) }
    }

    /// - Parameters:
    ///   - running: hosts on which a plan runs now.
    ///   - admitted: plans that this process has admitted and whose intent may not be on disk yet: they count too.
    ///   - attempts: of the plan's incident.
    package func history(
        hostCount: Int, running: Set<HostID>, admitted: [PlanID: Timestamp], attempts: Int
    ) -> Circumstances.History {
        var history = Circumstances.History(hostCount: hostCount)
        history.running = running
        history.attempts = attempts
        history.lastAttempt = lastAttempt
        history.openings = openings
        history.repairs = repairs
        history.actions = Array(begun.merging(admitted) { stored, _ in stored }.values)
        return history
    }
}
