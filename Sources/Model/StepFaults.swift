import Glibc
import Synchronization

/// What a test may do where a program makes something durable. The product hands in `none`.
///
/// `Step` lists every such place of one program, before and after its effect; the code has no other where dying would matter.
package struct StepFaults<Step: RawRepresentable<String> & Equatable & Sendable>: Sendable {
    package let reached: @Sendable (Step) -> Void

    package init(reached: @escaping @Sendable (Step) -> Void) { self.reached = reached }

    package static var none: StepFaults { StepFaults { _ in } }
}

#if DEBUG

extension StepFaults {
    /// Ends the process by SIGKILL when a step is reached for the given time: `evidenceAfterCommit:3`. nil for no such step.
    package init?(killingAt text: String) {
        let parts = text.split(separator: ":")
        guard (1...2).contains(parts.count), let step = Step(rawValue: String(parts[0])),
            let count = parts.count == 2 ? Int(parts[1]) : 1, count >= 1
        else { return nil }
        let left = KillCounter(count)
        self.init { reached in
            if reached == step, left.countDown() { kill(getpid(), SIGKILL) }
        }
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
#endif
