package import Model

/// Audit rules that the kernel has loaded, and whether the daemon keeps what they record.
package struct AuditProbe: Probe {
    package let id: ProbeID = "audit"
    package let facts: [FactName: ValueType] = [
        "audit.installed": .boolean, "audit.daemon_active": .boolean, "audit.missing_watches": .strings,
        "audit.first_missing_watch": .string, "audit.enabled": .integer,
        "audit.lost": .integer,
    ]
    package init() {}

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        [HostCommand(["auditctl", "-l"]), HostCommand(["auditctl", "-s"]), ServiceStates.command(["auditd.service"])]
    }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        guard outputs.isInstalled(0) else { return Facts(["audit.installed": .boolean(false)]) }
        var facts = Facts(["audit.installed": .boolean(true)])
        facts.read("audit.missing_watches", "audit.first_missing_watch") { () throws(ProbeError) in
            let lines = try outputs.lines(0)
            guard !lines.isEmpty else { throw ProbeError("probe.truncated", "auditctl -l wrote nothing") }
            // `-w /etc/passwd -p wa -k identity`, or `-a always,exit -S all -F path=/etc/passwd -F perm=wa`.
            let watched = Set(
                lines.flatMap { line in line.words.map { $0.hasPrefix("path=") || $0.hasPrefix("dir=") ? $0.pair("=")!.value : $0 } })
            let missing = parameters.strings("watches").filter { !watched.contains($0) }
            var values: [FactName: TypedValue] = ["audit.missing_watches": .strings(missing)]
            if let first = missing.first { values["audit.first_missing_watch"] = .string(first) }
            return values
        }
        facts.read("audit.enabled", "audit.lost") { () throws(ProbeError) in
            let pairs = try outputs.lines(1).compactMap { $0.pair(" ") }
            let values = Dictionary(pairs.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
            guard let enabled = values["enabled"].flatMap({ Int64($0) }), let lost = values["lost"].flatMap({ Int64($0) }) else {
                throw ProbeError("probe.unparseable", "auditctl -s names no state")
            }
            return ["audit.enabled": .integer(enabled), "audit.lost": .integer(lost)]
        }
        facts.read("audit.daemon_active") { () throws(ProbeError) in
            ["audit.daemon_active": .boolean(try ServiceStates.read(outputs, 2, asked: ["auditd.service"])[0].isActive)]
        }
        return facts
    }
}
