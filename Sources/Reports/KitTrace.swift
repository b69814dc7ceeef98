import Compliance
import Model
import Seal
import TransparencyLog

/// What one kit holds, kept for a comparison with another: some fifty bytes for each bundle.
struct KitTrace: Sendable {
    struct Held: Hashable, Sendable {
        let digest: Digest
        /// nil where no receipt says it.
        let received: Timestamp?
    }

    /// A statement, and its place in the log.
    struct Stated: Sendable {
        let digest: Digest
        let index: Int64?
        let issued: Timestamp?
        let isPruned: Bool
    }

    let manifest: KitManifest
    /// Verified bundles by number.
    private(set) var bundles: [ApplianceID: [Int64: Held]] = [:]
    var statements: [Stated] = []
    var pruned: [PrunedStatement] = []
    var quorum: Int?
    var leaves: KitLeaves?
    /// Once it is shown that they are in the log.
    var tree: Tree?
    /// Required slots, where the kit states what follows from its bundles.
    var population: JSONValue?

    struct Tree: Sendable {
        let leaves: [LogLeaf]
        let nodes: LogNodes
        let root: LogHash
    }

    init(_ manifest: KitManifest) { self.manifest = manifest }

    mutating func add(_ sequence: Int64, of appliance: ApplianceID, _ digest: Digest, received: Timestamp?) {
        bundles[appliance, default: [:]][sequence] = Held(digest: digest, received: received)
    }

    /// The newest number of an appliance that is gone after its term.
    func prunedLast(of appliance: ApplianceID) -> Int64 {
        pruned.filter { $0.appliance == appliance }.map(\.lastSequence).max() ?? -1
    }
}
