package import Model

/// Kernel settings that differ from those expected (`key=value`), and whether mandatory access control enforces.
package struct KernelProbe: Probe {
    package let id: ProbeID = "kernel"
    package let facts: [FactName: ValueType] = [
        "kernel.deviations": .strings, "kernel.first_deviation_key": .string, "kernel.first_deviation_expected": .string,
        "kernel.mac": .string,
    ]
    package init() {}

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        let keys = parameters.strings("settings").compactMap { $0.pair("=")?.key }
        return [
            HostCommand(["sysctl", "--"] + (keys.isEmpty ? ["kernel.ostype"] : keys)),
            HostCommand(["sh", "-c", "cat /sys/module/apparmor/parameters/enabled 2>/dev/null || echo N"]),
            HostCommand(["sh", "-c", "cat /sys/fs/selinux/enforce 2>/dev/null || echo N; echo"]),
        ]
    }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        var facts = Facts()
        facts.read("kernel.deviations", "kernel.first_deviation_key", "kernel.first_deviation_expected") { () throws(ProbeError) in
            try Self.compare(outputs.lines(0, statuses: [0, 1, 255]), with: parameters.strings("settings"))
        }
        facts.read("kernel.mac") { () throws(ProbeError) in
            guard let appArmor = try outputs.lines(1).first, let selinux = try outputs.lines(2).first, "YN".contains(appArmor),
                "10N".contains(selinux)
            else { throw ProbeError("probe.unparseable", "no answer about mandatory access control") }
            return [
                "kernel.mac": .string(
                    appArmor == "Y" ? "apparmor" : selinux == "1" ? "selinux" : selinux == "0" ? "selinux-permissive" : "none")
            ]
        }
        return facts
    }

    private static func compare(_ lines: [Substring], with settings: [String]) throws(ProbeError) -> [FactName: TypedValue] {
        let pairs = lines.compactMap { $0.pair("=") }
        let found = Dictionary(pairs.map { ($0.key, $0.value.words.joined(separator: " ")) }, uniquingKeysWith: { $1 })
        guard !found.isEmpty else { throw ProbeError("probe.truncated", "sysctl wrote nothing") }
        var values: [FactName: TypedValue] = [:]
        var deviations: [String] = []
        for setting in settings {
            guard let (key, expected) = setting.pair("=") else { throw ProbeError("parameter.malformed", "entry of settings: \(setting)") }
            // A key the kernel does not have, or does not show us, is no pass: it is not known to hold.
            guard let value = found[key] else { throw ProbeError("kernel.setting_missing", "no value of \(key)") }
            guard value != expected else { continue }
            deviations.append("\(key)=\(value)")
            if values.isEmpty {
                values["kernel.first_deviation_key"] = .string(key)
                values["kernel.first_deviation_expected"] = .string(expected)
            }
        }
        values["kernel.deviations"] = .strings(deviations)
        return values
    }
}
