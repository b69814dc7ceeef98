package import Model

/// The ways to anchor; the value is the ending of the proof's file.
package enum AnchorKind: String, Sendable, CaseIterable {
    /// A `.ots` file.
    case openTimestamps = "ots"
    /// A `.tsr` file.
    case timestampAuthority = "tsr"
}

/// What is anchored: a published checkpoint of the log.
package struct AnchorTarget: Equatable, Sendable {
    /// How many leaves the checkpoint covers.
    package let treeSize: Int64
    /// SHA-256 of the text that the log signed in the checkpoint's note.
    package let digest: Digest

    package init(treeSize: Int64, digest: Digest) {
        self.treeSize = treeSize
        self.digest = digest
    }
}

/// A checkpoint's proof of age. One per kind and digest.
package struct Anchor: Equatable, Sendable {
    package let kind: AnchorKind
    package let target: AnchorTarget
    /// By our clock, when it was submitted.
    package let made: Timestamp
    /// The file, as an auditor gets it.
    package let proof: [UInt8]
    package let state: AnchorState
    /// Whether more may become of it: the store hands it out again after a restart.
    package let isOpen: Bool

    package init(kind: AnchorKind, target: AnchorTarget, made: Timestamp, proof: [UInt8], state: AnchorState, isOpen: Bool) {
        self.kind = kind
        self.target = target
        self.made = made
        self.proof = proof
        self.state = state
        self.isOpen = isOpen
    }
}

/// What a lane last achieved, stored so that whoever raises alerts can judge it, and a dead lane is noticed.
package struct AnchorHeartbeat: Equatable, Sendable {
    /// Since when this lane should have been working: its first start.
    package var since: Timestamp
    /// When last all that was due had been done, also if nothing was; nil: never.
    package var lastSuccess: Timestamp?
    /// Code of what failed since; nil: nothing.
    package var lastFailure: String?
    /// What was anchored last.
    package var lastTarget: AnchorTarget?
    /// When the oldest anchor that is still only promised was made; nil: none is.
    package var oldestPending: Timestamp?

    package init(
        since: Timestamp, lastSuccess: Timestamp? = nil, lastFailure: String? = nil, lastTarget: AnchorTarget? = nil,
        oldestPending: Timestamp? = nil
    ) {
        self.since = since
        self.lastSuccess = lastSuccess
        self.lastFailure = lastFailure
        self.lastTarget = lastTarget
        self.oldestPending = oldestPending
    }
}

/// Where anchors are kept. Central implements it over its database.
package protocol AnchorStore: Sendable {
    /// - Returns: the newest published checkpoint; nil before the first.
    func newestCheckpoint() async throws -> AnchorTarget?
    /// - Returns: what was last committed for the kind: its heartbeat, and its open anchors, oldest first, the newest
    ///   `AnchorSchedule.openMax` if there are more.
    func anchors(_ kind: AnchorKind) async throws -> (heartbeat: AnchorHeartbeat?, open: [Anchor])
    /// Durable on return, all or nothing: the anchors inserted, or replaced where kind and digest are there already, and the
    /// kind's heartbeat.
    func commit(_ anchors: [Anchor], heartbeat: AnchorHeartbeat, kind: AnchorKind) async throws
}
