import Glibc
import TransparencyLog

/// A transparency log as files: `checkpoint` and `tile/…`, as its web server has them or a mirror fetched them.
struct LogDirectory: TileSource {
    let path: String

    struct Unreadable: Error {
        let path: String
        let number: Int32

        var message: String { "\(path) cannot be read: \(String(cString: strerror(number)))" }
    }

    func tile(_ tile: TilePath) async throws -> [UInt8] {
        let bytesMax = tile.kind == .entries ? tile.width * (EntryBundle.entryBytesMax + 2) : tile.width * LogHash.byteCount
        return try Self.read("\(path)/\(tile)", bytesMax: bytesMax)
    }

    /// - Throws: `Unreadable`, with `EFBIG` for a longer file.
    static func read(_ path: String, bytesMax: Int) throws(Unreadable) -> [UInt8] {
        // O_NONBLOCK: a FIFO in the file's place must not hold this up.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Unreadable(path: path, number: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Unreadable(path: path, number: errno) }
            guard count > 0 else { return bytes }
            guard bytes.count + count <= bytesMax else { throw Unreadable(path: path, number: EFBIG) }
            bytes += chunk[..<count]
        }
    }
}
