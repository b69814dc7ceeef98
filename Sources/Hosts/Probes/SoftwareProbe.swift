package import Model
import Seal

/// Installed packages: how many, a digest of names and versions that changes with any of them, and the forbidden ones.
package struct SoftwareProbe: Probe {
    package let id: ProbeID = "software"
    package let facts: [FactName: ValueType] = [
        "software.manager": .string, "software.count": .integer, "software.digest": .string, "software.forbidden": .strings,
    ]
    package init() {}

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        [
            HostCommand(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\\n"]),
            HostCommand(["rpm", "-qa", "--qf", "installed %{NAME} %{EVR}\\n"], deadline: .seconds(60)),
            HostCommand(["nix-store", "-q", "--requisites", "/run/current-system"], deadline: .seconds(60), outputBytesMax: 4 << 20),
        ]
    }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        guard let index = (0..<3).first(where: { outputs.isInstalled($0) }) else {
            throw ProbeError("software.no_manager", "no package manager")
        }
        var packages: [(name: String, line: String)] = []
        for line in try outputs.lines(index) {
            if index == 2 {
                // `/nix/store/<32 characters>-name-version`
                guard let dash = line.firstIndex(of: "-") else { throw ProbeError("probe.unparseable", "no store path") }
                packages.append((String(line[line.index(after: dash)...]), String(line)))
                continue
            }
            let words = line.words
            guard words.count == 3 else { throw ProbeError("probe.unparseable", "a package has \(words.count) words") }
            if words[0] == "installed" { packages.append((words[1], words[1] + " " + words[2])) }
        }
        guard !packages.isEmpty else { throw ProbeError("probe.truncated", "no package is listed") }
        let forbidden = parameters.strings("forbidden")
        let found = packages.filter { package in
            forbidden.contains { package.name == $0 || (index == 2 && package.name.hasPrefix("\($0)-")) }
        }
        let list = packages.map(\.line).sorted().joined(separator: "\n")
        return Facts([
            "software.manager": .string(["dpkg", "rpm", "nix"][index]), "software.count": .integer(Int64(packages.count)),
            "software.digest": .string(Digest(of: Array(list.utf8)).description),
            "software.forbidden": .strings(found.map(\.name).sorted()),
        ])
    }
}
