/// Every place where a witness makes something durable, before and after it does. Tests end the process at each of them.
package enum WitnessStep: String, CaseIterable, Sendable {
    /// The new state, inside its transaction and after it; after it nothing was signed yet.
    case stateBeforeCommit, stateAfterCommit
    case disputeBeforeCommit, disputeAfterCommit
}

/// What a test may do at each durable step. The product hands in `none`.
package struct WitnessFaults: Sendable {
    package let reached: @Sendable (WitnessStep) -> Void

    package init(reached: @escaping @Sendable (WitnessStep) -> Void) { self.reached = reached }

    package static let none = WitnessFaults { _ in }
}
