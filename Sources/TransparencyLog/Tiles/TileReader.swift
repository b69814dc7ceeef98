/// Reads the nodes of one tree from tiles, and uses none before it follows from the tree's root.
///
/// The tiles at the right edge together make the root; every other tile is full, and the tile above holds its hash. Tiles are
/// kept once they are verified, at most `tilesMax` of them.
package actor TileReader {
    package let shape: TreeShape
    private let root: LogHash
    private let source: any TileSource
    private var tiles: [TilePath: Tile] = [:]

    /// 16 MiB of hashes.
    package static let tilesMax = 1_024
    /// Tiles asked for at once.
    package static let fetchesMax = 16
    /// Tiles used together in one step of a long reading.
    private static let stepTiles = 256

    package init(_ checkpoint: VerifiedCheckpoint, source: any TileSource) {
        self.init(size: checkpoint.size, root: checkpoint.root, source: source)
    }

    /// For a root that the caller trusts for another reason: the log's own, from its own store.
    package init(size: Int64, root: LogHash, source: any TileSource) {
        shape = TreeShape(size: size)
        self.root = root
        self.source = source
    }

    /// - Returns: a hash for each node, in their order.
    /// - Throws: `TileError`, or what the source throws.
    package func hashes(of nodes: [TreeNode]) async throws -> [LogHash] {
        var hashes: [LogHash] = []
        hashes.reserveCapacity(nodes.count)
        var step: [[TileSubtree]] = []
        var paths: Set<TilePath> = []
        for node in nodes {
            let parts = shape.wholeSubtrees(of: node).map { TileSubtree($0, size: shape.size) }
            step.append(parts)
            for part in parts { paths.insert(part.path) }
            if paths.count >= Self.stepTiles {
                hashes += try await read(step, from: paths)
                step = []
                paths = []
            }
        }
        return hashes + (try await read(step, from: paths))
    }

    private func read(_ nodes: [[TileSubtree]], from paths: Set<TilePath>) async throws -> [LogHash] {
        let tiles = try await verified(paths)
        return nodes.map { parts in
            LogHash.join(parts.map { tiles[$0.path]!.subtree(height: $0.height, index: $0.index) })!
        }
    }

    /// Everything at the right edge, by level; empty where the tree has no partial tile.
    func edge() async throws -> [[LogHash]] {
        let tiles = try await verified([])
        return (0..<TilePath.levels).map { level in
            edgePaths.first { $0.level == level }.map { Array(tiles[$0]!.hashes) } ?? []
        }
    }

    /// The entries of one bundle, each checked against its leaf. `index` counts bundles; the last may be partial.
    package func entries(ofBundle index: Int64) async throws -> [[UInt8]] {
        let width = index < 0 ? 0 : TilePath.width(level: 0, index: index, size: shape.size)
        guard width > 0 else { throw ProofError.outside(index: index, size: shape.width(ofLevel: 8)) }
        let leaves = TilePath(.hashes(level: 0), index: index, width: width)
        let path = TilePath(.entries, index: index, width: width)
        let tile = try await verified([leaves])[leaves]!
        let (found, bytes) = try await Self.fetch(path, from: source)
        let entries = try EntryBundle.entries(bytes, at: found).prefix(width).map { Array($0) }
        for (entry, leaf) in zip(entries, tile.hashes) where LogHash.leaf(entry) != leaf { throw TileError.corrupt(found) }
        return entries
    }

    // MARK: - Verifying

    /// The partial tiles, highest first, which is left to right in the tree.
    private var edgePaths: [TilePath] {
        (0..<TilePath.levels).reversed().compactMap { level in
            let index = shape.size >> Int64(8 * level + 8)
            let width = Int(shape.size >> Int64(8 * level) & 255)
            return width == 0 ? nil : TilePath(.hashes(level: level), index: index, width: width)
        }
    }

    /// The tile that holds the hash of a full tile.
    private func parent(of path: TilePath) -> TilePath {
        let index = path.index >> 8
        return TilePath(
            .hashes(level: path.level + 1), index: index,
            width: TilePath.width(level: path.level + 1, index: index, size: shape.size))
    }

    /// Reads and verifies these tiles, those above them, and the edge.
    ///
    /// - Returns: at least them. A copy: while this waits, another call may drop tiles from the cache.
    private func verified(_ paths: Set<TilePath>) async throws -> [TilePath: Tile] {
        if tiles.count > Self.tilesMax { tiles = tiles.filter { !$0.key.isFull } }
        var known = tiles
        let edge = edgePaths
        var missing = Set(edge.filter { known[$0] == nil })
        let hasEdge = missing.isEmpty
        for var path in paths {
            while path.isFull, known[path] == nil, missing.insert(path).inserted { path = parent(of: path) }
        }
        guard shape.size > 0 || root == .empty else { throw ProofError.wrongRoot }
        guard !missing.isEmpty else { return known }
        let fetched = try await fetch(missing)

        if !hasEdge {
            for path in edge { known[path] = try Tile(fetched[path]!.bytes, at: fetched[path]!.path, width: path.width) }
        }
        guard hasEdge || LogHash.join(edge.flatMap { known[$0]!.subtrees }) == root else {
            throw edge.count == 1 ? TileError.corrupt(edge[0]) : TileError.corruptEdge(edge)
        }
        for path in missing.sorted(by: { $0.level > $1.level }) where path.isFull {
            let tile = try Tile(fetched[path]!.bytes, at: path, width: path.width)
            guard known[parent(of: path)]!.subtree(height: 0, index: Int(path.index & 255)) == tile.root else {
                throw TileError.corrupt(path)
            }
            known[path] = tile
        }
        for path in missing { tiles[path] = known[path] }
        return known
    }

    private func fetch(_ paths: Set<TilePath>) async throws -> [TilePath: (path: TilePath, bytes: [UInt8])] {
        let source = source
        return try await withThrowingTaskGroup(of: (TilePath, TilePath, [UInt8]).self) { group in
            var fetched: [TilePath: (path: TilePath, bytes: [UInt8])] = [:]
            var rest = paths.makeIterator()
            func start() {
                guard let path = rest.next() else { return }
                group.addTask {
                    let (found, bytes) = try await Self.fetch(path, from: source)
                    return (path, found, bytes)
                }
            }
            for _ in 0..<Self.fetchesMax { start() }
            while let (path, found, bytes) = try await group.next() {
                fetched[path] = (found, bytes)
                start()
            }
            return fetched
        }
    }

    /// A partial tile may be gone once the full one is there, whose beginning is the same.
    private static func fetch(_ path: TilePath, from source: any TileSource) async throws -> (path: TilePath, bytes: [UInt8]) {
        do { return (path, try await source.tile(path)) } catch {
            guard !path.isFull, !(error is CancellationError), let bytes = try? await source.tile(path.full) else { throw error }
            return (path.full, bytes)
        }
    }
}

/// Where in which tile a whole subtree stands.
private struct TileSubtree {
    let path: TilePath
    let height: Int
    let index: Int

    init(_ node: TreeNode, size: Int64) {
        let level = node.level / 8
        height = node.level % 8
        let tile = node.index >> Int64(8 - height)
        index = Int(node.index & (1 << Int64(8 - height) - 1))
        path = TilePath(.hashes(level: level), index: tile, width: TilePath.width(level: level, index: tile, size: size))
    }
}
