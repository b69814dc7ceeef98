package import Model

/// Every place where a witness makes something durable, before and after it does. Tests end the process at each of them.
package enum WitnessStep: String, CaseIterable, Sendable {
    /// The new state, inside its transaction and after it; after it nothing was signed yet.
    case stateBeforeCommit, stateAfterCommit
    case disputeBeforeCommit, disputeAfterCommit
}

package typealias WitnessFaults = StepFaults<WitnessStep>
