package import Model

/// Owner and mode of the files the check names, and set-id and world-writable files in system directories.
///
/// An entry of `files` reads `/etc/shadow 0640 root root,shadow`: path, the widest mode, owner, allowed groups. `directories` are
/// searched, each within its file system.
package struct FilesProbe: Probe {
    package let id: ProbeID = "files"
    package let facts: [FactName: ValueType] = [
        "files.wrong": .strings, "files.first_wrong_path": .string, "files.first_wrong_mode": .string, "files.first_wrong_owner": .string,
        "files.set_id": .strings, "files.world_writable": .strings,
    ]
    package init() {}

    private struct Expected {
        let path: String
        let mode: Int
        let owner: String
        let groups: [String]

        init?(_ text: String) {
            let words = text.words
            guard words.count == 4, words[0].hasPrefix("/"), let mode = Int(words[1], radix: 8) else { return nil }
            path = words[0]
            self.mode = mode
            owner = words[2]
            groups = words[3].split(separator: ",").map(String.init)
        }
    }

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        let paths = parameters.strings("files").compactMap { Expected($0)?.path }
        let directories = parameters.strings("directories").filter { $0.hasPrefix("/") }
        // Without a directory `find` would search where the session began.
        let find = ["find"] + (directories.isEmpty ? ["/usr"] : directories) + ["-xdev", "-type", "f", "-perm"]
        return [
            HostCommand(["stat", "-c", "%a %U %G %n", "--"] + (paths.isEmpty ? ["/etc/passwd"] : paths)),
            HostCommand(find + ["/6000"], deadline: .seconds(60)), HostCommand(find + ["-0002"], deadline: .seconds(60)),
        ]
    }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        var facts = Facts()
        facts.read("files.wrong", "files.first_wrong_path", "files.first_wrong_mode", "files.first_wrong_owner") { () throws(ProbeError) in
            try Self.compare(outputs, with: parameters.strings("files"))
        }
        let directories = parameters.strings("directories")
        for (index, fact) in [(1, "files.set_id"), (2, "files.world_writable")] as [(Int, FactName)] {
            facts.read(fact) { () throws(ProbeError) in
                guard !directories.isEmpty, directories.allSatisfy({ $0.hasPrefix("/") }) else {
                    throw ProbeError("parameter.malformed", "directories must be absolute paths, at least one")
                }
                return [fact: .strings(try Self.found(outputs, index))]
            }
        }
        return facts
    }

    /// Of a file that does not exist nothing is asked.
    private static func compare(_ outputs: CommandOutputs, with entries: [String]) throws(ProbeError) -> [FactName: TypedValue] {
        var found: [String: [String]] = [:]
        // Status 1: some of the files do not exist. Where none answered, nothing was looked at.
        for line in try outputs.linesOfWhatExists(0) {
            let words = line.words
            guard words.count == 4 else { throw ProbeError("probe.unparseable", "stat wrote \(words.count) words") }
            found[words[3]] = words
        }
        guard !found.isEmpty else { throw ProbeError("probe.truncated", "stat wrote nothing") }
        var wrong: [String] = []
        var values: [FactName: TypedValue] = [:]
        for entry in entries {
            guard let expected = Expected(entry) else { throw ProbeError("parameter.malformed", "entry of files: \(entry)") }
            guard let words = found[expected.path] else { continue }
            guard let mode = Int(words[0], radix: 8) else { throw ProbeError("probe.unparseable", "mode \(words[0])") }
            guard mode & ~expected.mode != 0 || words[1] != expected.owner || !expected.groups.contains(words[2]) else { continue }
            wrong.append("\(expected.path) \(octal(mode)) \(words[1]):\(words[2])")
            if values.isEmpty {
                values["files.first_wrong_path"] = .string(expected.path)
                values["files.first_wrong_mode"] = .string(octal(expected.mode))
                // The group stays where it is one of the allowed.
                let group = expected.groups.contains(words[2]) ? words[2] : expected.groups[0]
                values["files.first_wrong_owner"] = .string("\(expected.owner):\(group)")
            }
        }
        values["files.wrong"] = .strings(wrong)
        return values
    }

    /// Status 1 only says that a directory (`/opt`) is not there.
    private static func found(_ outputs: CommandOutputs, _ index: Int) throws(ProbeError) -> [String] {
        try outputs.linesOfWhatExists(index).map(String.init).sorted()
    }

    private static func octal(_ mode: Int) -> String {
        let digits = String(mode, radix: 8)
        return String(repeating: "0", count: max(4 - digits.count, 0)) + digits
    }
}
