/// The right edge of a log: all that is needed to append to it.
package struct LogFrontier: Hashable, Sendable {
    package let size: Int64
    /// The hashes of the partial tile of each level; empty where there is none.
    let levels: [[LogHash]]
    /// The partial entry bundle; empty where there is none.
    let bundle: [UInt8]

    package static let empty = LogFrontier(size: 0, levels: [[LogHash]](repeating: [], count: TilePath.levels), bundle: [])

    /// Reads the edge of the tree with this root, and verifies it.
    ///
    /// - Throws: `TileError`, or what the source throws.
    package static func read(size: Int64, root: LogHash, from source: any TileSource) async throws -> LogFrontier {
        let reader = TileReader(size: size, root: root, source: source)
        let levels = try await reader.edge()
        var bundle: [UInt8] = []
        if !levels[0].isEmpty {
            for entry in try await reader.entries(ofBundle: size >> 8) { EntryBundle.append(entry, to: &bundle) }
        }
        return LogFrontier(size: size, levels: levels, bundle: bundle)
    }
}
