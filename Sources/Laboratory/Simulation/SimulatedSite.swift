import Healing
import Model
import Seal

/// What an appliance knows of its site, and what befalls it.
struct SimulatedSite {
    let id: SiteID
    let policy: HealingPolicy
    var rules: RuleSet
    private var running: Set<HostID> = []
    /// Within the budget's span.
    private var begun: [Timestamp] = []
    /// How many disturbances of a kind are at work.
    private var down: [Int: Int] = [:]
    private var paused = 0
    private var pausedLocally = 0
    private var evidenceGone = 0
    private var clockOff = 0

    init(_ id: SiteID, hosts: Range<Int>, _ setup: SimulationSetup, rules: RuleSet) throws {
        self.id = id
        self.rules = rules
        var policy = HealingPolicy(window: try MaintenanceWindow(SimulationSetup.windowHours, zone: .utc))
        policy.clinicalHosts = Set(hosts.filter(setup.isClinical).compactMap { HostID("host-\($0)") })
        self.policy = policy
    }

    var isPaused: Bool { paused > 0 }
    var isPausedLocally: Bool { pausedLocally > 0 }
    var isEvidenceGone: Bool { evidenceGone > 0 }
    var isClockOff: Bool { clockOff > 0 }
    func isDown(_ host: Int) -> Bool { down[host] != nil }

    mutating func apply(_ kind: Disturbance.Kind, by step: Int) {
        switch kind {
        case .outage(let host):
            let count = down[host, default: 0] + step
            down[host] = count > 0 ? count : nil
        case .paused: paused += step
        case .pausedLocally: pausedLocally += step
        case .evidenceGone: evidenceGone += step
        case .clockOff: clockOff += step
        case .badDay: break
        }
    }

    mutating func began(_ host: HostID, at now: Timestamp) {
        running.insert(host)
        begun.removeAll { $0 <= now - Gate.budgetSpan }
        begun.append(now)
    }

    mutating func ended(_ host: HostID) { running.remove(host) }

    /// As the appliance reads them before it judges; the rule's own limits are left to fill in.
    func circumstances(of subject: Subject, _ runbookDigest: Digest, hostCount: Int, at now: Timestamp) -> Circumstances {
        var history = Circumstances.History(hostCount: hostCount)
        history.running = running
        history.actions = begun
        history.attempts = subject.incident?.attempts ?? 0
        history.lastAttempt = subject.lastAttempt
        history.openings = subject.openings
        history.repairs = subject.repairs
        var circumstances = Circumstances(
            runbookDigest: runbookDigest, platforms: SoundHost.platforms,
            clock: ClockReading(offsetMilliseconds: isClockOff ? 9_000 : 20, source: "simulated"), keysAreSafe: true,
            evidenceIsDurable: !isEvidenceGone, history: history)
        circumstances.isPaused = isPaused
        circumstances.isPausedLocally = isPausedLocally
        return circumstances
    }
}
