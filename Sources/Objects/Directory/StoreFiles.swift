import Glibc

/// The system calls of the directory store, each with its error. Files are 0400 and appear whole, by rename or link.
struct StoreFiles: Sendable {
    let root: String

    /// A directory that only its owner may write; made (0700) where it is missing.
    func prepare(_ names: [String]) throws(ObjectError) {
        var changed: Set<String> = []
        for path in [root] + names.map({ "\(root)/\($0)" }) {
            if mkdir(path, 0o700) == 0 {
                changed.insert(Self.parent(of: path))
            } else if errno != EEXIST {
                throw failure(path, "mkdir")
            }
        }
        var status = stat()
        guard stat(root, &status) == 0 else { throw failure(root, "stat") }
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
            throw .directoryUnsafe(root)
        }
        try sync(directories: changed)
    }

    /// Writers of all processes, one after the other.
    func locked<Result>(_ body: () throws(ObjectError) -> Result) throws(ObjectError) -> Result {
        let path = "\(root)/lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure(path, "open") }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { throw failure(path, "flock") }
        }
        return try body()
    }

    /// A new file under `temporary/`.
    /// - Parameter isSynced: on disk on return; otherwise `syncAll` must follow.
    func writeTemporary(_ bytes: [UInt8], isSynced: Bool) throws(ObjectError) -> String {
        var template = Array("\(root)/temporary/XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw failure("\(root)/temporary", "create") }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        defer { close(descriptor) }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        do throws(ObjectError) {
            var written = 0
            while written < bytes.count {
                let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + written, $0.count - written) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw failure(path, "write") }
                written += count
            }
            guard fchmod(descriptor, 0o400) == 0 else { throw failure(path, "fchmod") }
            if isSynced, fsync(descriptor) != 0 { throw failure(path, "fsync") }
        } catch {
            unlink(path)
            throw error
        }
        return path
    }

    /// nil where there is none.
    func read(_ path: String, bytesMax: Int) throws(FileFault) -> [UInt8]? {
        // O_NONBLOCK: a FIFO in the file's place must not hold up the reader for ever.
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw .failed(failure(path, "open"))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .failed(failure(path, "stat")) }
        // A directory of that name: a longer key lies below this one.
        if status.st_mode & S_IFMT == S_IFDIR { return nil }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .failed(.disk(path, call: "open", EINVAL)) }
        guard status.st_size <= bytesMax else { throw .tooLarge }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + filled, $0.count - filled) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .failed(failure(path, "read")) }
            if count == 0 { break }
            filled += count
        }
        bytes.removeLast(bytes.count - filled)
        return bytes
    }

    enum FileFault: Error {
        case tooLarge
        case failed(ObjectError)
    }

    /// Makes the directories above `path`; adds to `changed` each that got a new name in it.
    func makeParents(of path: String, changed: inout Set<String>, key: ObjectKey) throws(ObjectError) {
        let parent = Self.parent(of: path)
        changed.insert(parent)
        if mkdir(parent, 0o700) == 0 {
            changed.insert(Self.parent(of: parent))
            return
        }
        switch errno {
        case EEXIST: return
        case ENOTDIR: throw .keyConflict(key)
        case ENOENT:
            try makeParents(of: parent, changed: &changed, key: key)
            guard mkdir(parent, 0o700) == 0 || errno == EEXIST else { throw failure(parent, "mkdir") }
        default: throw failure(parent, "mkdir")
        }
    }

    func replace(_ path: String, with temporary: String, key: ObjectKey) throws(ObjectError) {
        guard rename(temporary, path) == 0 else {
            if errno == EISDIR || errno == ENOTDIR { throw .keyConflict(key) }
            throw failure(path, "rename")
        }
    }

    /// Unlike a rename, a link fails when the name is taken.
    func publish(_ temporary: String, as path: String, key: ObjectKey) throws(ObjectError) {
        guard link(temporary, path) == 0 else {
            if errno == EEXIST || errno == ENOTDIR { throw .keyConflict(key) }
            throw failure(path, "link")
        }
        unlink(temporary)
    }

    func remove(_ path: String) throws(ObjectError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw failure(path, "unlink") }
    }

    /// Names made, replaced or removed in these directories are on disk on return.
    func sync(directories: Set<String>) throws(ObjectError) {
        for path in directories.sorted() {
            let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard descriptor >= 0 else { throw failure(path, "open") }
            defer { close(descriptor) }
            guard fsync(descriptor) == 0 else { throw failure(path, "fsync") }
        }
    }

    /// Everything written to this file system is on disk on return: for many files one wait instead of one each.
    func syncAll() throws(ObjectError) {
        let descriptor = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(root, "open") }
        defer { close(descriptor) }
        guard syncFileSystem(descriptor) == 0 else { throw failure(root, "syncfs") }
    }

    /// Names in a directory, in no order; empty where there is none.
    func entries(of path: String) throws(ObjectError) -> [(name: String, isDirectory: Bool)] {
        guard let stream = opendir(path) else {
            if errno == ENOENT || errno == ENOTDIR { return [] }
            throw failure(path, "opendir")
        }
        defer { closedir(stream) }
        var found: [(name: String, isDirectory: Bool)] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw failure(path, "readdir") }
                return found
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name == "." || name == ".." { continue }
            var isDirectory = entry.pointee.d_type == UInt8(DT_DIR)
            if entry.pointee.d_type == UInt8(DT_UNKNOWN) {
                var status = stat()
                isDirectory = lstat("\(path)/\(name)", &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
            }
            found.append((name, isDirectory))
        }
    }

    static func parent(of path: String) -> String {
        String(path[..<(path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex)])
    }

    /// To be called at once after the call that failed.
    private func failure(_ path: String, _ call: String) -> ObjectError {
        let number = errno
        return number == ENOSPC || number == EDQUOT ? .diskFull(root) : .disk(path, call: call, number)
    }
}

/// Linux's, which the Glibc module leaves out because it is no POSIX. Reports write errors since Linux 5.8.
@_silgen_name("syncfs") private func syncFileSystem(_ descriptor: Int32) -> Int32
