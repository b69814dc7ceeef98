package import Model

/// Space and inodes left on the volumes that hold data.
package struct StorageProbe: Probe {
    package let id: ProbeID = "storage"
    package let facts: [FactName: ValueType] = [
        "storage.least_free_percent": .integer, "storage.least_free_mount": .string, "storage.root_free_mebibytes": .integer,
        "storage.least_free_inodes_percent": .integer,
    ]
    package init() {}

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        [HostCommand(["df", "-P", "-T", "-k"]), HostCommand(["df", "-P", "-T", "-i"])]
    }

    /// Kept in memory, made by the kernel, or read-only images that are always full.
    private static let passing: Set<String> = [
        "tmpfs", "devtmpfs", "efivarfs", "squashfs", "iso9660", "ramfs", "proc", "sysfs", "fuse.snapfuse", "fuse.portal", "nfs", "nfs4",
        "cifs",
    ]

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        var facts = Facts()
        facts.read("storage.least_free_percent", "storage.least_free_mount", "storage.root_free_mebibytes") { () throws(ProbeError) in
            let volumes = try Self.volumes(outputs, 0)
            guard let root = volumes.first(where: { $0.mount == "/" }) else { throw ProbeError("probe.truncated", "df does not name /") }
            let fullest = volumes.min { $0.freePercent < $1.freePercent }!
            return [
                "storage.least_free_percent": .integer(fullest.freePercent), "storage.least_free_mount": .string(fullest.mount),
                "storage.root_free_mebibytes": .integer(root.free / 1_024),
            ]
        }
        facts.read("storage.least_free_inodes_percent") { () throws(ProbeError) in
            // btrfs and others have no fixed number of inodes and write 0.
            let shares = try Self.volumes(outputs, 1).filter { $0.size > 0 }.map(\.freePercent)
            return shares.min().map { ["storage.least_free_inodes_percent": .integer($0)] } ?? [:]
        }
        return facts
    }

    private struct Volume {
        let mount: String
        let size: Int64
        let free: Int64
        /// Rounded down, of what an ordinary user can use, as df's own capacity.
        let freePercent: Int64
    }

    private static func volumes(_ outputs: CommandOutputs, _ index: Int) throws(ProbeError) -> [Volume] {
        // Status 1: one mount point may not be looked at; the others are true.
        let lines = try outputs.lines(index, statuses: [0, 1], isPartWelcome: true)
        guard lines.first?.hasPrefix("Filesystem") ?? false else { throw ProbeError("probe.unparseable", "df has no heading") }
        var volumes: [Volume] = []
        for line in lines.dropFirst() {
            let words = line.words
            guard words.count >= 7 else { throw ProbeError("probe.unparseable", "df wrote \(words.count) words") }
            if passing.contains(words[1]) || words[6].hasPrefix("/run/") { continue }
            if words[2] == "-" { continue }
            guard let size = Int64(words[2]), let used = Int64(words[3]), let free = Int64(words[4]) else {
                throw ProbeError("probe.unparseable", "df wrote no numbers")
            }
            let usable = used + max(free, 0)
            volumes.append(
                Volume(
                    mount: words[6...].joined(separator: " "), size: size, free: free,
                    freePercent: usable > 0 ? max(free, 0) * 100 / usable : 0))
        }
        guard !volumes.isEmpty else { throw ProbeError("probe.truncated", "df names no volume") }
        return volumes
    }
}
