package import Model

/// Security updates that wait, how old the package lists are, and an outstanding restart; on NixOS the running and the
/// declared generation.
package struct PatchProbe: Probe {
    package let id: ProbeID = "patch"
    package let facts: [FactName: ValueType] = [
        "patch.manager": .string, "patch.security_pending": .strings, "patch.lists_updated": .instant,
        "patch.restart_needed_since": .instant,
        "nixos.running_is_declared": .boolean, "nixos.generation_made": .instant, "nixos.running_system": .string,
    ]
    package init() {}

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        [
            HostCommand(
                ["apt-get", "-s", "-o", "Debug::NoLocking=1", "-o", "APT::Get::Show-User-Simulation-Note=0", "dist-upgrade"],
                deadline: .seconds(60)),
            HostCommand(
                [
                    "find", "/var/lib/apt", "-maxdepth", "2", "(", "-name", "*Release", "-o", "-name", "lists", "-o", "-name",
                    "update-success-stamp", ")",
                    "-printf", "%f %T@\\n",
                ]),
            HostCommand(["find", "/run", "-maxdepth", "1", "-name", "reboot-required", "-printf", "%f %T@\\n"]),
            HostCommand(["dnf", "-q", "-C", "updateinfo", "list", "--security"], deadline: .seconds(60)),
            HostCommand(["find", "/var/cache/dnf", "-name", "repomd.xml", "-printf", "%f %T@\\n"]),
            HostCommand(["needs-restarting", "-r"]),
            HostCommand(["readlink", "-f", "/run/current-system", "/nix/var/nix/profiles/system"]),
            HostCommand(["find", "/nix/var/nix/profiles", "-maxdepth", "1", "-name", "system", "-printf", "%f %T@\\n"]),
        ]
    }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        if let nixos = try Self.generation(outputs) { return nixos }
        var facts = Facts()
        if outputs.isInstalled(0) {
            facts["patch.manager"] = .string("apt")
            facts.read("patch.lists_updated") { () throws(ProbeError) in try Self.aptLists(outputs.lines(1)) }
            facts.read("patch.security_pending") { () throws(ProbeError) in
                // Without lists apt knows of no update, which says nothing about the updates there are.
                _ = try Self.aptLists(outputs.lines(1))
                return ["patch.security_pending": .strings(try Self.aptPending(outputs.lines(0)))]
            }
            facts.read("patch.restart_needed_since") { () throws(ProbeError) in
                guard let since = try Self.times(outputs.lines(2))["reboot-required"] else { return [:] }
                return ["patch.restart_needed_since": .instant(since)]
            }
        } else if outputs.isInstalled(3) {
            facts["patch.manager"] = .string("dnf")
            facts.read("patch.lists_updated") { () throws(ProbeError) in
                guard let newest = try Self.times(outputs.lines(4))["repomd.xml"] else {
                    throw ProbeError("patch.no_lists", "no repository data")
                }
                return ["patch.lists_updated": .instant(newest)]
            }
            facts.read("patch.security_pending") { () throws(ProbeError) in
                ["patch.security_pending": .strings(try outputs.lines(3).compactMap { $0.words.count == 3 ? $0.words[2] : nil })]
            }
            facts.read("patch.restart_needed_since") { () throws(ProbeError) in
                // Status 1: a restart is needed; since when is not told, so it counts from the beginning of time.
                try outputs.result(5).exitStatus == 0 ? [:] : ["patch.restart_needed_since": .instant(Timestamp(milliseconds: 0))]
            }
        } else {
            throw ProbeError("patch.no_manager", "neither apt-get nor dnf, and no NixOS generation")
        }
        return facts
    }

    /// nil where the host is no NixOS.
    private static func generation(_ outputs: CommandOutputs) throws(ProbeError) -> Facts? {
        guard case .success(let paths) = outputs.results[6], paths.succeeded else { return nil }
        let systems = try outputs.lines(6).map(String.init)
        guard systems.count == 2, systems.allSatisfy({ $0.hasPrefix("/nix/store/") }) else { return nil }
        var facts = Facts([
            "patch.manager": .string("nix"), "nixos.running_system": .string(systems[0]),
            "nixos.running_is_declared": .boolean(systems[0] == systems[1]),
        ])
        facts.read("nixos.generation_made") { () throws(ProbeError) in
            guard let made = try times(outputs.lines(7))["system"] else { throw ProbeError("probe.unparseable", "no profile link") }
            return ["nixos.generation_made": .instant(made)]
        }
        return facts
    }

    /// `Inst libssl3 [3.0.9-1] (3.0.11-1~deb12u2 Debian-Security:12/stable-security [amd64])`.
    static func aptPending(_ lines: [Substring]) throws(ProbeError) -> [String] {
        guard lines.contains(where: { $0.contains(" upgraded, ") }) else { throw ProbeError("probe.truncated", "apt gave no summary") }
        return lines.compactMap { line in
            let words = line.words
            guard words.first == "Inst", words.count > 2, let origin = line.split(separator: "(").last else { return nil }
            let isSecurity = origin.contains("-security") || origin.contains("Debian-Security") || origin.contains("Security:")
            return isSecurity ? words[1] : nil
        }
    }

    private static func aptLists(_ lines: [Substring]) throws(ProbeError) -> [FactName: TypedValue] {
        let times = try times(lines)
        guard times.keys.contains(where: { $0.hasSuffix("Release") }),
            let newest = [times["lists"], times["update-success-stamp"]].compactMap(\.self).max()
        else { throw ProbeError("patch.no_lists", "no package lists") }
        return ["patch.lists_updated": .instant(newest)]
    }

    /// The newest time by name.
    private static func times(_ lines: [Substring]) throws(ProbeError) -> [String: Timestamp] {
        var times: [String: Timestamp] = [:]
        for line in lines {
            guard let space = line.lastIndex(of: " "), let time = Timestamp(epoch: line[line.index(after: space)...]) else {
                throw ProbeError("probe.unparseable", "find wrote no time")
            }
            let name = String(line[..<space])
            times[name] = max(time, times[name] ?? time)
        }
        return times
    }
}
