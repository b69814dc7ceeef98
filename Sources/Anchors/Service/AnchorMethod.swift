package import Model

/// One way to anchor, behind which networks are.
package protocol AnchorMethod: Sendable {
    var kind: AnchorKind { get }
    /// - Throws: the code of what failed; nothing was made.
    func stamp(_ target: AnchorTarget, at now: Timestamp) async throws(AnchorFailure) -> Anchor
    /// - Returns: the anchor with all that is known of it now; unchanged when nobody could be asked.
    func redeem(_ anchor: Anchor) async -> Anchor
}

/// Why no anchor was made.
package struct AnchorFailure: Error, Equatable, Sendable {
    /// Stable across releases: of `AnchorLinkError`, `ProofError` or `TimestampError`, or `anchor.quorum`.
    package let code: String
    /// For the log.
    package let message: String
}

/// Calendars, and a node to check blocks with.
package struct OpenTimestampsMethod: AnchorMethod {
    private let calendars: CalendarClient
    private let headers: (any BitcoinHeaders)?

    /// - Parameter headers: nil: anchors end as "attested in block N, not checked".
    package init(calendars: CalendarClient, headers: (any BitcoinHeaders)?) {
        self.calendars = calendars
        self.headers = headers
    }

    package var kind: AnchorKind { .openTimestamps }

    package func stamp(_ target: AnchorTarget, at now: Timestamp) async throws(AnchorFailure) -> Anchor {
        let stamp = await calendars.stamp(target.digest)
        guard let proof = stamp.proof else {
            let reasons = stamp.failures.map { "\($0.calendar): \($0.error.message)" }.joined(separator: " ")
            throw AnchorFailure(code: "anchor.quorum", message: "fewer than \(calendars.policy.needed) calendars took it. \(reasons)")
        }
        return anchor(target, made: now, proof, state: await proof.check(with: headers).state)
    }

    package func redeem(_ anchor: Anchor) async -> Anchor {
        guard let old = try? OpenTimestampsProof(parsing: anchor.proof, about: anchor.target.digest) else { return anchor }
        var proof = await calendars.upgrade(old).proof
        let check = await proof.check(with: headers)
        // A block that was replaced, or a lie: what contradicts the chain does not stay in the proof.
        proof.remove(check.refuted)
        return self.anchor(anchor.target, made: anchor.made, proof, state: check.state)
    }

    private func anchor(_ target: AnchorTarget, made: Timestamp, _ proof: OpenTimestampsProof, state: AnchorState) -> Anchor {
        let isOpen =
            switch state {
            case .pending: true
            // Where nothing can be checked, every calendar's block is gathered, for one of them may lie.
            case .attested(_, let blockTime): blockTime == nil && (headers != nil || proof.tree.hasOpenPromise)
            case .stamped: false
            }
        return Anchor(kind: kind, target: target, made: made, proof: proof.bytes, state: state, isOpen: isOpen)
    }
}

/// RFC 3161 authorities: an anchor is whole at once, by the first of them that stamps.
package struct TimestampAuthorityMethod: AnchorMethod {
    private let authorities: [TimestampAuthorityClient]

    /// - Parameter authorities: asked in this order; at least one.
    package init(authorities: [TimestampAuthorityClient]) {
        precondition(!authorities.isEmpty, "anchoring without an authority")
        self.authorities = authorities
    }

    package init(authority: TimestampAuthorityClient) { self.init(authorities: [authority]) }

    package var kind: AnchorKind { .timestampAuthority }

    package func stamp(_ target: AnchorTarget, at now: Timestamp) async throws(AnchorFailure) -> Anchor {
        var failures: [TimestampError] = []
        for authority in authorities {
            do throws(TimestampError) {
                let stamp = try await authority.stamp(target.digest)
                return Anchor(
                    kind: kind, target: target, made: now, proof: stamp.bytes, state: .stamped(at: stamp.verified.time), isOpen: false)
            } catch {
                failures.append(error)
            }
        }
        // The first is the one that was meant to stamp.
        throw AnchorFailure(code: failures[0].code, message: failures.map(\.message).joined(separator: " "))
    }

    package func redeem(_ anchor: Anchor) async -> Anchor { anchor }
}
