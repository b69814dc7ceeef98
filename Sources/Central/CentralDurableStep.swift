package import Model

/// Every place where Central makes something durable, before and after it does, and where it answers with it. Tests end the
/// process at each of them and hold what is left against what was promised.
package enum CentralDurableStep: String, CaseIterable, Sendable {
    case grantBeforeCommit, grantAfterCommit
    case certificateBeforeCommit, certificateAfterCommit
    case orderBeforeCreate, orderAfterCreate
    case orderBeforeDeliver, orderAfterDeliver
    case orderBeforeReport, orderAfterReport
    /// The bundles are written and their receipt is not, both inside the one transaction; then before and after its commit;
    /// then when the reply is on its way.
    case evidenceBeforeReceipt, evidenceBeforeCommit, evidenceAfterCommit, evidenceAfterReply
    case catalogBeforePublish, catalogAfterPublish
    /// Refusals of a claim code, of a report about an order, of evidence (recorded in the transaction of what was accepted with it)
    /// and of a recovery.
    case refusalBeforeRecord, refusalAfterRecord
    case orderRefusalBeforeRecord, orderRefusalAfterRecord
    case evidenceRefusalBeforeRecord, evidenceRefusalAfterRecord
    case recoveryRefusalBeforeRecord, recoveryRefusalAfterRecord
    /// A certificate by the evidence key's word: nonce and certificate together.
    case recoveryBeforeCommit, recoveryAfterCommit
    /// A statement of Central's own, with its place in the log.
    case statementBeforeCommit, statementAfterCommit
    /// The tiles are stored and no checkpoint covers them; inside the transaction that stores it and after; when it is published.
    case logAfterTiles, logBeforeCheckpoint, logAfterCheckpoint, logAfterPublish
    /// A witness's cosignature, inside its transaction and after it.
    case cosignatureBeforeCommit, cosignatureAfterCommit
    /// Which bundles make an archived chunk is written down; its objects are stored; they are recorded as stored.
    case archiveAfterPlan, archiveAfterObjects, archiveAfterRecord
    /// One of a chunk's two objects has its new term; has its new hold; then inside the transaction that writes both down and after it.
    case archiveAfterTerm, archiveAfterHold, archiveBeforeChange, archiveAfterChange
    /// Inside the transaction that prunes a chunk and after it; then its objects are gone and nobody has written it down.
    case pruneBeforeCommit, pruneAfterCommit, pruneAfterRemove
    /// What became of an anchor, inside its transaction and after it.
    case anchorBeforeCommit, anchorAfterCommit
    /// What a page of bundles taught, with the cursor behind it; inside its transaction and after it.
    case learningBeforeCommit, learningAfterCommit

    /// A question to the model is counted and not sent; answered and not written down; then inside the transaction of answer and order,
    /// and after it.
    case plannerAfterReserve, plannerAfterAnswer, plannerBeforeCommit, plannerAfterCommit

    /// Those of archive, retention, anchors, planner and learning, which have their own tests: an appliance does not notice them.
    package static let ofKeeping: [CentralDurableStep] = [
        .archiveAfterPlan, .archiveAfterObjects, .archiveAfterRecord, .archiveAfterTerm, .archiveAfterHold, .archiveBeforeChange,
        .archiveAfterChange, .pruneBeforeCommit, .pruneAfterCommit, .pruneAfterRemove, .anchorBeforeCommit, .anchorAfterCommit,
        .plannerAfterReserve, .plannerAfterAnswer, .plannerBeforeCommit, .plannerAfterCommit, .learningBeforeCommit, .learningAfterCommit,
    ]
}

package typealias CentralFaults = StepFaults<CentralDurableStep>
