/// A tile or an entry bundle to be written.
package struct LogResource: Hashable, Sendable {
    package let path: TilePath
    package let bytes: [UInt8]
}

/// What is to be written, all of it, before a checkpoint of this size and root is signed. Its order does not matter, and
/// writing it again does no harm: the same leaves give the same bytes, however they were batched.
package struct LogBatch: Hashable, Sendable {
    package let size: Int64
    package let root: LogHash
    package let resources: [LogResource]
}

/// Grows a log: entries in, tiles and entry bundles out. A value without a clock or a store.
package struct LogBuilder: Sendable {
    package private(set) var size: Int64
    private var levels: [[LogHash]]
    private var bundle: [UInt8]
    /// Levels whose partial tile is other than when the last batch was taken.
    private var changed = [Bool](repeating: false, count: TilePath.levels)
    private var full: [LogResource] = []

    /// - Parameter frontier: where the log ends. Its tiles must be stored: those that stay as they are do not come again.
    package init(_ frontier: LogFrontier = .empty) {
        size = frontier.size
        levels = frontier.levels
        bundle = frontier.bundle
    }

    package mutating func append(_ entry: LogEntry) {
        withUnsafeBytes(of: entry) { append($0) }
    }

    /// - Parameter entry: at most `EntryBundle.entryBytesMax` bytes.
    package mutating func append(_ entry: [UInt8]) {
        entry.withUnsafeBytes { append($0) }
    }

    private mutating func append(_ entry: UnsafeRawBufferPointer) {
        EntryBundle.append(entry, to: &bundle)
        size += 1
        if size & 255 == 0 {
            full.append(LogResource(path: TilePath(.entries, index: size >> 8 - 1), bytes: bundle))
            bundle.removeAll(keepingCapacity: true)
        }
        append(.leaf(entry), level: 0)
    }

    private mutating func append(_ hash: LogHash, level: Int) {
        levels[level].append(hash)
        changed[level] = true
        guard levels[level].count == TilePath.fullWidth else { return }
        let path = TilePath(.hashes(level: level), index: size >> Int64(8 * (level + 1)) - 1)
        full.append(LogResource(path: path, bytes: levels[level].tileBytes))
        let root = Tile(hashes: levels[level]).root
        levels[level].removeAll(keepingCapacity: true)
        append(root, level: level + 1)
    }

    /// The RFC 6962 Merkle tree hash of all entries. Costs up to 255 hashes a level.
    package var root: LogHash {
        LogHash.join(levels.reversed().flatMap { Tile(hashes: $0).subtrees }) ?? .empty
    }

    /// The full tiles and bundles since they were last taken, so that a long run of entries need not be held in memory.
    package mutating func takeFull() -> [LogResource] {
        defer { full = [] }
        return full
    }

    /// All that changed since the last batch: full tiles and bundles, and the partial ones of this size.
    package mutating func takeBatch() -> LogBatch {
        var resources = takeFull()
        if changed[0], !bundle.isEmpty {
            resources.append(LogResource(path: TilePath(.entries, index: size >> 8, width: levels[0].count), bytes: bundle))
        }
        for level in levels.indices where changed[level] && !levels[level].isEmpty {
            let path = TilePath(.hashes(level: level), index: size >> Int64(8 * level + 8), width: levels[level].count)
            resources.append(LogResource(path: path, bytes: levels[level].tileBytes))
        }
        changed = [Bool](repeating: false, count: TilePath.levels)
        return LogBatch(size: size, root: root, resources: resources)
    }

    /// Appends these, and takes the batch.
    package mutating func batch(_ entries: some Sequence<LogEntry>) -> LogBatch {
        for entry in entries { append(entry) }
        return takeBatch()
    }
}
