package import Catalog
import Hosts
package import Model
package import Seal

/// Takes from everybody the right to write to files. Nothing else of a mode changes; links are refused, and files that somebody else
/// than root could exchange for one (`requireGuarded`).
package struct FileDenyWorldWrite: Verb {
    package let name = "file.deny_world_write"
    /// `except`: files among them that everybody may write.
    package let signature = VerbSignature(required: ["files": .strings], optional: ["except": .strings])
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { files(arguments).joined(separator: " ") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        for path in files(arguments) where !path.hasPrefix("/") { throw StepError("file.entry_malformed", path) }
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        var modes: [String: JSONValue] = [:]
        for path in files(arguments) {
            guard let status = try await hands.status(of: path) else { continue }
            guard status.kind == .regular else { throw StepError("file.not_regular", path) }
            guard status.mode & 0o002 != 0 else { continue }
            try await hands.requireGuarded(path)
            modes[path] = .integer(status.mode)
        }
        return .object(modes)
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        for path in (captured.object ?? [:]).keys.sorted() {
            try await hands.setMode(of: path, "o-w")
            guard let after = try await hands.status(of: path), after.mode & 0o002 == 0 else { throw StepError("file.mode_not_set", path) }
        }
        return captured.object?.isEmpty == false ? .changed : .unchanged
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        for (path, mode) in (captured.object ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard let mode = mode.integer else { throw StepError("step.captured_unreadable", path) }
            try await hands.setMode(of: path, String(mode, radix: 8))
        }
    }

    private func files(_ arguments: VerbArguments) -> [String] {
        let excepted = Set(arguments.texts("except"))
        return arguments.texts("files").filter { !excepted.contains($0) }
    }
}

extension Hands {
    /// `chmod` follows links, so what has become one since it was captured is left alone.
    fileprivate func setMode(of path: String, _ mode: String) async throws(StepError) {
        guard let status = try await status(of: path), status.kind == .regular else { throw StepError("file.not_regular", path) }
        try await require(["chmod", mode, "--", path])
    }
}
