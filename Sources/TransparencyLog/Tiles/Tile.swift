/// 1 to 256 hashes side by side, and the whole subtrees above them.
struct Tile: Sendable {
    /// The hashes, then their parents, and so on: level r has `width >> r`.
    private let nodes: [LogHash]
    let width: Int

    init(hashes: [LogHash]) {
        width = hashes.count
        nodes = [LogHash](unsafeUninitializedCapacity: 2 * hashes.count) { buffer, count in
            for (index, hash) in hashes.enumerated() { buffer.initializeElement(at: index, to: hash) }
            count = Self.addParents(to: buffer.baseAddress!, width: hashes.count)
        }
    }

    /// - Parameter bytes: of a tile at least as wide as `path` says; what is beyond is left out.
    /// - Throws: when they are not as many as the path of a tile this wide has.
    init(_ bytes: [UInt8], at path: TilePath, width: Int) throws(TileError) {
        guard bytes.count == path.width * LogHash.byteCount, width <= path.width else { throw .malformed(path) }
        self.init(
            hashes: [LogHash](unsafeUninitializedCapacity: width) { buffer, count in
                bytes.withUnsafeBytes {
                    UnsafeMutableRawBufferPointer(buffer).copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<(width * 32)]))
                }
                count = width
            })
    }

    /// Writes behind `width` hashes the whole subtrees above them.
    /// - Returns: how many there are then in all. The last is the root of the tile if `width` is 256.
    static func addParents(to nodes: UnsafeMutablePointer<LogHash>, width: Int) -> Int {
        var level = nodes
        var levelWidth = width
        while levelWidth > 1 {
            let parents = level + levelWidth
            for index in 0..<(levelWidth / 2) { (parents + index).initialize(to: .node(pair: level + 2 * index)) }
            level = parents
            levelWidth /= 2
        }
        return level - nodes + levelWidth
    }

    /// The subtree of 2^`height` hashes, counted in such subtrees; `height` 0...8.
    func subtree(height: Int, index: Int) -> LogHash {
        var offset = 0
        for level in 0..<height { offset += width >> level }
        precondition(index < width >> height, "subtree \(index) of height \(height) in a tile of \(width)")
        return nodes[offset + index]
    }

    /// Of a full tile: what the level above says of it.
    var root: LogHash { subtree(height: 8, index: 0) }

    /// The whole subtrees that it consists of, left to right.
    var subtrees: [LogHash] {
        var start = 0
        var found: [LogHash] = []
        for height in stride(from: 8, through: 0, by: -1) where width >> height & 1 == 1 {
            found.append(subtree(height: height, index: start >> height))
            start += 1 << height
        }
        return found
    }

    var hashes: ArraySlice<LogHash> { nodes[..<width] }
}

extension Collection<LogHash> {
    /// As a tile holds them.
    var tileBytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count * LogHash.byteCount)
        for hash in self { Swift.withUnsafeBytes(of: hash) { bytes.append(contentsOf: $0) } }
        return bytes
    }
}
