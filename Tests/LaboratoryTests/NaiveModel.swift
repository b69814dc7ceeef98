import Catalog
import Detection
import Healing
import Laboratory
import Model
import Seal

/// The same world without a queue: every second everything is gone through, and every check is looked at whenever it is due. Slow, and
/// plain enough to be believed. It meets the same faults and disturbances, for those are drawn from keys.
struct NaiveModel {
    private struct State {
        var fault: Fault?
        var isDormant = false
        var lastScenario = 0
        var awakens: Timestamp?
        var endsAlone: Timestamp?
        var personComes: Timestamp?
        var relapse: (at: Timestamp, fault: Fault)?
        var firstAnswer: Code?
        var handedOver: Code?
        var isMisjudged = false
        var incident: Incident?
        var until: Timestamp?
        var ticket: Code?
        var openings: [Timestamp] = []
        var lastAttempt: Timestamp?
        var repairs: [Timestamp] = []
        var healed = Timestamp(milliseconds: 0)
        var looked: Timestamp
    }

    private struct Repair {
        let subject: Int
        let host: Int
        let fault: UInt64?
        let scenario: Int
        let works: Bool
        let ends: Timestamp
    }

    private let setup: SimulationSetup
    private let scenarios: [Scenario]
    private let catalog: CompiledCatalog
    private let checks: [CheckDefinition]
    private let index: L1Index
    /// Of each subject.
    private let intervals: [Duration]
    private let names: [HostID]
    private var states: [State] = []
    private var repairs: [Repair] = []
    private var begun: [(site: Int, at: Timestamp)] = []
    private var atWork: [Disturbance] = []
    private(set) var tallies: [ScenarioTally]

    init(_ setup: SimulationSetup, _ scenarios: [Scenario], _ catalog: CompiledCatalog, looked: (Int, Int) -> Timestamp) {
        self.setup = setup
        self.scenarios = scenarios
        self.catalog = SiteValues.applied(to: catalog)
        checks = Set(scenarios.map(\.check)).sorted().compactMap { catalog.checks[$0] }
        index = L1Index(catalog.rules)
        tallies = scenarios.map { _ in ScenarioTally() }
        let (checks, detector) = (checks, Detector(checks: checks))
        let names = (0..<setup.hosts).map { HostID("host-\($0)") ?? "host" }
        self.names = names
        intervals = names.flatMap { name in checks.map { .seconds(detector.interval(of: $0, on: name).wholeSeconds) } }
        for host in 0..<setup.hosts { for check in checks.indices { states.append(State(looked: looked(check, host))) } }
    }

    mutating func run() {
        var sources = scenarios.enumerated().map { FaultSource($0, $1, setup) }
        var arrivals = sources.indices.map { sources[$0].next() }
        let badDays = scenarios.indices.filter { scenarios[$0].ending == .healed && !scenarios[$0].keepsComingBack }
        var disturbing = (0..<setup.siteCount).map { DisturbanceSource(site: $0, setup, badDays: badDays) }
        var coming = disturbing.indices.map { disturbing[$0].next() }
        var now = SimulationSetup.start
        while now < setup.end {
            for number in arrivals.indices {
                while arrivals[number].fault.injected <= now {
                    let arrival = arrivals[number]
                    begin(arrival.fault, arrival.host, now)
                    if scenarios[number].place == .clockOff {
                        let site = setup.site(of: arrival.host)
                        atWork.append(
                            Disturbance(site: site, kind: .clockOff, starts: now, ends: now + .seconds(26 * 3_600), key: 0))
                    }
                    arrivals[number] = sources[number].next()
                }
            }
            for site in coming.indices {
                while coming[site].starts <= now {
                    if case .badDay = coming[site].kind {
                        for host in setup.hosts(of: site) where !setup.isClinical(host) {
                            if let fault = coming[site].strikes(host) { begin(fault, host, now) }
                        }
                    } else {
                        atWork.append(coming[site])
                    }
                    coming[site] = disturbing[site].next()
                }
            }
            atWork.removeAll { $0.ends <= now }
            for subject in states.indices { passTime(subject, now) }
            for repair in repairs.sorted(by: { $0.host < $1.host }) where repair.ends == now { finish(repair, now) }
            for subject in states.indices where isDue(subject, now) { record(observe(subject, now), subject, now) }
            for subject in states.indices { decide(subject, now) }
            now = now + .seconds(1)
        }
        for state in states { if let fault = state.fault { tallies[fault.scenario].open += 1 } }
    }

