/// The state of a log: C2SP tlog-checkpoint.
package struct Checkpoint: Hashable, Sendable {
    /// Which log: not empty, one line.
    package let origin: String
    /// Number of entries, 0...2^63-1.
    package let size: Int64
    /// RFC 6962 Merkle tree hash of the first `size` entries.
    package let root: LogHash
    /// Opaque lines; ours have none.
    package let extensions: [String]

    package init(origin: String, size: Int64, root: LogHash, extensions: [String] = []) throws(CheckpointError) {
        for line in [origin] + extensions {
            guard !line.isEmpty, line.utf8.allSatisfy({ $0 >= 0x20 }) else { throw .malformed }
        }
        guard size >= 0, size > 0 || root == .empty else { throw .malformed }
        self.origin = origin
        self.size = size
        self.root = root
        self.extensions = extensions
    }

    /// From a note's text. Whoever calls this on one that is not verified must not act upon it.
    package init(text: String) throws(CheckpointError) {
        let lines = text.pieces("\n")
        guard lines.count >= 4, lines.last == "", let size = lines[1].decimal, let root = LogHash(lines[2]) else {
            throw .malformed
        }
        try self.init(origin: lines[0], size: size, root: root, extensions: Array(lines[3..<(lines.count - 1)]))
    }

    /// The note's text, newline at the end.
    package var text: String {
        var text = "\(origin)\n\(size)\n\(root)\n"
        for line in extensions { text += line + "\n" }
        return text
    }
}

/// Why a checkpoint is not used.
package enum CheckpointError: Error, Hashable, Sendable {
    case note(NoteError)
    /// A note, but not origin, size and root.
    case malformed
    /// Another log's.
    case otherOrigin(expected: String)
    /// Signed by known keys, but not by the log's own.
    case notByLog

    package var code: String {
        switch self {
        case .note(let error): error.code
        case .malformed: "log.checkpoint.malformed"
        case .otherOrigin: "log.checkpoint.origin"
        case .notByLog: "log.checkpoint.not_by_log"
        }
    }

    package var message: String {
        switch self {
        case .note(let error): error.message
        case .malformed: "checkpoint refused: its text is not origin, size and root; nothing in it was used."
        case .otherOrigin(let expected): "checkpoint refused: it is not of the log \(expected); nothing in it was used."
        case .notByLog: "checkpoint refused: witnesses have signed it, its log has not; nothing in it was used."
        }
    }
}
