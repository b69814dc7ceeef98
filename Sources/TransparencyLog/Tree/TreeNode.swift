/// A place in a Merkle tree, named from below: level 0 holds the leaves, and node `index` of level l stands over the leaves
/// `index·2^l ..< (index+1)·2^l`, or over as many of them as the tree has.
///
/// On each level nodes pair up from the left; a last one without a sibling is its own parent. That gives the tree of RFC 6962
/// section 2.1, so a proof is a list of such nodes, and recomputing it needs no recursion.
package struct TreeNode: Hashable, Comparable, Sendable {
    /// 0...63.
    package let level: Int
    package let index: Int64

    package init(level: Int, index: Int64) {
        self.level = level
        self.index = index
    }

    package static func < (left: TreeNode, right: TreeNode) -> Bool {
        left.level == right.level ? left.index < right.index : left.level < right.level
    }
}

/// The shape of a tree of `size` leaves: which nodes there are, and which of them a proof consists of.
package struct TreeShape: Hashable, Sendable {
    /// 0...2^63-1.
    package let size: Int64

    package init(size: Int64) {
        precondition(size >= 0, "a tree of \(size) leaves")
        self.size = size
    }

    /// The level of the root: 0 for one leaf.
    package var height: Int { size <= 1 ? 0 : 64 - UInt64(size - 1).leadingZeroBitCount }

    /// How many nodes a level has.
    package func width(ofLevel level: Int) -> Int64 {
        guard size > 0 else { return 0 }
        return level >= 63 ? 1 : ((size - 1) >> Int64(level)) + 1
    }

    /// Siblings on the way from a leaf to the root, lowest first: an inclusion proof (RFC 6962 section 2.1.1).
    package func inclusion(of index: Int64) -> [TreeNode] {
        precondition((0..<size).contains(index), "leaf \(index) of \(size)")
        return siblings(of: index, fromLevel: 0)
    }

    /// The nodes of a consistency proof (RFC 6962 section 2.1.2) from the tree of the first `old` leaves to this one.
    /// None when `old` is 0 or `size`.
    package func consistency(from old: Int64) -> [TreeNode] {
        precondition((0...size).contains(old), "from \(old) to \(size) leaves")
        guard old > 0, old < size else { return [] }
        // The largest whole subtree that ends where the old tree ends.
        let level = (old as Int64).trailingZeroBitCount
        let index = (old >> Int64(level)) - 1
        // Where it is the old tree itself, its root is known to who checks.
        return (index == 0 ? [] : [TreeNode(level: level, index: index)]) + siblings(of: index, fromLevel: level)
    }

    private func siblings(of start: Int64, fromLevel first: Int) -> [TreeNode] {
        var nodes: [TreeNode] = []
        var index = start
        var level = first
        var last = (size - 1) >> Int64(first)
        while last > 0 {
            let sibling = index ^ 1
            if sibling <= last { nodes.append(TreeNode(level: level, index: sibling)) }
            index >>= 1
            last >>= 1
            level += 1
        }
        return nodes
    }

    /// The whole subtrees that a node consists of, left to right: itself, unless the tree ends below it.
    func wholeSubtrees(of node: TreeNode) -> [TreeNode] {
        let first = UInt64(node.index) << UInt64(node.level)
        let count = min(UInt64(size) - first, 1 << UInt64(node.level))
        var nodes: [TreeNode] = []
        var start = first
        for level in stride(from: 63 - count.leadingZeroBitCount, through: 0, by: -1) where count >> UInt64(level) & 1 == 1 {
            nodes.append(TreeNode(level: level, index: Int64(start >> UInt64(level))))
            start += 1 << UInt64(level)
        }
        return nodes
    }

    /// The whole subtrees that the tree consists of, left to right.
    var wholeSubtrees: [TreeNode] { size == 0 ? [] : wholeSubtrees(of: TreeNode(level: height, index: 0)) }
}

extension LogHash {
    /// The hash over subtrees that stand side by side, each larger than all to its right. nil when there are none.
    static func join(_ subtrees: some BidirectionalCollection<LogHash>) -> LogHash? {
        var rest = subtrees.reversed().makeIterator()
        guard var joined = rest.next() else { return nil }
        while let left = rest.next() { joined = .node(left, joined) }
        return joined
    }
}