    private func host(_ subject: Int) -> Int { subject / checks.count }
    private func site(_ subject: Int) -> Int { setup.site(of: host(subject)) }
    private func isAtWork(_ site: Int, _ kind: Disturbance.Kind) -> Bool { atWork.contains { $0.site == site && $0.kind == kind } }
    private func isDown(_ subject: Int) -> Bool { isAtWork(site(subject), .outage(host: host(subject))) }

    private mutating func begin(_ fault: Fault, _ host: Int, _ now: Timestamp) {
        let scenario = scenarios[fault.scenario]
        guard let check = checks.firstIndex(where: { $0.id == scenario.check }) else { return }
        let subject = host * checks.count + check
        guard states[subject].fault == nil else { return }
        states[subject].fault = fault
        states[subject].lastScenario = fault.scenario
        states[subject].isDormant = false
        (states[subject].firstAnswer, states[subject].handedOver, states[subject].isMisjudged) = (nil, nil, false)
        tallies[fault.scenario].faults += 1
        states[subject].awakens = nil
        states[subject].endsAlone = fault.endsAlone(scenario.course).map { now + $0 }
        let isUntold = scenario.ending == .unseen || scenario.ending == .accepted
        states[subject].personComes = isUntold ? now + fault.personTakes : nil
    }

    private mutating func passTime(_ subject: Int, _ now: Timestamp) {
        if states[subject].fault == nil, states[subject].relapse == nil { return }
        if let relapse = states[subject].relapse, relapse.at == now {
            states[subject].relapse = nil
            if states[subject].fault == nil {
                if now - states[subject].healed < .seconds(86_400) { tallies[relapse.fault.scenario].relapses += 1 }
                begin(relapse.fault.relapsed(at: now), host(subject), now)
            }
        }
        guard let fault = states[subject].fault else { return }
        if states[subject].awakens == now { states[subject].isDormant = false }
        if states[subject].endsAlone == now, states[subject].handedOver == nil {
            tallies[fault.scenario].alone += 1
            states[subject].fault = nil
        } else if states[subject].personComes == now {
            count(subject, fault, nil)
        }
    }

    private mutating func count(_ subject: Int, _ fault: Fault, _ tier: Tier?) {
        let state = states[subject]
        states[subject].fault = nil
        states[subject].isDormant = false
        if tier == nil { tallies[fault.scenario].byPerson += 1 } else { tallies[fault.scenario].byL1 += 1 }
        let isExpected =
            switch scenarios[fault.scenario].ending {
            case .healed: tier != nil
            case .waits(let code): tier != nil && state.firstAnswer == code
            case .handedOver(let code):
                tier == nil
                    && (state.handedOver == code || (scenarios[fault.scenario].keepsComingBack && state.handedOver == "gate.daily"))
            case .unseen, .accepted: tier == nil && state.firstAnswer == nil && !state.isMisjudged
            }
        if isExpected { tallies[fault.scenario].asExpected += 1 } else { tallies[fault.scenario].otherwise += 1 }
    }

    private func isDue(_ subject: Int, _ now: Timestamp) -> Bool {
        if now >= states[subject].looked + intervals[subject] { return true }
        let proof = states[subject].healed + Detector.relapseAfter
        return states[subject].looked < proof && now >= proof
    }

