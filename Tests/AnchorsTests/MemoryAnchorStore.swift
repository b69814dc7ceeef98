import Anchors
import Model
import Synchronization

/// The contract of `AnchorStore` in memory, which can be told to fail. It keeps what a database would: one anchor per kind and digest.
final class MemoryAnchorStore: AnchorStore {
    struct Contents: Sendable {
        var newest: AnchorTarget?
        var heartbeats: [AnchorKind: AnchorHeartbeat] = [:]
        var anchors: [Anchor] = []
        /// Commits that fail, each with its effect or without.
        var failures: [Failure] = []
        var commits = 0
    }

    enum Failure: Sendable { case lost, keptButReportedLost }
    struct Broken: Error {}

    private let contents = Mutex(Contents())

    var current: Contents { contents.withLock { $0 } }
    func publish(_ target: AnchorTarget) { contents.withLock { $0.newest = target } }
    func fail(_ failures: Failure...) { contents.withLock { $0.failures = failures } }
    func anchors(_ kind: AnchorKind, open: Bool) -> [Anchor] { current.anchors.filter { $0.kind == kind && $0.isOpen == open } }

    func newestCheckpoint() async throws -> AnchorTarget? { current.newest }

    func anchors(_ kind: AnchorKind) async throws -> (heartbeat: AnchorHeartbeat?, open: [Anchor]) {
        (current.heartbeats[kind], anchors(kind, open: true))
    }

    func commit(_ anchors: [Anchor], heartbeat: AnchorHeartbeat, kind: AnchorKind) async throws {
        try contents.withLock { contents in
            let failure = contents.failures.isEmpty ? nil : contents.failures.removeFirst()
            if failure == .lost { throw Broken() }
            for anchor in anchors {
                contents.anchors.removeAll { $0.kind == anchor.kind && $0.target.digest == anchor.target.digest }
                contents.anchors.append(anchor)
            }
            contents.heartbeats[kind] = heartbeat
            contents.commits += 1
            if failure == .keptButReportedLost { throw Broken() }
        }
    }
}
