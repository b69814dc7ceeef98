package import Catalog
import Hosts
package import Model
package import Seal

/// Sets mode and owner of files and directories that are wider open, or somebody else's, than they may be.
///
/// Each entry is `path mode owner group[,group]`, as the check on file permissions has them: a narrower mode and any of the
/// groups are right already, and what does not exist is passed over. Links are refused, also in the path, and so are directories
/// in which somebody else than root could exchange the file (`requireGuarded`).
///
/// Whatever an entry says, rights are only taken away: the mode that is set is what the found one and the entry have in
/// common, without set-id bits where the owner or group changes, and nothing of root's becomes somebody else's. So neither an order
/// nor a catalog opens a file, or makes a program run as root.
package struct FileSetMode: Verb {
    package let name = "file.set_mode"
    package let signature = VerbSignature(required: ["files": .strings])
    package init() {}

    package func target(_ arguments: VerbArguments) -> String {
        arguments.texts("files").compactMap { $0.split(separator: " ").first.map(String.init) }.joined(separator: " ")
    }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        _ = try Entry.all(arguments)
    }

    /// Of the files that are wrong, and of no others: only those will be changed.
    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        var files: [String: JSONValue] = [:]
        for entry in try Entry.all(arguments) {
            guard let status = try await hands.status(of: entry.path) else { continue }
            let names = try await self.names(entry.path, hands)
            guard !entry.admits(status.mode, names) else { continue }
            guard status.kind == .regular || status.kind == .directory else { throw StepError("file.not_regular", entry.path) }
            try await hands.requireGuarded(entry.path)
            guard status.owner != 0 || entry.owner == "root" else { throw StepError("file.owner_refused", entry.path) }
            files[entry.path] = [
                "mode": .integer(status.mode), "owner": .integer(status.owner), "group": .integer(status.group),
            ]
        }
        return .object(files)
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        var effect = StepEffect.unchanged
        for entry in try Entry.all(arguments) {
            guard let found = captured[entry.path] else { continue }
            guard var mode = found["mode"]?.integer.map({ $0 & entry.mode }) else {
                throw StepError("step.captured_unreadable", entry.path)
            }
            let names = try await names(entry.path, hands)
            let group = entry.groups.contains(names.group) ? names.group : entry.groups[0]
            // Somebody's own program must not become one that runs as whoever it is given to.
            if names != (entry.owner, group) { mode &= 0o1777 }
            // A change of owner clears set-user-id bits, so the mode comes second.
            try await hands.require(["chown", "--no-dereference", "\(entry.owner):\(group)", "--", entry.path])
            try await setMode(mode, of: entry.path, hands)
            guard let after = try await hands.status(of: entry.path), after.mode == mode else {
                throw StepError("file.mode_not_set", entry.path)
            }
            effect = .changed
        }
        return effect
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        for (path, state) in (captured.object ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard let mode = state["mode"]?.integer, let owner = state["owner"]?.integer, let group = state["group"]?.integer else {
                throw StepError("step.captured_unreadable", path)
            }
            try await hands.require(["chown", "--no-dereference", "\(owner):\(group)", "--", path])
            try await setMode(mode, of: path, hands)
        }
    }

    /// `chmod` follows links, so what has become one since it was captured is left alone.
    private func setMode(_ mode: Int64, of path: String, _ hands: Hands) async throws(StepError) {
        guard let status = try await hands.status(of: path), status.kind == .regular || status.kind == .directory else {
            throw StepError("file.not_regular", path)
        }
        try await hands.require(["chmod", String(mode, radix: 8), "--", path])
    }

    private func names(_ path: String, _ hands: Hands) async throws(StepError) -> (owner: String, group: String) {
        let result = try await hands.require(["stat", "-c", "%U %G", "--", path], code: "file.unreadable")
        let words = result.text.split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init)
        guard words.count == 2 else { throw StepError("file.unreadable", path) }
        return (words[0], words[1])
    }

    private struct Entry {
        let path: String
        let mode: Int64
        let owner: String
        let groups: [String]

        static func all(_ arguments: VerbArguments) throws(StepError) -> [Entry] {
            var entries: [Entry] = []
            for text in arguments.texts("files") {
                let words = text.split(separator: " ").map(String.init)
                guard words.count == 4, words[0].hasPrefix("/"), let mode = Int64(words[1], radix: 8), (0...0o7777).contains(mode) else {
                    throw StepError("file.entry_malformed", text)
                }
                let groups = words[3].split(separator: ",").map(String.init)
                guard !groups.isEmpty else { throw StepError("file.entry_malformed", text) }
                entries.append(Entry(path: words[0], mode: mode, owner: words[2], groups: groups))
            }
            return entries
        }

        func admits(_ found: Int64, _ names: (owner: String, group: String)) -> Bool {
            found & ~mode == 0 && names.owner == owner && groups.contains(names.group)
        }
    }
}