    private mutating func observe(_ subject: Int, _ now: Timestamp) -> Observation {
        states[subject].looked = now
        let check = checks[subject % checks.count]
        let name = names[host(subject)]
        if isDown(subject) {
            return Observation(
                host: name, check: check.id, verdict: .unknown("host.unreachable"), facts: Facts(), started: now, ended: now)
        }
        let scenario = states[subject].isDormant ? nil : states[subject].fault.map { scenarios[$0.scenario] }
        let facts = SoundHost.facts(of: check.id, with: scenario, at: now)
        let parameters = catalog.parameters(of: check, baseline: catalog.baselines["default"])
        let verdict = check.judge(facts, parameters: parameters, at: now)
        if let scenario {
            let isRight =
                scenario.code.map { verdict == .drift($0) } ?? (verdict.word == (scenario.ending == .accepted ? "compliant" : "unknown"))
            if !isRight { states[subject].isMisjudged = true }
        }
        return Observation(host: name, check: check.id, verdict: verdict, facts: facts, started: now, ended: now)
    }

    private mutating func record(_ seen: Observation, _ subject: Int, _ now: Timestamp) {
        switch (seen.verdict, states[subject].incident) {
        case (.drift(let code), nil):
            let check = checks[subject % checks.count]
            states[subject].incident = Incident(
                id: IncidentID(at: now), host: seen.host, check: check.id, code: code, severity: check.severity, opened: now,
                lastSeen: now, facts: seen.facts)
            states[subject].until = nil
            states[subject].openings.append(now)
        case (.drift(let code), .some(let incident)):
            states[subject].incident?.facts = seen.facts
            states[subject].incident?.code = code
            if code != incident.code {
                states[subject].incident?.state = .open
                states[subject].until = nil
            } else if incident.state == .escalated, states[subject].handedOver == nil, let fault = states[subject].fault {
                states[subject].handedOver = states[subject].ticket
                states[subject].personComes = now + fault.personTakes
            }
        case (.compliant, .some), (.notApplicable, .some): states[subject].incident = nil
        default: break
        }
    }

    private mutating func handOver(_ subject: Int, _ code: Code, _ now: Timestamp) {
        states[subject].firstAnswer = states[subject].firstAnswer ?? code
        states[subject].incident?.state = .escalated
        states[subject].ticket = code
        guard let fault = states[subject].fault else { return }
        states[subject].handedOver = code
        states[subject].personComes = now + fault.personTakes
    }

    private mutating func decide(_ subject: Int, _ now: Timestamp) {
        guard let incident = states[subject].incident, incident.state != .escalated, states[subject].until.map({ $0 <= now }) ?? true,
            !repairs.contains(where: { $0.host == host(subject) })
        else { return }
        let parameters = catalog.parameters(of: checks[subject % checks.count], baseline: catalog.baselines["default"])
        let decision = index.decide(
            incident, on: index.platforms(SoundHost.platforms), facts: incident.facts, parameters: parameters, at: now)
        guard case .run(let rule, let id, let arguments) = decision, let runbook = catalog.runbooks[id],
            let digest = catalog.runbookDigests[id], let definition = catalog.rules.first(where: { $0.id == rule }),
            let window = try? MaintenanceWindow(SimulationSetup.windowHours, zone: .utc)
        else {
            if case .escalate = decision { return handOver(subject, "rule.escalates", now) }
            return handOver(subject, "rule.none", now)
        }
        let site = site(subject)
        var policy = HealingPolicy(window: window)
        policy.clinicalHosts = Set(setup.hosts(of: site).filter(setup.isClinical).compactMap { HostID("host-\($0)") })
        var history = Circumstances.History(hostCount: setup.hosts(of: site).count)
        history.running = Set(repairs.filter { setup.site(of: $0.host) == site }.compactMap { HostID("host-\($0.host)") })
        history.actions = begun.filter { $0.site == site }.map(\.at)
        history.attempts = incident.attempts
        history.lastAttempt = states[subject].lastAttempt
        history.openings = states[subject].openings
        history.repairs = states[subject].repairs
        var seen = Circumstances(
            runbookDigest: digest, platforms: SoundHost.platforms,
            clock: ClockReading(offsetMilliseconds: isAtWork(site, .clockOff) ? 9_000 : 0, source: "naive"), keysAreSafe: true,
            evidenceIsDurable: !isAtWork(site, .evidenceGone), history: history)
        seen.isPaused = isAtWork(site, .paused)
        seen.isPausedLocally = isAtWork(site, .pausedLocally)
        seen.ruleCooldown = definition.cooldown
        seen.ruleAttemptsMax = definition.attemptsMax
        let plan = Plan(
            id: PlanID(at: now), host: incident.host, check: incident.check, incident: incident.id, order: nil, tier: .l1,
            proposer: "rule:\(rule)", runbook: id, runbookDigest: digest, parameters: arguments, isDisruptive: runbook.isDisruptive,
            made: now)
        switch Gate.judge(plan, runbook: runbook, authority: nil, policy: policy, circumstances: seen, now: now) {
        case .admitted:
            states[subject].firstAnswer = states[subject].firstAnswer ?? "gate.admitted"
            start(subject, id, arguments, now)
        case .deferred(let until, let code):
            states[subject].firstAnswer = states[subject].firstAnswer ?? code
            states[subject].until = until
        case .needsApproval(let code): handOver(subject, code, now)
        case .refused(let code):
            if GateCode(rawValue: code.description)?.isForPerson ?? true { handOver(subject, code, now) }
        }
    }

