import Glibc

/// Files that only this process's user may read: private keys and other secrets.
package enum PrivateFile {
    /// Creates `path` with mode 0600 and this content, whole or not at all; on return it and its name are on disk.
    ///
    /// - Throws: `.exists` when there is anything at `path`; a key is never overwritten by making it again.
    package static func create(_ path: String, _ bytes: [UInt8]) throws(PrivateFileError) {
        let temporary = try writeTemporary(beside: path, bytes)
        defer { unlink(temporary) }
        // A link, unlike a rename, fails when the name is taken.
        guard link(temporary, path) == 0 else { throw errno == EEXIST ? .exists(path) : .system(path, "link", errno) }
        try syncDirectory(of: path)
    }

    /// As `create`, but takes the place of what is there, in one step.
    package static func replace(_ path: String, _ bytes: [UInt8]) throws(PrivateFileError) {
        let temporary = try writeTemporary(beside: path, bytes)
        guard rename(temporary, path) == 0 else {
            let number = errno
            unlink(temporary)
            throw .system(path, "rename", number)
        }
        try syncDirectory(of: path)
    }

    /// Reads a file that is safe to trust: regular, not a symbolic link, owned by this process's user, and open to nobody
    /// else (mode 0600 or 0400).
    package static func read(_ path: String, size: ClosedRange<Int>) throws(PrivateFileError) -> [UInt8] {
        // O_NONBLOCK: a FIFO in the file's place must not hold up the start for ever.
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            switch errno {
            case ENOENT: throw .missing(path)
            case ELOOP: throw .notRegular(path)
            case let number: throw .system(path, "open", number)
            }
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(path, "fstat", errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular(path) }
        guard status.st_uid == geteuid() else { throw .owner(path, found: status.st_uid, expected: geteuid()) }
        let mode = status.st_mode & 0o7777
        guard mode & ~0o600 == 0 else { throw .mode(path, found: mode) }
        guard size.contains(Int(status.st_size)) else { throw .size(path, found: Int(status.st_size)) }

        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + filled, $0.count - filled) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .size(path, found: filled) }
            filled += count
        }
        return bytes
    }

    private static func writeTemporary(beside path: String, _ bytes: [UInt8]) throws(PrivateFileError) -> String {
        var template = Array("\(path).XXXXXX".utf8CString)
        // Mode 0600 from the first moment, whatever the umask.
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw .system(path, "create", errno) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        let temporary = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + written, $0.count - written) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let number = errno
                unlink(temporary)
                throw .system(path, "write", number)
            }
            written += count
        }
        guard fsync(descriptor) == 0 else {
            let number = errno
            unlink(temporary)
            throw .system(path, "fsync", number)
        }
        return temporary
    }

    /// Without this a power cut could take back the name of a file whose content is safe.
    private static func syncDirectory(of path: String) throws(PrivateFileError) {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(directory, "open", errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .system(directory, "fsync", errno) }
    }
}

extension SigningKey {
    /// Makes a key and its file (32 raw bytes, 0600, durable on return); refuses when the file exists.
    package static func create(at path: String) throws(PrivateFileError) -> SigningKey {
        let key = SigningKey()
        try PrivateFile.create(path, key.seed)
        return key
    }

    package init(contentsOf path: String) throws(PrivateFileError) {
        let seed = try PrivateFile.read(path, size: 32...32)
        self.init(seed: seed)!
    }
}

/// Why a private file was not read or written. Start-up stops on any of them.
package enum PrivateFileError: Error, Hashable, Sendable {
    case missing(String)
    case exists(String)
    case mode(String, found: UInt32)
    case owner(String, found: UInt32, expected: UInt32)
    case size(String, found: Int)
    case notRegular(String)
    /// A system call failed with this `errno`.
    case system(String, String, Int32)

    package var code: String {
        switch self {
        case .missing: "key.missing"
        case .exists: "key.exists"
        case .mode: "key.mode"
        case .owner: "key.owner"
        case .size: "key.size"
        case .notRegular: "key.not_regular"
        case .system: "key.system"
        }
    }

    package var message: String {
        switch self {
        case .missing(let path): "\(path) does not exist; nothing was started. Enrol first, or correct the path."
        case .exists(let path): "\(path) exists already; nothing was written. Move it away if a new one is really wanted."
        case .mode(let path, let found): "\(path) has mode \(String(found, radix: 8)); it was not read. Run: chmod 600 \(path)"
        case .owner(let path, let found, let expected):
            "\(path) belongs to user \(found), not \(expected); it was not read. Run: chown \(expected) \(path)"
        case .size(let path, let found):
            "\(path) holds \(found) bytes, which is no such file; it was not used. Restore it from a backup, or enrol again."
        case .notRegular(let path): "\(path) is a link or no regular file; it was not read. Put the file itself there."
        case .system(let path, let call, let number): "\(path): \(call) failed (\(String(cString: strerror(number)))); nothing was changed."
        }
    }
}
