import Glibc

/// Reads a kit's ZIP by position; holds its directory, never its content.
final class ZipReader: Sendable {
    let entries: [ZipFormat.Entry]
    private let descriptor: Int32

    init(path: String) throws(KitRefusal) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(String(cString: strerror(errno))) }
        do throws(KitRefusal) {
            entries = try Self.directory(descriptor)
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    func read(_ entry: ZipFormat.Entry) throws(KitRefusal) -> [UInt8] {
        try Self.read(descriptor, at: entry.dataOffset, count: entry.size)
    }

    /// For bytes that are as the manifest lists them: programs that unpack a ZIP refuse it otherwise.
    func requireChecksum(_ entry: ZipFormat.Entry, _ bytes: [UInt8]) throws(KitRefusal) {
        guard ZipFormat.checksum(bytes) == entry.checksum else { throw .zipMalformed }
    }

    /// The directory at the end and the header before each entry must say the same, byte for byte, and leave no gap.
    private static func directory(_ descriptor: Int32) throws(KitRefusal) -> [ZipFormat.Entry] {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw .unreadable("not a regular file") }
        let size = Int(status.st_size)
        guard size >= ZipFormat.endSize else { throw .zipMalformed }
        guard size <= ZipFormat.bytesMax + ZipFormat.endSize else { throw .tooLarge }
        let end = try read(descriptor, at: size - ZipFormat.endSize, count: ZipFormat.endSize)
        let count = Int(end.little16(at: 10))
        let directorySize = Int(end.little(at: 12))
        let directoryOffset = Int(end.little(at: 16))
        guard end == ZipFormat.end(entries: count, directorySize: directorySize, directoryOffset: directoryOffset),
            directoryOffset + directorySize + ZipFormat.endSize == size,
            directorySize <= count * (ZipFormat.centralSize + ZipFormat.nameBytesMax)
        else { throw .zipMalformed }
        guard count <= ZipFormat.entriesMax else { throw .tooLarge }

        let directory = try read(descriptor, at: directoryOffset, count: directorySize)
        var entries: [ZipFormat.Entry] = []
        entries.reserveCapacity(count)
        var position = 0
        var offset = 0
        for _ in 0..<count {
            guard position + ZipFormat.centralSize <= directory.count else { throw .zipMalformed }
            let nameStart = position + ZipFormat.centralSize
            let nameEnd = nameStart + Int(directory.little16(at: position + 28))
            guard nameEnd <= directory.count else { throw .zipMalformed }
            guard ZipFormat.isSafe(directory[nameStart..<nameEnd]) else { throw .unsafeName }
            let entry = ZipFormat.Entry(
                name: String(decoding: directory[nameStart..<nameEnd], as: UTF8.self), size: Int(directory.little(at: position + 24)),
                checksum: directory.little(at: position + 16), offset: offset)
            guard directory[position..<nameEnd].elementsEqual(entry.centralHeader) else { throw .zipMalformed }
            guard entry.size <= ZipFormat.entryBytesMax else { throw .tooLarge }
            guard entry.end <= directoryOffset else { throw .zipMalformed }
            guard try read(descriptor, at: offset, count: ZipFormat.localSize + entry.name.utf8.count) == entry.localHeader else {
                throw .zipMalformed
            }
            if let last = entries.last, !last.name.utf8.lexicographicallyPrecedes(entry.name.utf8) {
                throw last.name == entry.name ? .duplicateEntry : .zipMalformed
            }
            entries.append(entry)
            position = nameEnd
            offset = entry.end
        }
        guard position == directory.count, offset == directoryOffset else { throw .zipMalformed }
        return entries
    }

    private static func read(_ descriptor: Int32, at offset: Int, count: Int) throws(KitRefusal) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress! + filled, count - filled, off_t(offset + filled)) }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { throw .unreadable(got < 0 ? String(cString: strerror(errno)) : "it became shorter while it was read") }
            filled += got
        }
        return bytes
    }
}

extension [UInt8] {
    fileprivate func little(at index: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(self[index + $1]) << UInt32(8 * $1) } }
    fileprivate func little16(at index: Int) -> UInt16 { UInt16(self[index]) | UInt16(self[index + 1]) << 8 }
}
