package import Model

/// sshd's effective settings, from the daemon's own dump: drop-ins and defaults included.
package struct SSHDProbe: Probe {
    package let id: ProbeID = "sshd"
    package let facts: [FactName: ValueType] = [
        "sshd.installed": .boolean, "sshd.permit_root_login": .string, "sshd.password_authentication": .boolean,
        "sshd.kbd_interactive": .boolean, "sshd.permit_empty_passwords": .boolean, "sshd.hostbased_authentication": .boolean,
        "sshd.max_auth_tries": .integer, "sshd.allow_list": .string, "sshd.log_level": .string, "sshd.ciphers": .strings,
        "sshd.macs": .strings, "sshd.kex": .strings, "sshd.host_key_algorithms": .strings, "sshd.rsa_key_bits": .integer,
    ]
    package init() {}

    static let dump = HostCommand(["sshd", "-T"])

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        [
            Self.dump,
            HostCommand(["sh", "-c", "for f in /etc/ssh/ssh_host_*_key.pub; do [ ! -e \"$f\" ] || ssh-keygen -l -f \"$f\" || exit; done"]),
        ]
    }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        guard outputs.isInstalled(0) else { return Facts(["sshd.installed": .boolean(false)]) }
        var facts = Facts(["sshd.installed": .boolean(true)])
        do {
            try Self.settings(outputs, into: &facts)
        } catch {
            for name in self.facts.keys where facts[name] == nil { facts.markUnknown(name, error.code) }
        }
        facts.read("sshd.rsa_key_bits") { () throws(ProbeError) in
            // `3072 SHA256:… root@host (RSA)`
            let bits = try outputs.lines(1).filter { $0.hasSuffix("(RSA)") }.compactMap { $0.words.first.flatMap { Int64($0) } }
            return bits.min().map { ["sshd.rsa_key_bits": .integer($0)] } ?? [:]
        }
        return facts
    }

    private static func settings(_ outputs: CommandOutputs, into facts: inout Facts) throws(ProbeError) {
        let dump = try options(outputs, 0)
        func word(_ key: String) throws(ProbeError) -> String {
            guard let value = dump[key] else { throw ProbeError("probe.unparseable", "sshd -T names no \(key)") }
            return value
        }
        func flag(_ key: String) throws(ProbeError) -> TypedValue {
            let value = try word(key)
            guard value == "yes" || value == "no" else { throw ProbeError("probe.unparseable", "\(key) is \(value)") }
            return .boolean(value == "yes")
        }
        func list(_ key: String) throws(ProbeError) -> TypedValue { .strings(try word(key).split(separator: ",").map(String.init)) }
        guard let tries = Int64(try word("maxauthtries")) else { throw ProbeError("probe.unparseable", "maxauthtries is no number") }
        let values: [FactName: TypedValue] = [
            "sshd.permit_root_login": .string(try word("permitrootlogin")),
            "sshd.password_authentication": try flag("passwordauthentication"),
            "sshd.kbd_interactive": try flag("kbdinteractiveauthentication"),
            "sshd.permit_empty_passwords": try flag("permitemptypasswords"),
            "sshd.hostbased_authentication": try flag("hostbasedauthentication"), "sshd.max_auth_tries": .integer(tries),
            "sshd.allow_list": .string(dump["allowusers"] != nil || dump["allowgroups"] != nil ? "set" : "unset"),
            "sshd.log_level": .string(try word("loglevel")), "sshd.ciphers": try list("ciphers"), "sshd.macs": try list("macs"),
            "sshd.kex": try list("kexalgorithms"), "sshd.host_key_algorithms": try list("hostkeyalgorithms"),
        ]
        for (name, value) in values { facts[name] = value }
    }

    /// The dump's keys, in lower case as sshd prints them; the first of a repeated key.
    static func options(_ outputs: CommandOutputs, _ index: Int) throws(ProbeError) -> [String: String] {
        // An ordinary user may not read the host keys, and sshd then says only that there are none.
        if case .success(let result) = outputs.results[index], !result.succeeded,
            String(decoding: result.errorOutput, as: UTF8.self).contains("no hostkeys available")
        {
            throw ProbeError("host.not_permitted", "sshd -T needs root")
        }
        let pairs = try outputs.lines(index).compactMap { $0.pair(" ") }
        return Dictionary(pairs.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    }
}
