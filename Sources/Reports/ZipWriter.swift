import Glibc
import Model
import Seal

/// Writes a kit's ZIP, entry by entry, into a file that appears whole or not at all.
final class ZipWriter {
    private let path: String
    private let temporary: String
    private let descriptor: Int32
    private var entries: [ZipFormat.Entry] = []
    private var offset = 0
    private var digest = DigestStream()
    private var isFinished = false

    init(path: String) throws(KitWriteError) {
        self.path = path
        var template = Array("\(path).XXXXXX".utf8CString)
        descriptor = mkstemp(&template)
        temporary = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard descriptor >= 0 else { throw .system("create", errno) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    deinit {
        close(descriptor)
        if !isFinished { unlink(temporary) }
    }

    /// - Precondition: names come in ascending order of their bytes.
    func add(_ name: String, _ bytes: [UInt8]) throws(KitWriteError) {
        precondition(ZipFormat.isSafe(name.utf8), "an unsafe name in a kit: \(name)")
        precondition(entries.last.map { $0.name.utf8.lexicographicallyPrecedes(name.utf8) } ?? true, "names in a kit must ascend: \(name)")
        guard entries.count < ZipFormat.entriesMax, bytes.count <= ZipFormat.entryBytesMax,
            offset + bytes.count + 1_000 <= ZipFormat.bytesMax
        else { throw .tooLarge }
        let entry = ZipFormat.Entry(name: name, size: bytes.count, checksum: ZipFormat.checksum(bytes), offset: offset)
        try write(entry.localHeader)
        try write(bytes)
        entries.append(entry)
    }

    /// On return the file is on disk under its name.
    /// - Returns: its SHA-256.
    func finish() throws(KitWriteError) -> Digest {
        let directoryOffset = offset
        for entry in entries { try write(entry.centralHeader) }
        guard offset <= ZipFormat.bytesMax else { throw .tooLarge }
        try write(ZipFormat.end(entries: entries.count, directorySize: offset - directoryOffset, directoryOffset: directoryOffset))
        guard fchmod(descriptor, 0o644) == 0, fsync(descriptor) == 0 else { throw .system("fsync", errno) }
        guard rename(temporary, path) == 0 else { throw .system("rename", errno) }
        isFinished = true
        return digest.finish()
    }

    private func write(_ bytes: [UInt8]) throws(KitWriteError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + written, $0.count - written) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system("write", errno) }
            written += count
        }
        offset += bytes.count
        digest.update(bytes)
    }
}
