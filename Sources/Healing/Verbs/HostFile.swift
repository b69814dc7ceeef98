import Hosts
import Model
import Seal

/// A file on a host as it was: absent, or its bytes, mode and owner.
struct HostFile: Hashable, Sendable {
    /// More is not captured: a configuration file of ours is a few kilobytes.
    static let bytesMax = 262_144

    struct Content: Hashable, Sendable {
        var bytes: [UInt8]
        /// Permission bits, 0...0o7777.
        var mode: Int64
        var owner: Int64
        var group: Int64
    }

    let path: String
    let content: Content?

    var json: JSONValue {
        guard let content else { return ["path": .string(path)] }
        return [
            "path": .string(path), "bytes": .string(content.bytes.base64), "mode": .integer(content.mode),
            "owner": .integer(content.owner), "group": .integer(content.group),
        ]
    }

    init(path: String, content: Content?) {
        self.path = path
        self.content = content
    }

    init(json: JSONValue) throws(StepError) {
        do throws(FieldError) {
            let reader = try ObjectReader(json)
            path = try reader.string("path", bytesMax: 4_096)
            content =
                reader.optional("bytes") == nil
                ? nil
                : Content(
                    bytes: try reader.bytes("bytes", count: 0...Self.bytesMax), mode: try reader.integer("mode", in: 0...0o7777),
                    owner: try reader.integer("owner", in: 0...4_294_967_295), group: try reader.integer("group", in: 0...4_294_967_295))
        } catch {
            throw StepError("step.captured_unreadable", error.message)
        }
    }
}

/// What `stat` says of a path.
struct HostFileStatus: Hashable, Sendable {
    enum Kind: Hashable, Sendable { case regular, directory, link, other }
    let kind: Kind
    let mode: Int64
    let owner: Int64
    let group: Int64
}

extension Hands {
    /// nil where there is nothing of that name. Links are not followed.
    func status(of path: String) async throws(StepError) -> HostFileStatus? {
        let result = try await run(["stat", "-c", "%f:%u:%g", "--", path])
        guard result.succeeded else {
            // `stat` answers 1 for everything; only the listing of what is there tells "absent" from "not permitted".
            let isAbsent = try await run(["test", "!", "-e", path, "-a", "!", "-L", path])
            guard isAbsent.succeeded else { throw StepError("file.unreadable", path, exitStatus: result.exitStatus) }
            return nil
        }
        let fields = result.text.split(whereSeparator: { $0 == ":" || $0 == "\n" })
        guard fields.count == 3, let raw = Int64(fields[0], radix: 16), let owner = Int64(fields[1]), let group = Int64(fields[2]) else {
            throw StepError("file.unreadable", path)
        }
        let kind: HostFileStatus.Kind =
            switch raw & 0o170000 {
            case 0o100000: .regular
            case 0o040000: .directory
            case 0o120000: .link
            default: .other
            }
        return HostFileStatus(kind: kind, mode: raw & 0o7777, owner: owner, group: group)
    }

    func read(_ path: String) async throws(StepError) -> HostFile {
        guard let status = try await status(of: path) else { return HostFile(path: path, content: nil) }
        guard status.kind == .regular else { throw StepError("file.not_regular", path) }
        let result = try await require(["cat", "--", path], code: "file.unreadable")
        guard result.output.count <= HostFile.bytesMax else { throw StepError("file.too_large", path) }
        return HostFile(
            path: path, content: .init(bytes: result.output, mode: status.mode, owner: status.owner, group: status.group))
    }

    /// Replaces or makes the file in one rename: a reader, and a power cut, see the old one or the new one whole.
    func write(_ content: HostFile.Content, to path: String) async throws(StepError) {
        let (directory, name) = Self.split(path)
        let temporary = "\(directory)/.\(name).martlet"
        do throws(StepError) {
            try await require(["rm", "-f", "--", temporary])
            try await require(["dd", "of=\(temporary)", "conv=fsync,excl", "status=none"], input: content.bytes)
            try await require(["chown", "\(content.owner):\(content.group)", "--", temporary])
            try await require(["chmod", String(content.mode, radix: 8), "--", temporary])
            try await require(["sync", temporary])
            try await require(["mv", "-fT", "--", temporary, path])
            try await require(["sync", directory])
        } catch {
            _ = try? await run(["rm", "-f", "--", temporary])
            throw StepError("file.not_written", error.detail, exitStatus: error.exitStatus, isOfHost: error.isOfHost)
        }
    }

    /// - Returns: whether anything had to be put back.
    @discardableResult
    func restore(_ file: HostFile) async throws(StepError) -> Bool {
        let (directory, name) = Self.split(file.path)
        try await require(["rm", "-f", "--", "\(directory)/.\(name).martlet"])
        guard try await read(file.path) != file else { return false }
        if let content = file.content {
            try await write(content, to: file.path)
        } else {
            try await require(["rm", "-f", "--", file.path])
            try await require(["sync", directory])
        }
        return true
    }

    private static func split(_ path: String) -> (directory: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        return (slash == path.startIndex ? "" : String(path[..<slash]), String(path[path.index(after: slash)...]))
    }
}
