package import Model

/// One look that a check needs: the probe, and the check's parameters at this site.
package struct ProbeRequest: Hashable, Sendable {
    package let check: CheckID
    package let probe: ProbeID
    package let parameters: [String: TypedValue]

    package init(check: CheckID, probe: ProbeID, parameters: [String: TypedValue]) {
        self.check = check
        self.probe = probe
        self.parameters = parameters
    }
}

/// A host that takes no commands from us: asked for facts, it looks by itself.
///
/// What the machine's own root helper is. Neither an argument vector nor a command's output crosses, so whoever holds our process can
/// ask for what the catalog's checks look at, and for nothing else.
package protocol FactHost: Host {
    /// What kind of machine it is: the facts of `OperatingSystemProbe`.
    func kind() async -> Result<Facts, ProbeError>
    /// - Returns: one result per request, in order.
    func facts(_ requests: [ProbeRequest]) async -> [Result<Facts, ProbeError>]
}
