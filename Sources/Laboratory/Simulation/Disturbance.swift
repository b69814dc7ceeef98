package import Model

/// What happens to a site besides drift, and makes acting impossible or wrong.
package struct Disturbance: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// The host cannot be reached: looks are unknown, repairs under way fail.
        case outage(host: Int)
        case paused, pausedLocally
        /// The appliance's disk is full.
        case evidenceGone
        case clockOff
        /// The same fault on most hosts at once: a bad change that was rolled out.
        case badDay(scenario: Int)
    }

    package let site: Int
    package let kind: Kind
    package let starts: Timestamp
    package let ends: Timestamp
    package let key: UInt64

    package init(site: Int, kind: Kind, starts: Timestamp, ends: Timestamp, key: UInt64) {
        self.site = site
        self.kind = kind
        self.starts = starts
        self.ends = ends
        self.key = key
    }

    /// That belongs to a fault which needs it. Longer than a day, which is how often some checks look.
    static func clockOff(with arrival: FaultSource.Arrival, at site: Int, now: Timestamp) -> Disturbance {
        Disturbance(site: site, kind: .clockOff, starts: now, ends: now + .seconds(26 * 3_600), key: arrival.fault.key)
    }

    /// The hosts on which a bad day's change arrived: two in three.
    package func strikes(_ host: Int) -> Fault? {
        guard case .badDay(let scenario) = kind else { return nil }
        var random = KeyedRandom(key, UInt64(host))
        guard random.chance(permille: 667) else { return nil }
        return Fault(scenario: scenario, key: random.next(), injected: starts)
    }
}

/// One site's disturbances, one after another.
package struct DisturbanceSource: Sendable {
    package static let perSiteYear = 24.0

    private let setup: SimulationSetup
    private let site: Int
    private let badDays: [Int]
    private var drawn: UInt64 = 0
    private var clock = SimulationSetup.start

    /// - Parameter badDays: numbers of the scenarios that may be rolled out.
    package init(site: Int, _ setup: SimulationSetup, badDays: [Int]) {
        self.setup = setup
        self.site = site
        self.badDays = badDays
    }

    package mutating func next() -> Disturbance {
        drawn += 1
        var random = KeyedRandom(setup.seed, ~0, UInt64(site), drawn)
        clock = clock + random.waiting(meanSeconds: 365 * 86_400 / (Self.perSiteYear * setup.haste))
        let hosts = setup.hosts(of: site)
        let kind: Disturbance.Kind =
            switch random.below(100) {
            case 0..<55: .outage(host: hosts.lowerBound + random.below(hosts.count))
            case 55..<63: .paused
            case 63..<68: .pausedLocally
            case 68..<76: .evidenceGone
            case 76..<88: .clockOff
            default: badDays.isEmpty ? .paused : .badDay(scenario: badDays[random.below(badDays.count)])
            }
        let ends = clock + .seconds(60) + random.waiting(meanSeconds: 4 * 3_600)
        return Disturbance(site: site, kind: kind, starts: clock, ends: ends, key: random.next())
    }
}
