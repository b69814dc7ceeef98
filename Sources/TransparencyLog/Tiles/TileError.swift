/// Why tiles of a log are not used.
package enum TileError: Error, Hashable, Sendable {
    /// Not as long as a tile of this name is, or an entry bundle that does not come out even.
    case malformed(TilePath)
    /// Not what the tile above it, or the checkpoint, says it is.
    case corrupt(TilePath)
    /// The tiles at the right edge, which only together make the checkpoint's root, do not.
    case corruptEdge([TilePath])

    package var code: String {
        switch self {
        case .malformed: "log.tile.malformed"
        case .corrupt: "log.tile.corrupt"
        case .corruptEdge: "log.tile.corrupt_edge"
        }
    }

    /// The tiles to look at.
    package var paths: [TilePath] {
        switch self {
        case .malformed(let path), .corrupt(let path): [path]
        case .corruptEdge(let paths): paths
        }
    }

    package var message: String {
        switch self {
        case .malformed(let path): "\(path) was not used: it has not the length of a tile of its name. Restore it from a replica."
        case .corrupt(let path): "\(path) was not used: it is not the tile that the checkpoint commits to. Restore it from a replica."
        case .corruptEdge(let paths):
            "\(paths.map(\.description).joined(separator: ", ")) were not used: at least one is not what the checkpoint commits to."
                + " Restore them from a replica."
        }
    }
}
