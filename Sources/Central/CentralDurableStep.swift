import Glibc
import Synchronization

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
    /// A chunk's objects have their new term or hold, and nobody has written it down.
    case archiveAfterHold
    /// Inside the transaction that prunes a chunk and after it; then its objects are gone and nobody has written it down.
    case pruneBeforeCommit, pruneAfterCommit, pruneAfterRemove

    /// Those of archive and retention, which have their own tests: an appliance does not notice them.
    package static let ofKeeping: [CentralDurableStep] = [
        .archiveAfterPlan, .archiveAfterObjects, .archiveAfterRecord, .archiveAfterHold, .pruneBeforeCommit, .pruneAfterCommit,
        .pruneAfterRemove,
    ]
}

/// What a test may do at each durable step. The product hands in `none`.
package struct CentralFaults: Sendable {
    package let reached: @Sendable (CentralDurableStep) -> Void

    package init(reached: @escaping @Sendable (CentralDurableStep) -> Void) { self.reached = reached }

    package static let none = CentralFaults { _ in }
}

#if DEBUG

extension CentralFaults {
    /// Ends the process by SIGKILL when a step is reached for the given time: `evidenceAfterCommit:3`. nil for no such step.
    package init?(killingAt text: String) {
        let parts = text.split(separator: ":")
        guard (1...2).contains(parts.count), let step = CentralDurableStep(rawValue: String(parts[0])),
            let count = parts.count == 2 ? Int(parts[1]) : 1, count >= 1
        else { return nil }
        let left = KillCounter(count)
        self.init { reached in
            if reached == step, left.countDown() { kill(getpid(), SIGKILL) }
        }
    }

    private final class KillCounter: Sendable {
        private let left: Mutex<Int>
        init(_ count: Int) { left = Mutex(count) }
        func countDown() -> Bool {
            left.withLock { left in
                left -= 1
                return left == 0
            }
        }
    }
}
#endif