    /// Whether that is what the rules say to the fault that is there, whatever was seen.
    private func isRemedy(_ runbook: RunbookID, _ arguments: [String: TypedValue], of fault: Fault, _ subject: Int, _ now: Timestamp)
        -> Bool
    {
        let scenario = scenarios[fault.scenario]
        guard let code = scenario.code, var incident = states[subject].incident else { return false }
        incident.code = code
        let check = checks[subject % checks.count]
        let decision = index.decide(
            incident, on: index.platforms(SoundHost.platforms), facts: SoundHost.facts(of: check.id, with: scenario, at: now),
            parameters: catalog.parameters(of: check, baseline: catalog.baselines["default"]), at: now)
        guard case .run(_, runbook, let wanted) = decision else { return false }
        return wanted == arguments
    }

    private mutating func start(_ subject: Int, _ runbook: RunbookID, _ arguments: [String: TypedValue], _ now: Timestamp) {
        let fault = states[subject].isDormant ? nil : states[subject].fault
        let isRight = fault.map { isRemedy(runbook, arguments, of: $0, subject, now) } ?? false
        let scenario = states[subject].lastScenario
        tallies[scenario].attempts += 1
        if !isRight { tallies[scenario].falseRepairs += 1 }
        let attempt = (states[subject].incident?.attempts ?? 0) + 1
        let course = fault.map { $0.attempt(attempt, scenarios[$0.scenario].course) } ?? (true, .seconds(5))
        repairs.append(
            Repair(
                subject: subject, host: host(subject), fault: fault?.key, scenario: scenario, works: isRight && course.works,
                ends: now + course.takes))
        begun.append((site(subject), now))
        states[subject].until = nil
    }

    private mutating func finish(_ repair: Repair, _ now: Timestamp) {
        let subject = repair.subject
        repairs.removeAll { $0.host == repair.host }
        states[subject].lastAttempt = now
        states[subject].incident?.attempts += 1
        if repair.works, let fault = states[subject].fault, fault.key == repair.fault, !isDown(subject) {
            let scenario = scenarios[fault.scenario]
            tallies[fault.scenario].healing.add(now - fault.injected)
            if let span = scenario.comesBackAfter {
                states[subject].isDormant = true
                states[subject].awakens = now + span
            } else {
                count(subject, fault, .l1)
                if let span = fault.relapse(scenario.course) { states[subject].relapse = (now + span, fault) }
            }
        }
        let seen = observe(subject, now)
        if seen.verdict == .compliant {
            states[subject].healed = now
            states[subject].repairs.append(now)
        } else {
            tallies[repair.scenario].failedAttempts += 1
        }
        record(seen, subject, now)
    }
}
