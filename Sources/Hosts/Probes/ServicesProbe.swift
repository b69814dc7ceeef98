package import Model

/// Whether the units a host is there for run and start at boot, and which units have failed.
package struct ServicesProbe: Probe {
    package let id: ProbeID = "services"
    package let facts: [FactName: ValueType] = [
        "services.not_running": .strings, "services.first_not_running": .string, "services.not_enabled": .strings,
        "services.first_not_enabled": .string, "services.failed": .strings,
    ]
    package init() {}

    /// Everybody may read it.
    package var needsRoot: Bool { false }

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        [
            ServiceStates.command(parameters.strings("services")),
            HostCommand(["systemctl", "list-units", "--failed", "--plain", "--no-legend", "--no-pager"]),
        ]
    }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        var facts = Facts()
        facts.read("services.not_running", "services.first_not_running", "services.not_enabled", "services.first_not_enabled") {
            () throws(ProbeError) in
            let states = try ServiceStates.read(outputs, 0, asked: parameters.strings("services"))
            let stopped = states.filter { !$0.isActive }.map(\.id)
            let notEnabled = states.filter { !$0.isEnabled }.map(\.id)
            var values: [FactName: TypedValue] = ["services.not_running": .strings(stopped), "services.not_enabled": .strings(notEnabled)]
            if let first = stopped.first { values["services.first_not_running"] = .string(first) }
            if let first = notEnabled.first { values["services.first_not_enabled"] = .string(first) }
            return values
        }
        facts.read("services.failed") { () throws(ProbeError) in
            ["services.failed": .strings(try outputs.lines(1).compactMap(\.words.first))]
        }
        return facts
    }
}
