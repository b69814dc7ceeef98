import Glibc
import Synchronization

/// Every place where the appliance makes something durable, before and after it does. Tests end the process at each of
/// them and hold what is left against what was promised; the code has no other place where dying would matter.
package enum DurableStep: String, CaseIterable, Sendable {
    case evidenceBeforeCommit, evidenceAfterCommit
    case orderBeforeAccept, orderAfterAccept
    case reportBeforeForget, reportAfterForget
    case intentBeforeSave, intentAfterSave
    case receiptBeforeStore, receiptAfterStore
    case catalogBeforeSwitch, catalogAfterSwitch
    case certificateBeforeReplace, certificateAfterReplace
    case pruneBeforeDelete, pruneAfterDelete
    case startBeforeCommit, startAfterCommit
    case signBeforeWrite, signAfterWrite
    case witnessBeforeCommit, witnessAfterCommit
}

/// What a test may do at each durable step. The product hands in `none`.
package struct Faults: Sendable {
    package let reached: @Sendable (DurableStep) -> Void

    package init(reached: @escaping @Sendable (DurableStep) -> Void) { self.reached = reached }

    package static let none = Faults { _ in }
}

#if DEBUG

extension Faults {
    /// Ends the process by SIGKILL when a step is reached for the given time: `evidenceAfterCommit:3`. nil for no such step.
    package init?(killingAt text: String) {
        let parts = text.split(separator: ":")
        guard (1...2).contains(parts.count), let step = DurableStep(rawValue: String(parts[0])),
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
