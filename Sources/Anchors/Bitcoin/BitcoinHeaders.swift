package import Model

/// Block headers, from a source that whoever checks trusts.
package protocol BitcoinHeaders: Sendable {
    /// - Returns: the header at that height of the best chain; nil when the chain is not that long, or the block not buried deeply
    ///   enough to be relied on.
    func header(at height: Int64) async throws(AnchorLinkError) -> BlockHeader?
}

/// What a proof needs of a block's header.
package struct BlockHeader: Equatable, Sendable {
    /// 32 bytes in the order of the header, which is the reverse of the order in which it is displayed.
    package let merkleRoot: [UInt8]
    package let time: Timestamp

    package init(merkleRoot: [UInt8], time: Timestamp) {
        self.merkleRoot = merkleRoot
        self.time = time
    }
}

/// What a proof says, and what headers say about it.
package struct ProofCheck: Sendable, Equatable {
    package let state: AnchorState
    /// Bitcoin attestations whose block has another Merkle root: false, or true of a block that was replaced since.
    package let refuted: Set<AttestedMessage>
    /// Why a block could not be looked at; it counts as not checked.
    package let failure: AnchorLinkError?
}

extension OpenTimestampsProof {
    /// How many blocks are looked up in one check. False ones are found and removed, so what a liar puts before the truth only
    /// puts it off.
    package static let blocksPerCheckMax = 32

    /// - Parameter headers: nil leaves every attestation unchecked.
    package func check(with headers: (any BitcoinHeaders)?) async -> ProofCheck {
        var confirmed: (height: Int64, time: Timestamp)?
        var unchecked: Int64?
        var refuted: Set<AttestedMessage> = []
        var failure: AnchorLinkError?
        var calendars: Set<String> = []
        // Lowest block first: it says most.
        let blocks = attestations.compactMap { item -> (height: Int64, item: AttestedMessage)? in
            if case .pending(let calendar) = item.attestation { calendars.insert(calendar) }
            guard case .bitcoin(let height) = item.attestation, item.message != nil else { return nil }
            return (height, item)
        }
        for (height, item) in blocks.sorted(by: { $0.height < $1.height }).prefix(Self.blocksPerCheckMax) where confirmed == nil {
            do throws(AnchorLinkError) {
                guard let header = try await headers?.header(at: height) else {
                    unchecked = unchecked ?? height
                    continue
                }
                if item.message == header.merkleRoot { confirmed = (height, header.time) } else { refuted.insert(item) }
            } catch {
                unchecked = unchecked ?? height
                failure = error
            }
        }
        let state: AnchorState =
            if let confirmed {
                .attested(height: confirmed.height, blockTime: confirmed.time)
            } else if let unchecked {
                .attested(height: unchecked, blockTime: nil)
            } else {
                .pending(calendars: calendars.sorted())
            }
        return ProofCheck(state: state, refuted: refuted, failure: failure)
    }
}
