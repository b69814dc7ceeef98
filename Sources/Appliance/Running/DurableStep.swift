package import Model

/// Every place where the appliance makes something durable, before and after it does. Tests end the process at each of
/// them and hold what is left against what was promised; the code has no other place where dying would matter.
package enum DurableStep: String, CaseIterable, Sendable {
    case evidenceBeforeCommit, evidenceAfterCommit
    case orderBeforeAccept, orderAfterAccept
    case reportBeforeForget, reportAfterForget
    case intentBeforeSave, intentAfterSave
    case receiptBeforeStore, receiptAfterStore
    case catalogBeforeSwitch, catalogAfterSwitch
    case policyBeforeSwitch, policyAfterSwitch
    case certificateBeforeReplace, certificateAfterReplace
    case pruneBeforeDelete, pruneAfterDelete
    case startBeforeCommit, startAfterCommit
    case signBeforeWrite, signAfterWrite
    case witnessBeforeCommit, witnessAfterCommit
}

package typealias Faults = StepFaults<DurableStep>
