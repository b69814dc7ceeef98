extension TileReader {
    /// That leaf `index` is in this tree.
    package func inclusionProof(of index: Int64) async throws -> InclusionProof {
        guard index >= 0, index < shape.size else { throw ProofError.outside(index: index, size: shape.size) }
        return InclusionProof(try await hashes(of: shape.inclusion(of: index)))
    }

    /// That this tree continues its own first `old` leaves.
    package func consistencyProof(from old: Int64) async throws -> ConsistencyProof {
        guard old >= 0, old <= shape.size else { throw ProofError.outside(index: old, size: shape.size) }
        return ConsistencyProof(try await hashes(of: shape.consistency(from: old)))
    }

    /// The root of the tree of the first `old` leaves.
    package func root(ofFirst old: Int64) async throws -> LogHash {
        guard old >= 0, old <= shape.size else { throw ProofError.outside(index: old, size: shape.size) }
        return LogHash.join(try await hashes(of: TreeShape(size: old).wholeSubtrees)) ?? .empty
    }

    /// The leaves' hashes, in order.
    package func leaves(_ range: Range<Int64>) async throws -> [LogHash] {
        guard range.lowerBound >= 0, range.upperBound <= shape.size else {
            throw ProofError.outside(index: range.upperBound, size: shape.size)
        }
        return try await hashes(of: range.map { TreeNode(level: 0, index: $0) })
    }

    /// Single leaves.
    package func leaves(at indices: [Int64]) async throws -> [LogLeaf] {
        for index in indices where !(0..<shape.size).contains(index) { throw ProofError.outside(index: index, size: shape.size) }
        return zip(indices, try await hashes(of: indices.map { TreeNode(level: 0, index: $0) })).map { LogLeaf(index: $0, hash: $1) }
    }

    /// The least set of nodes from which, with these leaves, the root follows.
    ///
    /// - Parameter leaves: ascending, none twice.
    package func nodes(for leaves: [Int64]) async throws -> LogNodes {
        let needed = try LogNodes.needed(for: leaves, size: shape.size)
        return LogNodes(size: shape.size, nodes: zip(needed, try await hashes(of: needed)).map { LogNode(place: $0, hash: $1) })
    }
}
