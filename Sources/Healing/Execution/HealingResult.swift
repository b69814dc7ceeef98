package import Model

/// What became of a plan: everything its evidence says, made only by the executor.
package struct HealingResult: Hashable, Sendable {
    package let plan: Plan
    /// `success` only from a re-check that passed after the last step.
    package let outcome: Outcome
    /// Every step that ran and every step that was put back, in the order in which it happened.
    package let actions: [ActionRecord]
    package let preState: Facts
    /// Of the last look; empty where the plan was not begun.
    package let postState: Facts
    /// Verdict of the last look; nil where the plan was not begun.
    package let verdict: Verdict?
    /// Whether every step that changed the host could be put back.
    package let isRollbackAvailable: Bool
    package let started: Timestamp
    package let ended: Timestamp
    /// The process died in the middle, and this was found out at the next start.
    package let wasInterrupted: Bool
    /// For the log, never for evidence unscrubbed: what the failing command said.
    package let detail: String
}
