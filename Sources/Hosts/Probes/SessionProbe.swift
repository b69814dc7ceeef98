package import Model

/// After how long an idle shell and an idle SSH session end.
package struct SessionProbe: Probe {
    package let id: ProbeID = "session"
    package let facts: [FactName: ValueType] = [
        "session.shell_seconds": .integer, "session.shell_is_fixed": .boolean, "session.ssh_seconds": .integer, "sshd.installed": .boolean,
    ]
    package init() {}

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        [
            HostCommand([
                "sh", "-c",
                "for f in /etc/profile /etc/profile.d/*.sh /etc/bash.bashrc /etc/bashrc; do [ ! -e \"$f\" ] || grep -HE '\\bTMOUT\\b' \"$f\"; done; echo end",
            ]),
            SSHDProbe.dump,
        ]
    }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        var facts = Facts(["sshd.installed": .boolean(outputs.isInstalled(1))])
        facts.read("session.shell_seconds", "session.shell_is_fixed") { () throws(ProbeError) in try Self.shell(outputs.lines(0)) }
        guard outputs.isInstalled(1) else { return facts }
        facts.read("session.ssh_seconds") { () throws(ProbeError) in
            let dump = try SSHDProbe.options(outputs, 1)
            guard let interval = dump["clientaliveinterval"].flatMap({ Int64($0) }),
                let count = dump["clientalivecountmax"].flatMap({ Int64($0) })
            else { throw ProbeError("probe.unparseable", "sshd -T names no ClientAlive options") }
            // An interval or a count of 0 never ends a session.
            return interval > 0 && count > 0 ? ["session.ssh_seconds": .integer(interval * count)] : [:]
        }
        return facts
    }

    /// The last setting wins, as the files are read in that order; no fact where there is none.
    private static func shell(_ lines: [Substring]) throws(ProbeError) -> [FactName: TypedValue] {
        guard lines.last == "end" else { throw ProbeError("probe.truncated", "the profile files were not all read") }
        var seconds: Int64?
        var isFixed = false
        for line in lines.dropLast() {
            // `/etc/profile.d/tmout.sh:readonly TMOUT=900; export TMOUT`
            guard let code = line.pair(":")?.value.prefix(while: { $0 != "#" }), !code.trimmed.isEmpty else { continue }
            if code.contains("readonly") { isFixed = true }
            for word in code.split(whereSeparator: { " \t;".contains($0) }) {
                if let (key, value) = word.pair("="), key == "TMOUT", let number = Int64(value) { seconds = number }
            }
        }
        guard let seconds, seconds > 0 else { return [:] }
        return ["session.shell_seconds": .integer(seconds), "session.shell_is_fixed": .boolean(isFixed)]
    }
}
