package import Catalog
import Hosts
package import Model
package import Seal

/// Has the kernel audit every write to files and directories, now and after each boot.
package struct AuditSetRules: Verb {
    package let name = "audit.set_rules"
    package let signature = VerbSignature(required: ["watches": .strings])
    static let folder = "/etc/audit"
    static let file = folder + "/rules.d/50-martlet.rules"
    private static let key = "martlet"
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { arguments.texts("watches").joined(separator: " ") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        for path in arguments.texts("watches") where !Self.isPath(path) { throw StepError("audit.watch_refused", path) }
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        try await requireInstalled(hands)
        let watched = try await watched(hands)
        let missing = arguments.texts("watches").filter { !watched.contains($0) }
        return [
            "missing": .array(missing.map { .string($0) }), "enabled": .integer(try await enabled(hands)),
            "file": try await hands.read(Self.file).json,
        ]
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        let missing = (captured["missing"]?.array ?? []).compactMap(\.string)
        let state = try await enabled(hands)
        let before = try HostFile(json: captured["file"] ?? .null)
        let text = arguments.texts("watches").map { "-w \($0) -p wa -k \(Self.key)\n" }.joined()
        let wanted = HostFile.Content(bytes: Array(("# Kept by Martlet.\n" + text).utf8), mode: 0o640, owner: 0, group: 0)
        if missing.isEmpty, state != 0, before.content == wanted { return .unchanged }
        // Locked until the next boot: only the file could be changed, and the check would not pass.
        guard state != 2 || missing.isEmpty else { throw StepError("audit.rules_locked", "enabled 2") }
        try await hands.makeDirectory(of: Self.file)
        try await hands.write(wanted, to: Self.file)
        let present = try await watched(hands)
        for path in missing where !present.contains(path) {
            try await hands.require(["auditctl", "-w", path, "-p", "wa", "-k", Self.key], code: "audit.rule_not_loaded")
        }
        if state == 0 { try await hands.require(["auditctl", "-e", "1"], code: "audit.not_enabled") }
        let after = try await watched(hands)
        for path in missing where !after.contains(path) { throw StepError("audit.rule_not_loaded", path) }
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        let present = try await watched(hands)
        for path in (captured["missing"]?.array ?? []).compactMap(\.string) where present.contains(path) {
            try await hands.require(["auditctl", "-W", path, "-p", "wa", "-k", Self.key], code: "audit.not_restored")
        }
        if captured["enabled"]?.integer == 0, try await enabled(hands) != 0 {
            try await hands.require(["auditctl", "-e", "0"], code: "audit.not_restored")
        }
        try await hands.restore(HostFile(json: captured["file"] ?? .null))
    }

    /// The package brings both: without the program no rule is loaded, and without the folder none lasts.
    private func requireInstalled(_ hands: Hands) async throws(StepError) {
        var missing = try await hands.status(of: Self.folder)?.kind == .directory ? nil : Self.folder
        do throws(StepError) {
            _ = try await hands.run(["auditctl", "-v"])
        } catch {
            guard error.code == HostError.commandMissing("").code else { throw error }
            missing = "auditctl"
        }
        guard let missing else { return }
        throw StepError(
            "audit.not_installed",
            "auditd is not installed on this host (no \(missing)); no rule was set. Install it by linux.audit.install.")
    }

    private func watched(_ hands: Hands) async throws(StepError) -> Set<String> {
        let text = try await hands.require(["auditctl", "-l"], code: "audit.unreadable").text
        return Set(
            text.split(whereSeparator: { $0 == " " || $0 == "\n" }).map { word in
                for prefix in ["path=", "dir="] where word.hasPrefix(prefix) { return String(word.dropFirst(prefix.count)) }
                return String(word)
            })
    }

    private func enabled(_ hands: Hands) async throws(StepError) -> Int64 {
        let text = try await hands.require(["auditctl", "-s"], code: "audit.unreadable").text
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("enabled ") }),
            let number = Int64(line.dropFirst("enabled ".count))
        else { throw StepError("audit.unreadable", "auditctl -s names no state") }
        return number
    }

    private static func isPath(_ text: String) -> Bool {
        text.hasPrefix("/") && text.utf8.count <= 200
            && text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || "/._-".utf8.contains($0)
            }
    }
}
