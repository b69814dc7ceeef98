/// A leaf that is in a log. Only verifying makes one.
package struct VerifiedInclusion: Hashable, Sendable {
    package let leaf: LogHash
    package let index: Int64
    package let checkpoint: VerifiedCheckpoint

    package init(leaf: LogHash, index: Int64, proof: InclusionProof, in checkpoint: VerifiedCheckpoint) throws(ProofError) {
        try proof.verify(leaf: leaf, index: index, size: checkpoint.size, root: checkpoint.root)
        self.leaf = leaf
        self.index = index
        self.checkpoint = checkpoint
    }
}
