import Glibc

/// The one form of ZIP that a kit has (PKWARE APPNOTE 4.3, every choice made): entries stored, sorted by name, without
/// extra fields, comments or gaps, dated 1980-01-01. The same content has the same bytes, any tool can unpack it, and a reader
/// that accepts nothing else cannot be shown one archive while another tool shows a different one; nor can a stored entry
/// grow when it is read.
enum ZipFormat {
    static let entriesMax = 65_534
    static let entryBytesMax = 32 << 20
    static let bytesMax = Int(UInt32.max)
    static let nameBytesMax = 200
    static let localSize = 30
    static let centralSize = 46
    static let endSize = 22

    struct Entry {
        let name: String
        let size: Int
        let checksum: UInt32
        /// Of the local header.
        let offset: Int

        var dataOffset: Int { offset + localSize + name.utf8.count }
        var end: Int { dataOffset + size }

        var localHeader: [UInt8] {
            var bytes: [UInt8] = [0x50, 0x4b, 0x03, 0x04]
            appendShared(to: &bytes)
            return bytes + Array(name.utf8)
        }

        var centralHeader: [UInt8] {
            // Made by version 2.0 on Unix, so that the permissions below are understood.
            var bytes: [UInt8] = [0x50, 0x4b, 0x01, 0x02, 20, 3]
            appendShared(to: &bytes)
            bytes.append(contentsOf: [0, 0, 0, 0, 0, 0])
            // A regular file, rw-r--r--.
            bytes.appendLittle(0o100644 << 16)
            bytes.appendLittle(UInt32(offset))
            return bytes + Array(name.utf8)
        }

        /// Version needed to the lengths: the same in both headers.
        private func appendShared(to bytes: inout [UInt8]) {
            bytes.append(contentsOf: [20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0])
            bytes.appendLittle(checksum)
            bytes.appendLittle(UInt32(size))
            bytes.appendLittle(UInt32(size))
            bytes.appendLittle16(UInt16(name.utf8.count))
            bytes.appendLittle16(0)
        }
    }

    static func end(entries: Int, directorySize: Int, directoryOffset: Int) -> [UInt8] {
        var bytes: [UInt8] = [0x50, 0x4b, 0x05, 0x06, 0, 0, 0, 0]
        bytes.appendLittle16(UInt16(entries))
        bytes.appendLittle16(UInt16(entries))
        bytes.appendLittle(UInt32(directorySize))
        bytes.appendLittle(UInt32(directoryOffset))
        bytes.appendLittle16(0)
        return bytes
    }

    /// Segments of `A-Z a-z 0-9 . _ -` between single slashes, none of them `.` or `..`.
    static func isSafe(_ name: some Collection<UInt8>) -> Bool {
        guard (1...nameBytesMax).contains(name.count) else { return false }
        return name.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { segment in
            guard !segment.isEmpty, !segment.allSatisfy({ $0 == UInt8(ascii: ".") }) else { return false }
            return segment.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 46 || $0 == 95
            }
        }
    }
}

/// Writes a kit's ZIP, entry by entry, into a file that appears whole or not at all.
final class ZipWriter {
    private let path: String
    private let temporary: String
    private let descriptor: Int32
    private var entries: [ZipFormat.Entry] = []
    private var offset = 0
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
        let entry = ZipFormat.Entry(name: name, size: bytes.count, checksum: checksum(bytes), offset: offset)
        try write(entry.localHeader)
        try write(bytes)
        entries.append(entry)
    }

    /// On return the file is on disk under its name.
    func finish() throws(KitWriteError) {
        let directoryOffset = offset
        for entry in entries { try write(entry.centralHeader) }
        guard offset <= ZipFormat.bytesMax else { throw .tooLarge }
        try write(ZipFormat.end(entries: entries.count, directorySize: offset - directoryOffset, directoryOffset: directoryOffset))
        guard fchmod(descriptor, 0o644) == 0, fsync(descriptor) == 0 else { throw .system("fsync", errno) }
        guard rename(temporary, path) == 0 else { throw .system("rename", errno) }
        isFinished = true
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
    }
}

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

/// CRC-32 of IEEE 802.3, which unpackers check; our verifier relies on SHA-256 and signatures instead.
private func checksum(_ bytes: [UInt8]) -> UInt32 {
    var value = UInt32.max
    for byte in bytes { value = checksumTable[Int(UInt8(truncatingIfNeeded: value) ^ byte)] ^ (value >> 8) }
    return ~value
}

private let checksumTable: [UInt32] = (0..<256).map { start in
    (0..<8).reduce(UInt32(start)) { value, _ in value & 1 == 1 ? 0xedb8_8320 ^ (value >> 1) : value >> 1 }
}

extension [UInt8] {
    fileprivate mutating func appendLittle(_ value: UInt32) {
        for shift in stride(from: 0, to: 32, by: 8) { append(UInt8(truncatingIfNeeded: value >> UInt32(shift))) }
    }

    fileprivate mutating func appendLittle16(_ value: UInt16) {
        append(UInt8(truncatingIfNeeded: value))
        append(UInt8(truncatingIfNeeded: value >> 8))
    }

    fileprivate func little(at index: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(self[index + $1]) << UInt32(8 * $1) } }
    fileprivate func little16(at index: Int) -> UInt16 { UInt16(self[index]) | UInt16(self[index + 1]) << 8 }
}
