import Logging
import NIOCore
import Synchronization

/// How many connections a listener holds, in all and of each address.
final class ConnectionCount: Sendable {
    private struct State {
        var all = 0
        var bySource: [String: Int] = [:]
        var refused = 0
        var saidAt: NIODeadline?
    }
    private let section: String
    private let limits: ListenerLimits
    private let logger: Logger
    private let state = Mutex(State())
    /// The log says so at most this often, with how many there were.
    private static let logInterval: TimeAmount = .seconds(60)

    init(_ section: String, _ limits: ListenerLimits, logger: Logger) {
        self.section = section
        self.limits = limits
        self.logger = logger
    }

    /// - Returns: false when there is no room; then nothing was counted.
    func enter(_ source: String) -> Bool {
        let (isIn, toSay): (Bool, Int?) = state.withLock { state in
            let ofSource = state.bySource[source, default: 0]
            if state.all < limits.connectionsMax, ofSource < limits.connectionsPerAddressMax {
                state.all += 1
                state.bySource[source] = ofSource + 1
                return (true, nil)
            }
            state.refused += 1
            let now = NIODeadline.now()
            if let saidAt = state.saidAt, now - saidAt < Self.logInterval { return (false, nil) }
            state.saidAt = now
            defer { state.refused = 0 }
            return (false, state.refused)
        }
        if let toSay {
            logger.warning(
                "connections.refused",
                metadata: ["code": "listen.too_many", "listener": .string(section), "source": .string(source), "times": "\(toSay)"])
        }
        return isIn
    }

    func leave(_ source: String) {
        state.withLock { state in
            state.all -= 1
            let left = state.bySource[source, default: 1] - 1
            state.bySource[source] = left > 0 ? left : nil
        }
    }
}
