package import Catalog
import Hosts
package import Model
package import Seal

/// Sets kernel parameters that differ, now and for every later boot.
///
/// Only parameters of a fixed list, and only to values that harden. Forwarding is not in it: where a host routes for others,
/// switching it off cuts the practice's network, and a person decides.
package struct SysctlSet: Verb {
    package let name = "sysctl.set"
    package let signature = VerbSignature(required: ["settings": .strings])
    /// Sorts behind `99-sysctl.conf`, which is the host's own `/etc/sysctl.conf`: the last setting wins at boot.
    static let file = "/etc/sysctl.d/99-zz-martlet.conf"
    private static let heading = "# Kept by Martlet: read last at boot."
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { arguments.texts("settings").joined(separator: " ") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        _ = try settings(arguments)
    }

    /// Of the parameters that differ, and of no others: only those will be changed.
    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        let wanted = try settings(arguments)
        let found = try await values(of: wanted.map(\.key), hands)
        var before: [String: JSONValue] = [:]
        for (key, value) in wanted where found[key] != value {
            guard let old = found[key] else { throw StepError("sysctl.not_there", key) }
            guard Self.hardening[key]?.contains(value) == true else { throw StepError("sysctl.refused", "\(key)=\(value)") }
            before[key] = .string(old)
        }
        return ["values": .object(before), "file": try await hands.read(Self.file).json]
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        let before = captured["values"]?.object ?? [:]
        let changes = try settings(arguments).filter { before[$0.key] != nil }
        guard !changes.isEmpty else { return .unchanged }
        var content = try HostFile(json: captured["file"] ?? .null).content ?? .init(bytes: [], mode: 0o644, owner: 0, group: 0)
        content.bytes = Array(Self.text(changes, over: String(decoding: content.bytes, as: UTF8.self)).utf8)
        try await hands.write(content, to: Self.file)
        for (key, value) in changes {
            try await hands.require(["sysctl", "-q", "-w", "\(key)=\(value)"], code: "sysctl.not_set")
        }
        // `sysctl` may report success although a container's kernel has refused.
        let after = try await values(of: changes.map(\.key), hands)
        for (key, value) in changes where after[key] != value { throw StepError("sysctl.not_set", key) }
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        let before = (captured["values"]?.object ?? [:]).sorted { $0.key < $1.key }
        let found = try await values(of: before.map(\.key), hands)
        for (key, value) in before where found[key] != value.string {
            try await hands.require(["sysctl", "-q", "-w", "\(key)=\(value.string ?? "")"], code: "sysctl.not_restored")
        }
        try await hands.restore(HostFile(json: captured["file"] ?? .null))
    }

    // MARK: steps

    private func settings(_ arguments: VerbArguments) throws(StepError) -> [(key: String, value: String)] {
        var settings: [(key: String, value: String)] = []
        for text in arguments.texts("settings") {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, Self.isPlain(parts[0]), Self.isPlain(parts[1]) else { throw StepError("sysctl.malformed", text) }
            settings.append((parts[0], parts[1]))
        }
        return settings
    }

    private func values(of keys: [String], _ hands: Hands) async throws(StepError) -> [String: String] {
        guard !keys.isEmpty else { return [:] }
        // Status 255 where one is not there; the others are answered.
        let text = try await hands.run(["sysctl", "--"] + keys).text
        var values: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            let words = parts.map { $0.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ") }
            values[words[0]] = words[1]
        }
        return values
    }

    static func text(_ changes: [(key: String, value: String)], over old: String) -> String {
        let kept = old.split(separator: "\n").map(String.init).filter { line in
            !line.hasPrefix("#") && !changes.contains { line.hasPrefix("\($0.key) =") }
        }
        return ([heading] + kept + changes.map { "\($0.key) = \($0.value)" }).joined(separator: "\n") + "\n"
    }

    private static func isPlain(_ text: String) -> Bool {
        (1...100).contains(text.utf8.count) && !text.hasPrefix("-")
            && text.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) || "._-".utf8.contains($0) }
    }

    private static let hardening: [String: Set<String>] = {
        var table: [String: Set<String>] = [
            "fs.protected_fifos": ["1", "2"], "fs.protected_hardlinks": ["1"], "fs.protected_regular": ["1", "2"],
            "fs.protected_symlinks": ["1"], "fs.suid_dumpable": ["0"], "kernel.dmesg_restrict": ["1"], "kernel.kptr_restrict": ["1", "2"],
            "kernel.randomize_va_space": ["2"], "kernel.unprivileged_bpf_disabled": ["1", "2"],
            "kernel.yama.ptrace_scope": ["1", "2", "3"], "net.ipv4.icmp_echo_ignore_broadcasts": ["1"],
            "net.ipv4.icmp_ignore_bogus_error_responses": ["1"], "net.ipv4.tcp_syncookies": ["1"],
        ]
        for scope in ["all", "default"] {
            for key in ["accept_redirects", "accept_source_route", "secure_redirects", "send_redirects"] {
                table["net.ipv4.conf.\(scope).\(key)"] = ["0"]
            }
            table["net.ipv4.conf.\(scope).log_martians"] = ["1"]
            table["net.ipv4.conf.\(scope).rp_filter"] = ["1", "2"]
            for key in ["accept_redirects", "accept_source_route"] { table["net.ipv6.conf.\(scope).\(key)"] = ["0"] }
        }
        return table
    }()
}
