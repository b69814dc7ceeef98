import Model
import Seal
import Synchronization
import TransparencyLog

/// Tiles in memory, as a directory would hold them.
final class MemoryTiles: TileSource {
    struct Missing: Error, Equatable { let path: TilePath }

    private let state = Mutex<(tiles: [TilePath: [UInt8]], reads: Int)>(([:], 0))

    init(_ resources: [LogResource] = []) { write(resources) }

    func write(_ resources: [LogResource]) {
        state.withLock { for resource in resources { $0.tiles[resource.path] = resource.bytes } }
    }

    subscript(path: TilePath) -> [UInt8]? {
        get { state.withLock { $0.tiles[path] } }
        set { state.withLock { $0.tiles[path] = newValue } }
    }

    var paths: [TilePath] { state.withLock { Array($0.tiles.keys) } }
    var reads: Int { state.withLock { $0.reads } }

    func tile(_ path: TilePath) async throws -> [UInt8] {
        let bytes = state.withLock {
            $0.reads += 1
            return $0.tiles[path]
        }
        guard let bytes else { throw Missing(path: path) }
        return bytes
    }
}

extension LogEntry {
    /// Different for every number.
    static func numbered(_ number: Int) -> LogEntry {
        LogEntry(document: Digest(of: Array("document \(number)".utf8)), signerDigest: Digest(of: Array("key \(number % 3)".utf8)))
    }
}

/// A log of numbered entries, written in one batch.
struct SampleLog {
    let tiles: MemoryTiles
    let batch: LogBatch

    init(size: Int) {
        var builder = LogBuilder()
        self.init(builder.batch((0..<size).map(LogEntry.numbered)))
    }

    private init(_ batch: LogBatch) {
        self.batch = batch
        tiles = MemoryTiles(batch.resources)
    }

    var reader: TileReader { TileReader(size: batch.size, root: batch.root, source: tiles) }

    /// 70,000 entries, three levels of tiles: what C2SP tlog-tiles has for an example. Made once, with tiles of its own each time.
    static var large: SampleLog { SampleLog(grown.batch) }

    /// Its root when it had `size` entries, one of `largeSizes`.
    static func largeRoot(_ size: Int) -> LogHash { grown.roots[size]! }

    static let largeSizes = [0, 1, 255, 256, 65_535, 65_536, 65_537, 69_999, 70_000]

    private static let grown: (batch: LogBatch, roots: [Int: LogHash]) = {
        var builder = LogBuilder()
        var roots: [Int: LogHash] = [:]
        var size = 0
        for next in largeSizes {
            while size < next {
                builder.append(.numbered(size))
                size += 1
            }
            roots[next] = builder.root
        }
        return (builder.takeBatch(), roots)
    }()
}
