package import Hosts
package import Model

/// Which of the catalog's platforms a host is: from its os-release, read once and kept by whoever asked.
package enum HostPlatforms {
    /// Never empty: an answer that cannot be read is an error, and a host of an unknown kind is `linux`.
    package static func read(_ host: any Host, at now: Timestamp) async throws(ProbeError) -> Set<String> {
        let probe = OperatingSystemProbe()
        let facts: Facts
        if let host = host as? any FactHost {
            facts = try await host.kind().get()
        } else {
            facts = try probe.parse(await host.run(probe.commands([:])), [:], at: now)
        }
        guard case .strings(let platforms)? = facts["os.platforms"] else { throw ProbeError("probe.unparseable", "no platform") }
        return Set(platforms)
    }
}
