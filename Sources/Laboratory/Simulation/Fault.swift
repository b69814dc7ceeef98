package import Model

/// A scenario that happens to one host, and everything about it that chance decides: drawn from its key alone, so that two simulations
/// with different insides meet the same fates.
package struct Fault: Hashable, Sendable {
    package let scenario: Int
    package let key: UInt64
    package let injected: Timestamp
    /// Times that what had been repaired came back; the fault of a relapse is another one.
    package let generation: Int

    package init(scenario: Int, key: UInt64, injected: Timestamp, generation: Int = 0) {
        self.scenario = scenario
        self.key = key
        self.injected = injected
        self.generation = generation
    }

    /// How the attempt of that number at it would go: whether the right runbook works, and how long it takes.
    package func attempt(_ number: Int, _ course: Course) -> (works: Bool, takes: Duration) {
        var random = KeyedRandom(key, 1, UInt64(number))
        let works = random.chance(permille: course.worksPermille)
        let span = course.seconds.upperBound - course.seconds.lowerBound
        return (works, .seconds(course.seconds.lowerBound + Int64(random.below(Int(span) + 1))))
    }

    /// nil where it does not go away by itself.
    package func endsAlone(_ course: Course) -> Duration? {
        var random = KeyedRandom(key, 2)
        return random.chance(permille: course.alonePermille) ? random.waiting(meanSeconds: 1_200) : nil
    }

    /// From the hand-over until a person has seen to it: a working day, in the mean.
    package var personTakes: Duration {
        var random = KeyedRandom(key, 3)
        return .seconds(600) + random.waiting(meanSeconds: 8 * 3_600)
    }

    /// After a repair that passed; nil where it lasts.
    package func relapse(_ course: Course) -> Duration? {
        var random = KeyedRandom(key, 4)
        return random.chance(permille: course.relapsePermille) ? random.waiting(meanSeconds: 6 * 3_600) : nil
    }

    /// Whether the stand-in for L2 comes upon the right runbook.
    package var isUnderstoodByL2: Bool {
        var random = KeyedRandom(key, 5)
        return random.chance(permille: Self.understoodPermille)
    }

    package static let understoodPermille = 900

    package func relapsed(at now: Timestamp) -> Fault {
        var random = KeyedRandom(key, 6)
        return Fault(scenario: scenario, key: random.next(), injected: now, generation: generation + 1)
    }
}

/// One scenario's faults, one after another: a Poisson process over all hosts that it can happen to.
package struct FaultSource: Sendable {
    package struct Arrival: Sendable {
        package let host: Int
        package let fault: Fault
    }

    private let setup: SimulationSetup
    private let number: Int
    private let place: Scenario.Place
    private let meanSeconds: Double
    private var drawn: UInt64 = 0
    private var clock = SimulationSetup.start

    package init(_ number: Int, _ scenario: Scenario, _ setup: SimulationSetup) {
        self.setup = setup
        self.number = number
        place = scenario.place
        let hosts = place == .clinicalDevice ? setup.siteCount : setup.hosts - setup.siteCount
        meanSeconds = 365 * 86_400 / (scenario.course.perHostYear * setup.haste * Double(max(hosts, 1)))
    }

    package mutating func next() -> Arrival {
        drawn += 1
        var random = KeyedRandom(setup.seed, UInt64(number), drawn)
        clock = clock + random.waiting(meanSeconds: meanSeconds)
        let site = random.below(setup.siteCount)
        let hosts = setup.hosts(of: site)
        let host = place == .clinicalDevice ? hosts.upperBound - 1 : hosts.lowerBound + random.below(hosts.count - 1)
        var at = clock
        // The window is six hours: seven later it is closed.
        if place == .outsideWindow, SimulationSetup.isNight(at) { at = at + .seconds(7 * 3_600) }
        return Arrival(host: host, fault: Fault(scenario: number, key: random.next(), injected: at))
    }
}
