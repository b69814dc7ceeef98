import Model

/// Counts the guardrails' limits once more, by itself: it sees what was begun and ended and the truth about hosts, asks neither the gate
/// nor the history that the gate is shown, and calls what should not have been begun by a code.
struct LimitAuditor {
    /// What is true when a repair begins, whatever anybody knows of it.
    struct Truth {
        let isClinical: Bool
        /// A healable scenario, at work or just over.
        let mayBeRepaired: Bool
        let isPaused: Bool
        let isEvidenceGone: Bool
        let isClockOff: Bool
        /// A person had to approve it first, and nobody has.
        let isUnapproved: Bool
    }

    private struct SiteRecord {
        var begun: [Timestamp] = []
        var running: Set<Int> = []
    }

    private struct SubjectRecord {
        var ended: Timestamp?
        var opened: [Timestamp] = []
        /// Since the newest opening.
        var attempts = 0
        /// Ends of those that passed.
        var passed: [Timestamp] = []
    }

    private let setup: SimulationSetup
    private var sites: [SiteRecord]
    private var subjects: [SubjectRecord]

    init(_ setup: SimulationSetup, subjects: Int) {
        self.setup = setup
        sites = Array(repeating: SiteRecord(), count: setup.siteCount)
        self.subjects = Array(repeating: SubjectRecord(), count: subjects)
    }

    mutating func opened(_ subject: Int, at now: Timestamp) {
        subjects[subject].opened.removeAll { now - $0 >= .seconds(1_800) }
        subjects[subject].opened.append(now)
        subjects[subject].attempts = 0
    }

    mutating func began(
        _ subject: Int, on host: Int, disturbing: Bool, cooldown: Duration, attemptsMax: Int, truth: Truth, at now: Timestamp
    ) -> [Code] {
        let number = setup.site(of: host)
        var broken: [Code] = []
        if truth.isClinical { broken.append("harm.clinical_device") }
        if !truth.mayBeRepaired { broken.append("harm.not_to_be_repaired") }
        if truth.isUnapproved { broken.append("harm.not_approved") }
        if truth.isPaused { broken.append("harm.paused") }
        if truth.isEvidenceGone { broken.append("harm.no_evidence") }
        if disturbing, truth.isClockOff { broken.append("harm.clock_off") }
        if disturbing, !SimulationSetup.isNight(now) { broken.append("harm.outside_window") }
        if subjects[subject].attempts >= attemptsMax { broken.append("harm.attempts") }
        if subjects[subject].opened.count(where: { now - $0 < .seconds(1_800) }) > 3 { broken.append("harm.flapping") }
        if subjects[subject].passed.count(where: { now - $0 < .seconds(86_400) }) >= 6 { broken.append("harm.daily") }
        if let ended = subjects[subject].ended, now - ended < max(cooldown, .seconds(600)) { broken.append("harm.cooldown") }
        sites[number].begun.removeAll { now - $0 >= .seconds(3_600) }
        sites[number].begun.append(now)
        if sites[number].begun.count > 30 { broken.append("harm.budget") }
        if !sites[number].running.insert(host).inserted { broken.append("harm.host_busy") }
        if sites[number].running.count > max(1, setup.hosts(of: number).count / 10) { broken.append("harm.blast_radius") }
        return broken
    }

    mutating func ended(_ subject: Int, on host: Int, passed: Bool, at now: Timestamp) {
        subjects[subject].ended = now
        subjects[subject].attempts += 1
        if passed {
            subjects[subject].passed.removeAll { now - $0 >= .seconds(86_400) }
            subjects[subject].passed.append(now)
        }
        sites[setup.site(of: host)].running.remove(host)
    }
}
