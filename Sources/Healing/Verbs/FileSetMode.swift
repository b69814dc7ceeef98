import Hosts
package import Model
package import Seal

/// Sets mode (octal) and owner (`root:shadow`) of a file or directory. Links are refused, also in the path: what a link names may be anybody's.
package struct FileSetMode: Verb {
    package let name = "file.set_mode"
    package let parameters: [String: ValueType] = ["path": .string, "mode": .string, "owner": .string]
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { arguments.text("path") }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        let status = try await status(arguments.text("path"), hands)
        return ["mode": .integer(status.mode), "owner": .integer(status.owner), "group": .integer(status.group)]
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        let path = arguments.text("path")
        guard let mode = Int64(arguments.text("mode"), radix: 8), (0...0o7777).contains(mode) else {
            throw StepError("file.mode_malformed", arguments.text("mode"))
        }
        let before = try await status(path, hands)
        // A change of owner clears set-user-id bits, so the mode comes second.
        try await hands.require(["chown", "--no-dereference", arguments.text("owner"), "--", path])
        try await hands.require(["chmod", arguments.text("mode"), "--", path])
        let after = try await status(path, hands)
        guard after.mode == mode else { throw StepError("file.mode_not_set", path) }
        return before == after ? .unchanged : .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        guard let mode = captured["mode"]?.integer, let owner = captured["owner"]?.integer, let group = captured["group"]?.integer else {
            throw StepError("step.captured_unreadable", "file.set_mode")
        }
        let path = arguments.text("path")
        _ = try await status(path, hands)
        try await hands.require(["chown", "--no-dereference", "\(owner):\(group)", "--", path])
        try await hands.require(["chmod", String(mode, radix: 8), "--", path])
    }

    private func status(_ path: String, _ hands: Hands) async throws(StepError) -> HostFileStatus {
        guard let status = try await hands.status(of: path) else { throw StepError("file.missing", path) }
        guard status.kind == .regular || status.kind == .directory else { throw StepError("file.not_regular", path) }
        let real = try await hands.require(["realpath", "-e", "--", path], code: "file.unreadable")
        guard real.text == path + "\n" else { throw StepError("file.behind_link", path) }
        return status
    }
}
