package import Model

/// What is simulated. The same setup gives the same report, byte for byte.
package struct SimulationSetup: Hashable, Sendable {
    /// Of each site one is a clinical device, so that there are at least two.
    package static let hostsRange = 2...100_000
    package static let daysRange = 1...3_660

    package var hosts: Int
    package var days: Int
    package var seed: UInt64
    /// The last host of each site is a clinical device.
    package var hostsPerSite = 20
    /// All rates of faults times this.
    package var haste = 1.0
    /// Without, the incidents that the stand-in for L2 answers stay its own for ever.
    package var learns = true

    package init(hosts: Int, days: Int, seed: UInt64) {
        self.hosts = hosts
        self.days = days
        self.seed = seed
    }

    package static let start = Timestamp(milliseconds: 1_767_225_600_000)
    package var end: Timestamp { Self.start + .seconds(Int64(days) * 86_400) }
    package var siteCount: Int { max(1, hosts / hostsPerSite) }

    /// As even as can be.
    package func hosts(of site: Int) -> Range<Int> { hosts * site / siteCount..<hosts * (site + 1) / siteCount }
    package func site(of host: Int) -> Int { ((host + 1) * siteCount - 1) / hosts }
    package func isClinical(_ host: Int) -> Bool { host == hosts(of: site(of: host)).upperBound - 1 }

    /// At night, every night, in UTC.
    package static let windowHours = "22:00-04:00"

    /// The window's hours, worked out without `MaintenanceWindow`: whoever audits it must not ask it.
    package static func isNight(_ instant: Timestamp) -> Bool {
        let hour = instant.milliseconds / 3_600_000 % 24
        return hour >= 22 || hour < 4
    }
}
