import Model
package import Seal

/// A node of the tree and its hash.
package struct LogNode: Hashable, Sendable {
    package let place: TreeNode
    package let hash: LogHash

    package init(place: TreeNode, hash: LogHash) {
        self.place = place
        self.hash = hash
    }
}

/// A leaf of the tree: what it hashes to and where it stands.
package struct LogLeaf: Hashable, Sendable {
    package let index: Int64
    package let hash: LogHash

    package init(index: Int64, hash: LogHash) {
        self.index = index
        self.hash = hash
    }
}

/// One proof for many leaves: the least set of nodes from which, with them, the root of a tree of `size` leaves follows.
///
/// Each node is the sibling of one that follows from the leaves. For no leaf at all it is the root alone.
package struct LogNodes: Hashable, Sendable {
    package let size: Int64
    /// By level, then by index, ascending.
    package let nodes: [LogNode]

    package init(size: Int64, nodes: [LogNode]) {
        self.size = size
        self.nodes = nodes
    }

    /// - Parameter leaves: ascending, none twice.
    package static func needed(for leaves: [Int64], size: Int64) throws(ProofError) -> [TreeNode] {
        let shape = TreeShape(size: size)
        guard !leaves.isEmpty else { return size == 0 ? [] : [TreeNode(level: shape.height, index: 0)] }
        var before: Int64 = -1
        for leaf in leaves {
            guard leaf > before, leaf < size else { throw .outside(index: leaf, size: size) }
            before = leaf
        }
        var needed: [TreeNode] = []
        var known = leaves
        for level in 0..<shape.height {
            let last = shape.width(ofLevel: level) - 1
            // Parents are written over the nodes that were read: there are never more of them.
            var parents = 0
            var position = 0
            while position < known.count {
                let index = known[position]
                position += 1
                if index & 1 == 0, position < known.count, known[position] == index + 1 {
                    position += 1
                } else if index ^ 1 <= last {
                    needed.append(TreeNode(level: level, index: index ^ 1))
                }
                known[parents] = index >> 1
                parents += 1
            }
            known.removeSubrange(parents...)
        }
        return needed
    }

    /// The root that follows from these leaves, in time linear in the leaves and nodes and the tree's height.
    ///
    /// - Parameter leaves: ascending, none twice.
    /// - Throws: `.wrongLength` when a node is missing, or one is there that is not needed.
    package func root(leaves: [LogLeaf]) throws(ProofError) -> LogHash {
        try root(leaves: leaves, visited: { _, _ in }, joined: { _, _, _ in })
    }

    /// That one of these leaves is in the tree, by itself: what `root` follows from, but for everything beside its way up.
    ///
    /// - Parameters:
    ///   - index: of one of the leaves.
    ///   - leaves: ascending, none twice.
    /// - Throws: as `root`; `.outside` when the index is not that of a leaf.
    package func inclusion(of index: Int64, leaves: [LogLeaf]) throws(ProofError) -> InclusionProof {
        guard leaves.contains(where: { $0.index == index }) else { throw .outside(index: index, size: size) }
        var hashes: [LogHash] = []
        _ = try root(leaves: leaves, visited: { _, _ in }) { level, left, right in
            guard left.index >> 1 == index >> Int64(level + 1) else { return }
            hashes.append(index >> Int64(level) == left.index ? right.hash : left.hash)
        }
        return InclusionProof(hashes)
    }

    /// Those of these nodes that are known here: a leaf, given, or what follows from both.
    ///
    /// - Throws: as `root`.
    package func known(_ wanted: Set<TreeNode>, leaves: [LogLeaf]) throws(ProofError) -> [TreeNode: LogHash] {
        var known: [TreeNode: LogHash] = [:]
        let note: (Int, LogLeaf) -> Void = { level, node in
            let place = TreeNode(level: level, index: node.index)
            if wanted.contains(place) { known[place] = node.hash }
        }
        let top = try root(leaves: leaves, visited: note, joined: { _, _, _ in })
        note(TreeShape(size: size).height, LogLeaf(index: 0, hash: top))
        return known
    }

    /// The root of the tree's first `old` leaves, where it follows from what is known here; nil where it does not.
    ///
    /// - Throws: as `root`.
    package func root(ofFirst old: Int64, leaves: [LogLeaf]) throws(ProofError) -> LogHash? {
        guard (0...size).contains(old) else { throw .outside(index: old, size: size) }
        return try roots(ofFirst: [old], leaves: leaves)[old]
    }

    /// The same for many sizes at once; those beyond the tree are left out.
    ///
    /// - Throws: as `root`.
    package func roots(ofFirst sizes: Set<Int64>, leaves: [LogLeaf]) throws(ProofError) -> [Int64: LogHash] {
        let subtrees = sizes.filter { (0...size).contains($0) }.map { ($0, TreeShape(size: $0).wholeSubtrees) }
        let known = try known(Set(subtrees.flatMap(\.1)), leaves: leaves)
        var roots: [Int64: LogHash] = [:]
        for (old, parts) in subtrees {
            let hashes = parts.compactMap { known[$0] }
            if hashes.count == parts.count { roots[old] = LogHash.join(hashes) ?? .empty }
        }
        return roots
    }

    /// - Parameters:
    ///   - visited: called with each node and its level, those that go up without a sibling included, but not with the root.
    ///   - joined: called with each two nodes that become one, and their level.
    private func root(
        leaves: [LogLeaf], visited: (_ level: Int, _ node: LogLeaf) -> Void,
        joined: (_ level: Int, _ left: LogLeaf, _ right: LogLeaf) -> Void
    ) throws(ProofError) -> LogHash {
        guard size > 0 else {
            guard leaves.isEmpty, nodes.isEmpty else { throw .wrongLength }
            return .empty
        }
        let shape = TreeShape(size: size)
        var known = leaves
        var given = nodes[...]
        for level in 0...shape.height {
            let last = shape.width(ofLevel: level) - 1
            var parents: [LogLeaf] = []
            var own = known[...]
            while let (node, isGiven) = try Self.next(level: level, of: &own, and: &given) {
                guard node.index >= 0, node.index <= last, node.index >> 1 > parents.last?.index ?? -1 else {
                    throw .outside(index: node.index, size: size)
                }
                visited(level, node)
                if node.index == last, last & 1 == 0 {
                    // A last node without a sibling follows from what is below it, unless there is nothing below.
                    guard !isGiven || (last == 0 && leaves.isEmpty) else { throw .wrongLength }
                    parents.append(LogLeaf(index: node.index >> 1, hash: node.hash))
                    continue
                }
                guard node.index & 1 == 0, let (sibling, isSiblingGiven) = try Self.next(level: level, of: &own, and: &given),
                    sibling.index == node.index + 1, !(isGiven && isSiblingGiven)
                else { throw .wrongLength }
                visited(level, sibling)
                joined(level, node, sibling)
                parents.append(LogLeaf(index: node.index >> 1, hash: .node(node.hash, sibling.hash)))
            }
            known = parents
        }
        guard known.count == 1, given.isEmpty else { throw .wrongLength }
        return known[0].hash
    }

    /// The leftmost node of a level among those computed and those given.
    private static func next(
        level: Int, of own: inout ArraySlice<LogLeaf>, and given: inout ArraySlice<LogNode>
    ) throws(ProofError) -> (node: LogLeaf, isGiven: Bool)? {
        guard let node = given.first, node.place.level <= level else {
            return own.popFirst().map { ($0, false) }
        }
        guard node.place.level == level else { throw .wrongLength }
        if let first = own.first, first.index <= node.place.index {
            guard first.index < node.place.index else { throw .wrongLength }
            return (own.removeFirst(), false)
        }
        given.removeFirst()
        return (LogLeaf(index: node.place.index, hash: node.hash), true)
    }
}

