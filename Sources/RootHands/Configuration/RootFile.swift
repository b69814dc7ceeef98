import Glibc
package import Model

/// A file that decides what root does: nobody but its owner may be able to write it.
package enum RootFile {
    /// - Parameter owner: who must own it: root, or in a test this process's user.
    /// - Throws: unless it is a regular file, not behind a link, of that owner, and writable by nobody else.
    package static func read(_ path: String, bytesMax: Int, owner: UInt32 = geteuid()) throws(HandsStartError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .file(path, String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .file(path, String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .file(path, "no regular file") }
        guard status.st_uid == owner, status.st_mode & 0o022 == 0 else { throw .exposed(path) }
        guard (0...bytesMax).contains(Int(status.st_size)) else { throw .file(path, "more than \(bytesMax) bytes") }
        var bytes: [UInt8] = []
        while bytes.count <= bytesMax {
            let count = withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
                let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                if count > 0 { bytes.append(contentsOf: buffer.prefix(count)) }
                return count
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .file(path, String(cString: strerror(errno))) }
            if count == 0 { return bytes }
        }
        throw .file(path, "more than \(bytesMax) bytes")
    }
}

/// Why `martlet-hands` did not start.
package enum HandsStartError: Error, Hashable, Sendable {
    case notRoot
    case file(String, String)
    case exposed(String)
    case noKey(String)
    case userUnknown(String)
    case socket(String, String)
    case inUse(String)

    package var code: Code {
        switch self {
        case .notRoot: "hands.not_root"
        case .file: "hands.file_unreadable"
        case .exposed: "hands.file_exposed"
        case .noKey: "hands.catalog_key"
        case .userUnknown: "hands.user_unknown"
        case .socket: "hands.socket"
        case .inUse: "hands.in_use"
        }
    }

    package var message: String {
        switch self {
        case .notRoot: "martlet-hands acts as root and was started by somebody else; nothing was started."
        case .file(let path, let why): "\(path) cannot be read (\(why)); nothing was started."
        case .exposed(let path):
            "\(path) belongs to somebody else or can be written by others; nothing was started. Run: chown root \(path) && chmod 644 \(path)"
        case .noKey(let path):
            "\(path) holds no catalog key; nothing was started. Write what `martlet-appliance catalog-key` prints into it, and compare its id."
        case .userUnknown(let name): "user \(name) does not exist on this machine; nothing was started. Create it, or set `user`."
        case .socket(let path, let why): "\(path) cannot be listened on (\(why)); nothing was started."
        case .inUse(let path): "another martlet-hands listens on \(path) already; this one was not started."
        }
    }
}
