/// That a tree continues an earlier one: RFC 6962 section 2.1.2.
package struct ConsistencyProof: Hashable, Sendable {
    package let hashes: [LogHash]

    package init(_ hashes: [LogHash]) { self.hashes = hashes }

    /// What tlog-witness allows.
    package static let hashesMax = 63

    /// RFC 9162 section 2.1.4.2. From size 0 everything follows; the proof must then be empty, and so for equal trees.
    package func verify(oldSize: Int64, oldRoot: LogHash, newSize: Int64, newRoot: LogHash) throws(ProofError) {
        guard oldSize >= 0, oldSize <= newSize else { throw .outside(index: oldSize, size: newSize) }
        if oldSize == 0 || oldSize == newSize {
            guard hashes.isEmpty else { throw .wrongLength }
            guard oldSize == newSize ? oldRoot == newRoot : oldRoot == .empty else { throw .wrongRoot }
            guard newSize > 0 || newRoot == .empty else { throw .wrongRoot }
            return
        }
        var rest = hashes[...]
        // Up to the largest whole subtree that ends where the old tree ends; it is the old tree itself if that is whole.
        let level = UInt64(oldSize.trailingZeroBitCount)
        var node = UInt64(oldSize - 1) >> level
        var last = UInt64(newSize - 1) >> level
        guard let start = node == 0 ? oldRoot : rest.popFirst() else { throw .wrongLength }
        var old = start
        var new = start
        for hash in rest {
            guard last > 0 else { throw .wrongLength }
            if node & 1 == 1 || node == last {
                old = .node(hash, old)
                new = .node(hash, new)
                while node & 1 == 0, node > 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                new = .node(new, hash)
            }
            node >>= 1
            last >>= 1
        }
        guard last == 0 else { throw .wrongLength }
        guard old == oldRoot, new == newRoot else { throw .wrongRoot }
    }
}
