package import Model

/// The name servers the host asks.
package struct ResolverProbe: Probe {
    package let id: ProbeID = "resolver"
    package let facts: [FactName: ValueType] = ["dns.servers": .strings]
    package init() {}

    /// Everybody may read it.
    package var needsRoot: Bool { false }

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        // systemd-resolved writes the servers behind its stub here.
        [
            HostCommand([
                "sh", "-c", "[ -e /run/systemd/resolve/resolv.conf ] && cat /run/systemd/resolve/resolv.conf || cat /etc/resolv.conf; echo",
            ])
        ]
    }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        guard try outputs.result(0).errorOutput.isEmpty else { throw ProbeError("probe.command_failed", "resolv.conf cannot be read") }
        let servers = try outputs.lines(0).map(\.words).filter { $0.count > 1 && $0[0] == "nameserver" }.map { $0[1] }
        return Facts(["dns.servers": .strings(servers.sorted())])
    }
}
