package import Model

/// Which system this is, and until when its maker mends it.
///
/// The dates are the vendors' published ends of security support for everybody, without paid extensions.
package struct OperatingSystemProbe: Probe {
    package let id: ProbeID = "os"
    package let facts: [FactName: ValueType] = [
        "os.id": .string, "os.version": .version, "os.name": .string, "os.platforms": .strings, "os.is_container": .boolean,
        "os.supported_until": .instant, "os.support_days_left": .integer,
    ]
    package init() {}

    /// Everybody may read it.
    package var needsRoot: Bool { false }

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        [HostCommand(["cat", "/etc/os-release"]), ContainerAnswer.command]
    }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        var values: [String: String] = [:]
        for line in try outputs.lines(0) {
            if let (key, value) = line.pair("=") { values[key] = value.split(separator: "'").joined() }
        }
        guard let id = values["ID"], !id.isEmpty else { throw ProbeError("probe.unparseable", "os-release names no ID") }
        var facts = Facts(["os.id": .string(id), "os.platforms": .strings(Self.platforms(id: id, like: values["ID_LIKE"] ?? ""))])
        if let name = values["PRETTY_NAME"] { facts["os.name"] = .string(name) }
        facts.read("os.is_container") { () throws(ProbeError) in ["os.is_container": .boolean(try ContainerAnswer.read(outputs, 1))] }
        // A rolling release (Debian testing, NixOS unstable) has no number, and no end that could be looked up.
        guard let text = values["VERSION_ID"], let version = Version(text) else {
            facts.markUnknown("os.supported_until", "os.no_version")
            facts.markUnknown("os.support_days_left", "os.no_version")
            return facts
        }
        facts["os.version"] = .version(version)
        if let end = SupportTable.end(id: id, version: text) {
            facts["os.supported_until"] = .instant(end)
            facts["os.support_days_left"] = .integer((end - now).wholeSeconds / 86_400 - (end < now ? 1 : 0))
        } else {
            facts.markUnknown("os.supported_until", "os.not_in_table")
            facts.markUnknown("os.support_days_left", "os.not_in_table")
        }
        return facts
    }

    /// What checks are written for: `linux`, and the family whose tools the host has.
    static func platforms(id: String, like: String) -> [String] {
        let family = [id] + like.words
        var platforms = ["linux"]
        if family.contains("debian") || id == "ubuntu" { platforms.append("debian") }
        if id == "ubuntu" { platforms.append("ubuntu") }
        if id == "nixos" { platforms.append("nixos") }
        if family.contains("rhel") || family.contains("fedora") { platforms.append("rhel") }
        return platforms
    }
}

/// Whether the host is a container, whose disks and kernel belong to another machine.
enum ContainerAnswer {
    static let command = HostCommand(["systemd-detect-virt", "--container"])

    static func read(_ outputs: CommandOutputs, _ index: Int) throws(ProbeError) -> Bool {
        // Status 1 with "none": not one.
        let answer = try outputs.text(index, statuses: [0, 1]).trimmed.split(separator: "\n").joined()
        guard !answer.isEmpty else { throw ProbeError("probe.unparseable", "systemd-detect-virt said nothing") }
        return answer != "none"
    }
}

/// Last day of security support by system and release, from the vendors' life-cycle pages.
enum SupportTable {
    /// The support ends with that day.
    static func end(id: String, version: String) -> Timestamp? {
        let release = ["debian", "rhel", "rocky", "almalinux", "centos"].contains(id) ? String(version.prefix { $0 != "." }) : version
        guard let text = ends["\(id) \(release)"] else { return nil }
        return Timestamp("\(text)T23:59:59.000Z")
    }

    private static let ends = [
        // Debian: security team, then LTS (free to all).
        "debian 9": "2022-06-30", "debian 10": "2024-06-30", "debian 11": "2026-08-31", "debian 12": "2028-06-30",
        "debian 13": "2030-06-30",
        // Ubuntu: standard support, without Ubuntu Pro.
        "ubuntu 18.04": "2023-05-31", "ubuntu 20.04": "2025-05-31", "ubuntu 22.04": "2027-04-30", "ubuntu 24.04": "2029-04-30",
        "ubuntu 24.10": "2025-07-10", "ubuntu 25.04": "2026-01-15", "ubuntu 26.04": "2031-04-30",
        // Red Hat and its rebuilds: maintenance support.
        "rhel 7": "2024-06-30", "rhel 8": "2029-05-31", "rhel 9": "2032-05-31", "rhel 10": "2035-05-31",
        "rocky 8": "2029-05-31", "rocky 9": "2032-05-31", "rocky 10": "2035-05-31",
        "almalinux 8": "2029-03-01", "almalinux 9": "2032-05-31", "almalinux 10": "2035-05-31",
        "centos 7": "2024-06-30", "centos 8": "2021-12-31",
        // NixOS: one month after the next release.
        "nixos 23.05": "2023-12-31", "nixos 23.11": "2024-06-30", "nixos 24.05": "2024-12-31", "nixos 24.11": "2025-06-30",
        "nixos 25.05": "2025-12-31", "nixos 25.11": "2026-06-30", "nixos 26.05": "2026-12-31",
    ]
}
