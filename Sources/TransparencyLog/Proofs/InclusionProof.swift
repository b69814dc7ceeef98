/// That a leaf is in a tree: RFC 6962 section 2.1.1. Lowest sibling first.
package struct InclusionProof: Hashable, Sendable {
    package let hashes: [LogHash]

    package init(_ hashes: [LogHash]) { self.hashes = hashes }

    /// A tree of at most 2^63-1 leaves is 63 levels high.
    package static let hashesMax = 63

    /// The root that follows from the leaf (RFC 9162 section 2.1.3.2); to be compared with one that is trusted.
    package func root(leaf: LogHash, index: Int64, size: Int64) throws(ProofError) -> LogHash {
        guard index >= 0, index < size else { throw .outside(index: index, size: size) }
        var node = UInt64(index)
        var last = UInt64(size - 1)
        var root = leaf
        for hash in hashes {
            guard last > 0 else { throw .wrongLength }
            if node & 1 == 1 || node == last {
                root = .node(hash, root)
                // Up past the levels where this node has no sibling.
                while node & 1 == 0, node > 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                root = .node(root, hash)
            }
            node >>= 1
            last >>= 1
        }
        guard last == 0 else { throw .wrongLength }
        return root
    }

    package func verify(leaf: LogHash, index: Int64, size: Int64, root: LogHash) throws(ProofError) {
        guard try self.root(leaf: leaf, index: index, size: size) == root else { throw .wrongRoot }
    }
}
