package import Catalog
import Detection
import Healing
import Learning
import Model
import Seal

/// A year of many hosts in minutes: drift comes and goes by chance from a seed, and what decides is the appliance's own code: checks,
/// incidents, rules, gate, learning.
///
/// A queue of events and no polling: a look is taken at the time when `Detector` would take it, but only where something changed since
/// the look before. `docs/lab.md` says what is simulated and what is not.
package struct Simulation {
    let setup: SimulationSetup
    let scenarios: [Scenario]
    let world: SimulatedWorld
    var queue = EventQueue()
    var now = SimulationSetup.start
    var sources: [FaultSource]
    /// Of each scenario the fault that comes next.
    var arriving: [FaultSource.Arrival?]
    var disturbances: [DisturbanceSource]
    /// Of each site the one that comes next.
    var coming: [Disturbance?]
    /// Those at work, by their own numbers.
    var atWork: [Int: Disturbance] = [:]
    var disturbancesBegun = 0
    var sites: [SimulatedSite]
    var subjects: [Subject]
    /// By host.
    private var running: [Int: RunningRepair] = [:]
    var desk: LearningDesk
    private var auditor: LimitAuditor
    var ids: KeyedRandom
    var report: SimulationReport

    /// - Throws: where the catalog has no check of a scenario, or no form as a pack.
    package init(
        _ setup: SimulationSetup, scenarios: [Scenario] = Scenario.all, catalog: CompiledCatalog, schema: CatalogSchema
    ) throws {
        self.setup = setup
        self.scenarios = scenarios
        let world = try SimulatedWorld(scenarios, SiteValues.applied(to: catalog), setup)
        self.world = world
        ids = KeyedRandom(setup.seed, 7)
        var siteIDs: [SiteID] = []
        for _ in 0..<setup.siteCount { siteIDs.append(SiteID(at: SimulationSetup.start, random: &ids)) }
        desk = try LearningDesk(world.catalog, schema: schema, sites: siteIDs)
        sites = try siteIDs.enumerated().map { try SimulatedSite($1, hosts: setup.hosts(of: $0), setup, rules: world.shipped) }
        subjects = Array(repeating: Subject(), count: setup.hosts * world.checks.count)
        for host in 0..<setup.hosts {
            for check in world.checks.indices {
                subjects[host * world.checks.count + check].looked = world.lookedBefore(check, on: host, seed: setup.seed)
            }
        }
        sources = scenarios.enumerated().map { FaultSource($0, $1, setup) }
        arriving = Array(repeating: nil, count: scenarios.count)
        let badDays = scenarios.indices.filter { scenarios[$0].ending == .healed && !scenarios[$0].keepsComingBack }
        disturbances = (0..<setup.siteCount).map { DisturbanceSource(site: $0, setup, badDays: badDays) }
        coming = Array(repeating: nil, count: setup.siteCount)
        auditor = LimitAuditor(setup, subjects: subjects.count)
        report = SimulationReport(setup, scenarios)
    }

    /// - Parameter month: called after each 30 simulated days, with their number from 1.
    package mutating func run(month: (Int) -> Void = { _ in }) -> SimulationReport {
        for number in sources.indices { drawArrival(number) }
        for site in disturbances.indices { drawDisturbance(site) }
        queue.add(.day, 1, at: SimulationSetup.start + .seconds(86_400))
        while let event = queue.take(before: setup.end) {
            now = event.at
            report.events += 1
            handle(event)
            if event.kind == .day, event.number % 30 == 0 {
                report.pending.append(queue.pending)
                month(event.number / 30)
            }
        }
        for subject in subjects {
            if let fault = subject.fault { report.tallies[fault.scenario].open += 1 }
        }
        report.active = desk.active
        report.promotions = desk.promotions
        report.demotions = desk.demotions
        return report
    }

    private mutating func handle(_ event: EventQueue.Event) {
        switch event.kind {
        case .arrival: arrive(event.number)
        case .disturbance: disturb(event.number)
        case .disturbanceEnds: calm(event.number)
        case .awakens: awaken(event.number, event.fault)
        case .endsAlone: end(event.number, event.fault, by: .itself)
        case .personRepairs: end(event.number, event.fault, by: .person)
        case .repairEnds: finish(event.number)
        case .day: dayEnds(event.number)
        case .look: look(event.number)
        case .decide: decide(event.number)
        }
    }

    // MARK: Looking

    /// The next look at it will find something else than the one before.
    mutating func changed(_ subject: Int) {
        let check = world.check(of: subject)
        let next = subjects[subject].nextLook(notBefore: now, interval: world.interval(check, on: world.host(of: subject)))
        guard subjects[subject].lookAt.map({ next < $0 }) ?? true else { return }
        subjects[subject].lookAt = next
        queue.add(.look, subject, at: next)
    }

    private mutating func look(_ subject: Int) {
        guard subjects[subject].lookAt == now else { return }
        subjects[subject].lookAt = nil
        record(observe(subject), of: subject)
    }

    private mutating func observe(_ subject: Int) -> Observation {
        subjects[subject].looked = now
        report.looks += 1
        let host = world.host(of: subject)
        let check = world.checks[world.check(of: subject)]
        guard !sites[setup.site(of: host)].isDown(host) else {
            return Observation(
                host: world.names[host], check: check.id, verdict: .unknown("host.unreachable"), facts: Facts(), started: now, ended: now)
        }
        let scenario = subjects[subject].isDormant ? nil : subjects[subject].fault.map { scenarios[$0.scenario] }
        let facts = SoundHost.facts(of: check.id, with: scenario, at: now)
        let verdict = check.judge(facts, parameters: world.parameters[world.check(of: subject)], at: now)
        if let scenario {
            if let code = scenario.code {
                if verdict != .drift(code) { subjects[subject].isMisjudged = true }
            } else if verdict.word == "drift" || (verdict == .compliant) != (scenario.ending == .accepted) {
                subjects[subject].isMisjudged = true
            }
        }
        return Observation(host: world.names[host], check: check.id, verdict: verdict, facts: facts, started: now, ended: now)
    }

    private mutating func record(_ observation: Observation, of subject: Int) {
        let check = world.checks[world.check(of: subject)]
        var tracker = IncidentTracker(open: subjects[subject].incident.map { [$0] } ?? [])
        switch tracker.apply(observation, severity: check.severity, random: &ids) {
        case .opened(let incident):
            subjects[subject].open(incident, at: now)
            auditor.opened(subject, at: now)
            report.incidents += 1
            if let pattern = pattern(of: incident, subject) { desk.drifted(pattern, on: hostKey(subject), at: now) }
            ask(subject, at: now)
        case .updated(var incident, let codeChanged):
            if codeChanged { incident.state = .open }
            subjects[subject].incident = incident
            switch incident.state {
            case .open: ask(subject, at: now)
            // Another fault behind the one that a person was told of: the ticket is still open.
            case .escalated: if let code = subjects[subject].ticket, subjects[subject].handedOver == nil { tell(subject, code) }
            case .deferred, .resolved: break
            }
        case .resolved:
            subjects[subject].incident = nil
        case .unseen, nil:
            break
        }
    }

    // MARK: Deciding

    mutating func ask(_ subject: Int, at instant: Timestamp) {
        guard subjects[subject].decideAt.map({ instant < $0 }) ?? true else { return }
        subjects[subject].decideAt = instant
        queue.add(.decide, subject, at: instant)
    }

    private mutating func decide(_ subject: Int) {
        guard subjects[subject].decideAt == now else { return }
        subjects[subject].decideAt = nil
        let host = world.host(of: subject)
        // A host is worked on by one plan at a time; when it ends, the others are asked again.
        guard let incident = subjects[subject].incident, incident.state != .escalated, running[host] == nil else { return }
        report.decisions += 1
        let site = setup.site(of: host)
        let fault = subjects[subject].fault
        let asked = fault.flatMap { scenarios[$0.scenario].course.isLeftToL2 ? $0.isUnderstoodByL2 : nil }
        switch world.propose(
            incident, on: world.check(of: subject), by: sites[site].rules, isUnderstoodByL2: asked, digests: desk.runbookDigests, at: now,
            random: &ids)
        {
        case .later(let instant): ask(subject, at: instant)
        case .person(let code): handOver(subject, code)
        case .plan(let proposed):
            var circumstances = sites[site].circumstances(
                of: subjects[subject], proposed.plan.runbookDigest, hostCount: setup.hosts(of: site).count, at: now)
            circumstances.ruleCooldown = proposed.rule?.cooldown
            circumstances.ruleAttemptsMax = proposed.rule?.attemptsMax
            let admission = Gate.judge(
                proposed.plan, runbook: proposed.runbook, authority: nil, policy: sites[site].policy, circumstances: circumstances, now: now
            )
            answer(admission, subject)
            if admission == .admitted { start(proposed, subject) }
        }
    }

    private mutating func answer(_ admission: Admission, _ subject: Int) {
        switch admission {
        case .admitted: subjects[subject].firstAnswer = subjects[subject].firstAnswer ?? "gate.admitted"
        case .deferred(let until, let code):
            report.answers[code, default: 0] += 1
            subjects[subject].firstAnswer = subjects[subject].firstAnswer ?? code
            subjects[subject].incident?.state = .deferred
            ask(subject, at: until)
        case .needsApproval(let code): handOver(subject, code)
        case .refused(let code):
            if GateCode(rawValue: code.description)?.isForPerson ?? true { return handOver(subject, code) }
            report.answers[code, default: 0] += 1
            // Asked again when what stands in the way is gone.
            subjects[subject].incident?.state = .open
        }
    }

    private mutating func handOver(_ subject: Int, _ code: Code) {
        report.answers[code, default: 0] += 1
        subjects[subject].firstAnswer = subjects[subject].firstAnswer ?? code
        subjects[subject].incident?.state = .escalated
        subjects[subject].ticket = code
        tell(subject, code)
    }

    private mutating func tell(_ subject: Int, _ code: Code) {
        guard let fault = subjects[subject].fault else { return }
        subjects[subject].handedOver = code
        queue.add(.personRepairs, subject, fault: fault.key, at: now + fault.personTakes)
    }

    // MARK: Acting

    private mutating func start(_ proposed: ProposedRepair, _ subject: Int) {
        let (plan, runbook) = (proposed.plan, proposed.runbook)
        let host = world.host(of: subject)
        let site = setup.site(of: host)
        let fault = subjects[subject].isDormant ? nil : subjects[subject].fault
        let scenario = subjects[subject].lastScenario
        // Another fault may have come since the look, and what was planned for the one before does not repair it.
        let isRemedy = fault.map { world.remedies[$0.scenario] == Remedy(plan) } ?? false
        report.tallies[scenario].attempts += 1
        if !isRemedy { report.tallies[scenario].falseRepairs += 1 }
        let broken = auditor.began(
            subject, on: host, disturbing: runbook.isDisruptive || runbook.needsReboot || runbook.needsWindow,
            cooldown: proposed.rule?.cooldown ?? .zero, attemptsMax: min(3, proposed.rule?.attemptsMax ?? 3),
            truth: LimitAuditor.Truth(
                isClinical: setup.isClinical(host), mayBeRepaired: scenarios[scenario].isHealable || scenarios[scenario].keepsComingBack,
                isPaused: sites[site].isPaused || sites[site].isPausedLocally, isEvidenceGone: sites[site].isEvidenceGone,
                isClockOff: sites[site].isClockOff,
                // Whom the gate asks for a word is handed the matter; nobody in this world gives one.
                isUnapproved: runbook.needsApproval || plan.tier == .l2 && (runbook.isDisruptive || runbook.needsReboot)), at: now)
        report.tallies[scenario].harm += broken.count
        for code in broken { report.harms[code, default: 0] += 1 }
        let attempt = (subjects[subject].incident?.attempts ?? 0) + 1
        let course = fault.map { $0.attempt(attempt, scenarios[$0.scenario].course) } ?? (true, .seconds(5))
        running[host] = RunningRepair(
            plan: plan, subject: subject, fault: fault?.key, scenario: scenario, works: isRemedy && course.works, started: now,
            attempt: attempt, learned: proposed.learned,
            pattern: plan.tier == .l2 || proposed.learned != nil ? subjects[subject].incident.flatMap { pattern(of: $0, subject) } : nil)
        subjects[subject].incident?.state = .open
        sites[site].began(plan.host, at: now)
        queue.add(.repairEnds, host, at: now + course.takes)
    }

    private mutating func finish(_ host: Int) {
        guard let repair = running.removeValue(forKey: host) else { return }
        let (subject, site) = (repair.subject, setup.site(of: host))
        sites[site].ended(repair.plan.host)
        subjects[subject].lastAttempt = now
        subjects[subject].incident?.attempts += 1
        // What a look that was to come would find, the re-check finds.
        subjects[subject].lookAt = nil
        let fault = subjects[subject].fault
        if repair.works, let fault, fault.key == repair.fault, !sites[site].isDown(host) { heal(subject, fault, by: repair.plan.tier) }
        let observation = observe(subject)
        let isHealed = PassingRecheck(observation, after: now) != nil
        auditor.ended(subject, on: host, passed: isHealed, at: now)
        if isHealed { subjects[subject].passed(at: now) } else { report.tallies[repair.scenario].failedAttempts += 1 }
        report.count(repair.plan.tier, isHealed: isHealed)
        record(observation, of: subject)
        teach(repair, isHealed)
        for other in world.subjects(of: host) {
            if let state = subjects[other].incident?.state, state != .escalated {
                ask(other, at: max(now, subjects[other].decideAt ?? now))
            }
        }
    }

    private mutating func heal(_ subject: Int, _ fault: Fault, by tier: Tier) {
        let scenario = scenarios[fault.scenario]
        report.tallies[fault.scenario].healing.add(now - fault.injected)
        if let span = scenario.comesBackAfter {
            subjects[subject].isDormant = true
            queue.add(.awakens, subject, fault: fault.key, at: now + span)
            return
        }
        settle(subject, fault, healedBy: tier, alone: false)
        if let span = fault.relapse(scenario.course) {
            subjects[subject].relapsing = fault
            queue.add(.awakens, subject, fault: fault.key, at: now + span)
        }
    }
}