/// `{"size":n,"nodes":[[level,index,"64 hexadecimal digits"],…]}`
extension LogNodes {
    package var json: JSONValue {
        [
            "size": .integer(size),
            "nodes": .array(
                nodes.map { [.integer(Int64($0.place.level)), .integer($0.place.index), .string($0.hash.digest.description)] }),
        ]
    }

    package init(json: JSONValue) throws(ProofError) {
        guard let members = json.object, members.count == 2, let size = json["size"]?.integer, size >= 0,
            let list = json["nodes"]?.array
        else { throw .malformed("the nodes are not an object of size and nodes") }
        var nodes: [LogNode] = []
        nodes.reserveCapacity(list.count)
        for item in list {
            guard let parts = item.array, parts.count == 3, let level = parts[0].integer, (0...63).contains(level),
                let index = parts[1].integer, index >= 0, let text = parts[2].string, let bytes = [UInt8](hexadecimal: text),
                let hash = LogHash(bytes: bytes)
            else { throw .malformed("node \(nodes.count) is not [level, index, hash]") }
            nodes.append(LogNode(place: TreeNode(level: Int(level), index: index), hash: hash))
        }
        self.init(size: size, nodes: nodes)
    }
}

/// Leaves that are in a log. Only verifying makes them.
package struct VerifiedLeaves: Hashable, Sendable {
    /// Ascending.
    package let leaves: [LogLeaf]
    package let checkpoint: VerifiedCheckpoint

    package init(_ leaves: [LogLeaf], nodes: LogNodes, in checkpoint: VerifiedCheckpoint) throws(ProofError) {
        guard nodes.size == checkpoint.size, try nodes.root(leaves: leaves) == checkpoint.root else { throw .wrongRoot }
        self.leaves = leaves
        self.checkpoint = checkpoint
    }
}
