/// Where a log's tiles are read from: a directory, an object store, a server. What it gives is not trusted: `TileReader` and
/// `LogFrontier` verify it.
package protocol TileSource: Sendable {
    /// - Returns: the resource's bytes, uncompressed.
    /// - Throws: also when there is no such tile. For a partial tile the full one in its place is asked for next.
    func tile(_ path: TilePath) async throws -> [UInt8]
}
