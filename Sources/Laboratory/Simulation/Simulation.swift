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
    private let setup: SimulationSetup
    private let scenarios: [Scenario]
    private let world: SimulatedWorld
    private var queue = EventQueue()
    private var now = SimulationSetup.start
    private var sources: [FaultSource]
    /// Of each scenario the fault that comes next.
    private var arriving: [FaultSource.Arrival?]
    private var disturbances: [DisturbanceSource]
    /// Of each site the one that comes next.
    private var coming: [Disturbance?]
    /// Those at work, by their own numbers.
    private var atWork: [Int: Disturbance] = [:]
    private var disturbancesBegun = 0
    private var sites: [SimulatedSite]
    private var subjects: [Subject]
    /// By host.
    private var running: [Int: RunningRepair] = [:]
    private var desk: LearningDesk
    private var auditor: LimitAuditor
    private var ids: KeyedRandom
    private var report: SimulationReport

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

    // MARK: Faults

    private mutating func drawArrival(_ number: Int) {
        let arrival = sources[number].next()
        arriving[number] = arrival
        queue.add(.arrival, number, at: max(arrival.fault.injected, now))
    }

    private mutating func arrive(_ number: Int) {
        if let arrival = arriving[number] {
            begin(arrival.fault, on: arrival.host)
            if scenarios[number].place == .clockOff {
                disturb(.clockOff(with: arrival, at: setup.site(of: arrival.host), now: now))
            }
        }
        drawArrival(number)
    }

    private mutating func begin(_ fault: Fault, on host: Int) {
        let scenario = scenarios[fault.scenario]
        let subject = world.subject(host, scenario)
        // One fault at a time on a host and check.
        guard subjects[subject].fault == nil else { return }
        subjects[subject].begin(fault)
        report.tallies[fault.scenario].faults += 1
        if let span = fault.endsAlone(scenario.course) { queue.add(.endsAlone, subject, fault: fault.key, at: now + span) }
        // What nobody may be told of, nobody is asked to see to: it lasts until somebody happens to.
        if scenario.ending == .unseen || scenario.ending == .accepted {
            queue.add(.personRepairs, subject, fault: fault.key, at: now + fault.personTakes)
        }
        changed(subject)
    }

    private mutating func awaken(_ subject: Int, _ key: UInt64) {
        // Of a fault that is over it is a relapse.
        guard subjects[subject].fault?.key == key else { return relapse(subject, key) }
        subjects[subject].isDormant = false
        changed(subject)
    }

    private mutating func relapse(_ subject: Int, _ key: UInt64) {
        guard let old = subjects[subject].relapsing, old.key == key else { return }
        subjects[subject].relapsing = nil
        guard subjects[subject].fault == nil else { return }
        if now - subjects[subject].healed < .seconds(86_400) { report.tallies[old.scenario].relapses += 1 }
        begin(old.relapsed(at: now), on: world.host(of: subject))
    }

    private enum Ender { case itself, person }

    private mutating func end(_ subject: Int, _ key: UInt64, by ender: Ender) {
        guard let fault = subjects[subject].fault, fault.key == key else { return }
        // Where somebody was asked already, it is the person's.
        if ender == .itself, subjects[subject].handedOver != nil { return }
        settle(subject, fault, healedBy: nil, alone: ender == .itself)
        changed(subject)
    }

    /// The fault is over; what it was is counted.
    private mutating func settle(_ subject: Int, _ fault: Fault, healedBy tier: Tier?, alone: Bool) {
        let state = subjects[subject]
        subjects[subject].end()
        switch tier {
        case .l1: report.tallies[fault.scenario].byL1 += 1
        case .l2: report.tallies[fault.scenario].byL2 += 1
        default: if alone { report.tallies[fault.scenario].alone += 1 } else { report.tallies[fault.scenario].byPerson += 1 }
        }
        if alone { return }
        let isExpected =
            switch scenarios[fault.scenario].ending {
            case .healed: tier != nil
            case .waits(let code): tier != nil && state.firstAnswer == code
            case .handedOver(let code): tier == nil && state.handedOver == code
            case .unseen, .accepted: tier == nil && state.firstAnswer == nil && !state.isMisjudged
            }
        if isExpected { report.tallies[fault.scenario].asExpected += 1 } else { report.tallies[fault.scenario].otherwise += 1 }
    }

    // MARK: Disturbances

    private mutating func drawDisturbance(_ site: Int) {
        let next = disturbances[site].next()
        coming[site] = next
        queue.add(.disturbance, site, at: next.starts)
    }

    private mutating func disturb(_ site: Int) {
        if let disturbance = coming[site] { disturb(disturbance) }
        drawDisturbance(site)
    }

    private mutating func disturb(_ disturbance: Disturbance) {
        if case .badDay = disturbance.kind {
            for host in setup.hosts(of: disturbance.site) where !setup.isClinical(host) {
                if let fault = disturbance.strikes(host) { begin(fault, on: host) }
            }
            return
        }
        disturbancesBegun += 1
        atWork[disturbancesBegun] = disturbance
        sites[disturbance.site].apply(disturbance.kind, by: 1)
        queue.add(.disturbanceEnds, disturbancesBegun, at: disturbance.ends)
    }

    private mutating func calm(_ number: Int) {
        guard let disturbance = atWork.removeValue(forKey: number) else { return }
        sites[disturbance.site].apply(disturbance.kind, by: -1)
        // What could not be looked at is looked at; what was refused is judged again.
        for host in setup.hosts(of: disturbance.site) {
            for subject in world.subjects(of: host) {
                if case .outage(host) = disturbance.kind, subjects[subject].fault != nil || subjects[subject].incident != nil {
                    changed(subject)
                }
                if subjects[subject].incident?.state == .open { ask(subject, at: now) }
            }
        }
    }

    // MARK: Looking

    /// The next look at it will find something else than the one before.
    private mutating func changed(_ subject: Int) {
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

    private mutating func ask(_ subject: Int, at instant: Timestamp) {
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
        let rules = sites[site].rules
        let check = world.check(of: subject)
        let parameters = world.parameters[check]
        var decision = rules.index.decide(
            incident, on: rules.index.platforms(SoundHost.platforms), facts: incident.facts, parameters: parameters, at: now)
        var tier = Tier.l1
        if case .noRule = decision, let fault = subjects[subject].fault, scenarios[fault.scenario].course.isLeftToL2 {
            guard now >= incident.opened + SimulatedWorld.modelTakes else {
                return ask(subject, at: incident.opened + SimulatedWorld.modelTakes)
            }
            guard fault.isUnderstoodByL2 else { return handOver(subject, "l2.no_remedy") }
            // The stand-in's answer is what a person wrote for this drift.
            decision = world.whole.index.decide(
                incident, on: world.whole.index.platforms(SoundHost.platforms), facts: incident.facts, parameters: parameters, at: now)
            tier = .l2
        }
        guard case .run(let rule, let runbookID, let arguments) = decision, let runbook = world.catalog.runbooks[runbookID],
            let digest = desk.runbookDigests[runbookID]
        else {
            return handOver(subject, Self.reason(decision))
        }
        let plan = Plan(
            id: PlanID(at: now, random: &ids), host: incident.host, check: incident.check, incident: incident.id, order: nil, tier: tier,
            proposer: tier == .l1 ? "rule:\(rule)" : "model:stand-in", runbook: runbookID, runbookDigest: digest, parameters: arguments,
            isDisruptive: runbook.isDisruptive, made: now)
        let definition = tier == .l1 ? rules.definitions[rule] : nil
        var circumstances = sites[site].circumstances(digest, hostCount: setup.hosts(of: site).count, at: now)
        circumstances.history.attempts = incident.attempts
        circumstances.history.lastAttempt = subjects[subject].lastAttempt
        circumstances.history.openings = subjects[subject].openings
        circumstances.ruleCooldown = definition?.cooldown
        circumstances.ruleAttemptsMax = definition?.attemptsMax
        let admission = Gate.judge(
            plan, runbook: runbook, authority: nil, policy: sites[site].policy, circumstances: circumstances, now: now)
        answer(admission, subject)
        if admission == .admitted { start(plan, runbook, definition, subject, rules.learned[rule], circumstances.history.attempts) }
    }

    private static func reason(_ decision: Decision) -> Code {
        switch decision {
        case .escalate: "rule.escalates"
        case .undecided(_, let code): code
        case .noRule: "rule.none"
        case .run: "rule.runbook_missing"
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

    private mutating func start(
        _ plan: Plan, _ runbook: RunbookDefinition, _ rule: RuleDefinition?, _ subject: Int, _ learned: LearningDesk.Carried?,
        _ attempts: Int
    ) {
        let host = world.host(of: subject)
        let site = setup.site(of: host)
        let fault = subjects[subject].isDormant ? nil : subjects[subject].fault
        let scenario = subjects[subject].lastScenario
        report.tallies[scenario].attempts += 1
        if fault == nil { report.tallies[scenario].falseRepairs += 1 }
        let broken = auditor.began(
            subject, on: host, disturbing: runbook.isDisruptive || runbook.needsReboot || runbook.needsWindow,
            cooldown: rule?.cooldown ?? .zero, attemptsMax: min(3, rule?.attemptsMax ?? 3),
            truth: LimitAuditor.Truth(
                isClinical: setup.isClinical(host), mayBeRepaired: scenarios[scenario].isHealable || scenarios[scenario].keepsComingBack,
                isPaused: sites[site].isPaused || sites[site].isPausedLocally, isEvidenceGone: sites[site].isEvidenceGone,
                isClockOff: sites[site].isClockOff, attempts: attempts), at: now)
        report.tallies[scenario].harm += broken.count
        for code in broken { report.harms[code, default: 0] += 1 }
        let course = fault.map { $0.attempt(attempts + 1, scenarios[$0.scenario].course) } ?? (true, .seconds(5))
        running[host] = RunningRepair(
            plan: plan, subject: subject, fault: fault?.key, scenario: scenario, works: course.works, started: now, attempt: attempts + 1,
            learned: learned,
            pattern: plan.tier == .l2 || learned != nil ? subjects[subject].incident.flatMap { pattern(of: $0, subject) } : nil)
        subjects[subject].incident?.state = .open
        sites[site].began(plan.host, at: now)
        queue.add(.repairEnds, host, at: now + course.takes)
    }

    private mutating func finish(_ host: Int) {
        guard let repair = running.removeValue(forKey: host) else { return }
        let (subject, site) = (repair.subject, setup.site(of: host))
        sites[site].ended(repair.plan.host)
        auditor.ended(subject, on: host, at: now)
        subjects[subject].lastAttempt = now
        subjects[subject].incident?.attempts += 1
        // What a look that was to come would find, the re-check finds.
        subjects[subject].lookAt = nil
        let fault = subjects[subject].fault
        if repair.works, let fault, fault.key == repair.fault, !sites[site].isDown(host) { heal(subject, fault, by: repair.plan.tier) }
        let observation = observe(subject)
        let isHealed = PassingRecheck(observation, after: now) != nil
        if isHealed { subjects[subject].healed = now } else { report.tallies[repair.scenario].failedAttempts += 1 }
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
        if scenario.keepsComingBack {
            subjects[subject].isDormant = true
            queue.add(.awakens, subject, fault: fault.key, at: now + Fault.awakensAfter)
            return
        }
        settle(subject, fault, healedBy: tier, alone: false)
        if let span = fault.relapse(scenario.course) {
            subjects[subject].relapsing = fault
            queue.add(.awakens, subject, fault: fault.key, at: now + span)
        }
    }

    // MARK: Learning

    private func pattern(of incident: Incident, _ subject: Int) -> IncidentPattern? {
        let check = world.check(of: subject)
        guard setup.learns, let vocabulary = world.vocabularies[check] else { return nil }
        return vocabulary.pattern(
            code: incident.code, platforms: SoundHost.platforms.sorted(), facts: incident.facts, parameters: world.parameters[check],
            observed: now)
    }

    private func hostKey(_ subject: Int) -> HostKey {
        let host = world.host(of: subject)
        return HostKey(world.names[host], at: sites[setup.site(of: host)].id)
    }

    private mutating func teach(_ repair: RunningRepair, _ isHealed: Bool) {
        guard let pattern = repair.pattern else { return }
        let treatment = Occurrence.Treatment(
            tier: repair.plan.tier, remedy: RemedyID(repair.plan.runbookDigest), runbook: repair.plan.runbook,
            parameters: repair.plan.parameters, milliseconds: (now - repair.started).wholeMilliseconds)
        guard
            let occurrence = Occurrence(
                pattern: pattern.signature, host: hostKey(repair.subject), attempt: repair.attempt, treatment: treatment,
                ending: isHealed ? .held : .failed, ended: now, evidence: BundleID(at: now, random: &ids))
        else { return }
        let site = sites[setup.site(of: world.host(of: repair.subject))].id
        desk.take(occurrence, at: site, by: repair.learned, now: now)
    }

    private mutating func dayEnds(_ number: Int) {
        queue.add(.day, number + 1, at: now + .seconds(86_400))
        guard setup.learns else { return }
        desk.turn(at: now)
        for site in sites.indices {
            let carried = desk.rules(at: sites[site].id)
            if Set(carried.map(\.definition.id)) != Set(sites[site].rules.learned.keys) {
                sites[site].rules = RuleSet(world.catalog.rules, learned: carried)
            }
        }
    }
}
