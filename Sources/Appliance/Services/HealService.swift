import Catalog
import Database
package import Evidence
import Healing
import Logging
package import Model
import Planner
import Redaction
import Seal

/// Repairs: what a crash left first, then orders, then open incidents. Each host is worked on by one plan at a time.
///
/// A turn starts repairs and does not wait for them. A stop leaves running ones to the next start, which finishes them or
/// puts the host back from what was saved before each step.
package actor HealService {
    package static let interval: Duration = .seconds(15)

    let context: ApplianceContext
    let hosts: SiteHosts
    let detect: DetectService
    private let verbs = VerbRegistry()
    private let intents: SQLIntentStore
    /// When each of `plans` was admitted: the budget counts it from then on, also before its intent is on disk.
    private var admitted: [PlanID: Timestamp] = [:]
    private var running: [HostID: Task<Void, Never>] = [:]
    /// Hosts that are left alone until the version that began a plan there has ended it.
    private var foreign: Set<HostID> = []
    /// Of plans that this process carries out; what else is unfinished was left by an earlier one.
    private var plans: Set<PlanID> = []
    /// The newest re-check of each of them.
    private var looks: [PlanID: Observation] = [:]
    /// Learned rules that would have answered the incident of each.
    private var shadows: [PlanID: [ShadowFiring]] = [:]

    package init(_ context: ApplianceContext, hosts: SiteHosts, detect: DetectService) {
        self.context = context
        self.hosts = hosts
        self.detect = detect
        intents = SQLIntentStore(database: context.database, faults: context.faults)
    }

    package func turn() async -> Duration {
        do {
            guard let loaded = try await context.catalog.current() else { return Self.interval }
            try await recover(loaded)
            try await OrderRunner(self, loaded).turn()
            try await healByProposals(loaded)
            try await healIncidents(loaded)
        } catch {
            context.logger.warning("repair turn not finished", metadata: ["error": "\(error)"])
        }
        return Self.interval
    }

    /// Waits for running repairs, but not longer than `span`: what is left is recovered by the next start.
    package func drain(atMost span: Duration) async {
        let tasks = Array(running.values)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for task in tasks { await task.value } }
            group.addTask { try? await Task.sleep(for: span) }
            await group.next()
            group.cancelAll()
        }
    }

    // MARK: Running on a host

    func isBusy(_ host: HostID) -> Bool { running[host] != nil || foreign.contains(host) }

    /// Starts `work` on a host; false when something runs there already.
    @discardableResult
    func start(on host: HostID, _ work: @escaping @Sendable () async -> Void) -> Bool {
        guard !isBusy(host) else { return false }
        running[host] = Task {
            await work()
            self.ended(host)
        }
        return true
    }

    private func ended(_ host: HostID) {
        running[host] = nil
        context.wakes.heal.ring()
    }

    // MARK: After a crash

    private func recover(_ loaded: ActiveCatalog.Loaded) async throws {
        let left = try await context.database.read { try IntentTable.foreign(in: $0) }
        for host in left.subtracting(foreign).sorted(by: { $0.description < $1.description }) {
            context.logger.error("plan of another version left unfinished", metadata: ["host": "\(host)"])
        }
        foreign = left
        for intent in try await intents.unfinished() where !plans.contains(intent.plan.id) {
            guard let entry = hosts.entries[intent.plan.host] else {
                try await abandon(intent)
                continue
            }
            start(on: intent.plan.host) { [self] in
                context.logger.notice("recovering", metadata: ["plan": "\(intent.plan.id)", "host": "\(intent.plan.host)"])
                let executor = executor(for: intent.plan.host, loaded)
                let others = otherDrift(than: intent.plan, in: intent.preState, loaded)
                let result = await executor.recover(intent, on: entry.host, otherDrift: others) {
                    await self.recheck(intent.plan, loaded)
                }
                // nil: the host cannot be reached; asked again with the next turn.
                if let result { await conclude(result, loaded) }
            }
        }
    }

    /// The host of an interrupted plan is no longer configured: nobody can look, and that is said.
    private func abandon(_ intent: Intent) async throws {
        let now = context.clock.now()
        var bundle = context.drafts.plan(.healing, intent.plan, from: intent.started, to: now, outcome: .failed("executor.host_gone"))
        bundle.plan = record(of: intent.plan)
        bundle.preState = intent.preState
        bundle.note = "The plan was interrupted and its host is no longer configured; what became of it is not known."
        let plan = intent.plan.id
        try await context.journal.append([bundle]) { transaction, _ in
            try IntentTable.finish(plan, .failed("executor.host_gone"), at: now, in: transaction)
        }
    }

    // MARK: Incidents

    private func healIncidents(_ loaded: ActiveCatalog.Loaded) async throws {
        let rules = loaded.stamp.digest
        let (incidents, unanswered) = try await context.database.read { transaction in
            (
                try IncidentTable.all(openOnly: true, in: transaction),
                try DecisionTable.unanswered(byOthersThan: rules, in: transaction)
            )
        }
        for incident in incidents where !isBusy(incident.host) {
            guard !Task.isCancelled else { return }
            // A person has it, unless for want of a rule: then what came into force since may have one. A check that is switched off has
            // its turn when it is on again.
            let isForRules = unanswered.contains(incident.id) && !loaded.isDisabled(incident.check)
            if incident.state != .escalated || isForRules { try await heal(incident, loaded) }
        }
    }

    private func heal(_ incident: Incident, _ loaded: ActiveCatalog.Loaded) async throws {
        // A host whose kind is not known yet is looked at first; nothing is decided without.
        guard let check = loaded.catalog.checks[incident.check], let platforms = hosts.platforms(of: incident.host) else { return }
        let now = context.clock.now()
        if loaded.isDisabled(incident.check) {
            try await decide(incident, nil, .rejected(GateCode.checkDisabled.code), state: incident.state)
            return
        }
        let decision = loaded.rules.decide(
            incident, on: loaded.rules.platforms(platforms), facts: incident.facts,
            parameters: hosts.parameters(of: check, on: incident.host, in: loaded.catalog), at: now)
        let shadow = loaded.shadows.wouldFire(
            incident, on: platforms, facts: incident.facts,
            parameters: hosts.parameters(of: check, on: incident.host, in: loaded.catalog), at: now
        ).prefix(ShadowFiring.countMax).map {
            ShadowFiring(pattern: $0.source.pattern, version: $0.source.version, rule: $0.definition.id)
        }
        guard
            let plan = Plan(
                decision, for: incident, catalog: loaded.catalog, learned: loaded.learned, id: PlanID(at: now), at: now),
            case .run(let rule, _, _) = decision, let runbook = loaded.catalog.runbooks[plan.runbook]
        else {
            try await escalate(incident, decision, shadow, loaded)
            return
        }
        var circumstances = try await circumstances(of: plan, runbook, incident: incident, platforms: platforms, loaded)
        circumstances.ruleCooldown = loaded.ruleDefinitions[rule]?.cooldown
        circumstances.ruleAttemptsMax = loaded.ruleDefinitions[rule]?.attemptsMax
        let admission = Gate.judge(
            plan, runbook: runbook, authority: nil, policy: context.configuration.policy, circumstances: circumstances, now: now)
        switch admission {
        case .admitted:
            carryOut(plan, runbook, preState: incident.facts, loaded, approval: circumstances.approval, shadow: shadow)
        case .deferred(let until, let code):
            try await decide(incident, plan, .deferred(until: until, code), state: .deferred, shadow: shadow)
        case .needsApproval(let code):
            let statement = statement(of: plan, runbook, loaded)
            try await decide(incident, plan, .alert(code), state: .escalated, asking: statement, shadow: shadow)
        case .refused(let code):
            let isForPerson = GateCode(rawValue: code.description)?.isForPerson ?? true
            try await decide(
                incident, plan, isForPerson ? .alert(code) : .rejected(code), state: isForPerson ? .escalated : .open, shadow: shadow)
        }
    }

    /// No rule repairs it: a person's turn.
    private func escalate(
        _ incident: Incident, _ decision: Decision, _ shadow: [ShadowFiring], _ loaded: ActiveCatalog.Loaded
    ) async throws {
        let (code, proposer): (Code, String?) =
            switch decision {
            case .escalate(let rule): ("rule.escalates", "rule:\(rule)")
            case .undecided(let rule, let code): (code, "rule:\(rule)")
            case .noRule: ("rule.none", nil)
            case .run(let rule, _, _): ("rule.runbook_missing", "rule:\(rule)")
            }
        try await decide(
            incident, nil, .alert(code), state: .escalated, requester: proposer, shadow: shadow,
            unansweredBy: decision == .noRule ? loaded.stamp.digest : nil)
    }

    /// Writes down a decision not to act. The same answer again is not evidence again.
    /// - Parameters:
    ///   - proposed: the proposal that the plan was made of; nil for a rule's.
    ///   - isLast: nothing comes of that proposal any more.
    ///   - unansweredBy: digest of the rules, of which none answers. What becomes of a proposal changes nothing about that.
    func decide(
        _ incident: Incident, _ plan: Plan?, _ outcome: Outcome, state: Incident.State, requester: String? = nil,
        asking statement: PlanStatement? = nil, shadow: [ShadowFiring] = [], by proposed: ProposalTable.Entry? = nil, isLast: Bool = false,
        unansweredBy: Digest? = nil
    ) async throws {
        let now = context.clock.now()
        guard let code = outcome.code else { preconditionFailure("a decision without a reason") }
        var until: Timestamp?
        if case .deferred(let instant, _) = outcome { until = instant }
        let (last, isNewRequest) = try await context.database.read { transaction in
            (
                try DecisionTable.find(host: incident.host, check: incident.check, in: transaction),
                try statement.map { try !ApprovalTable.isAsked($0.digest, in: transaction) } ?? false
            )
        }
        let kept = proposed != nil && last?.incident == incident.id ? last?.unansweredBy : nil
        let entry = DecisionTable.Entry(
            host: incident.host, check: incident.check, incident: incident.id, outcome: outcome.word, code: code, until: until,
            unansweredBy: unansweredBy ?? kept)
        let write: @Sendable (any SQLTransaction) throws -> Void = { transaction in
            try DecisionTable.put(entry, at: now, in: transaction)
            if let statement { try ApprovalTable.ask(statement, at: now, in: transaction) }
            if isLast { try ProposalTable.end(incident.id, in: transaction) }
            // A scan may have resolved it meanwhile; then there is nothing to decide any more.
            guard var current = try IncidentTable.find(incident.id, in: transaction), current.state != .resolved else { return }
            current.state = state
            try IncidentTable.put(current, in: transaction)
        }
        if let last, last.repeats(entry), !isNewRequest, !isLast {
            if last != entry || incident.state != state { try await context.database.write(write) }
            return
        }
        var bundle: Bundle
        if let plan {
            bundle = context.drafts.plan(.decision, plan, from: now, to: now, outcome: outcome)
            bundle.plan = record(of: plan)
        } else {
            bundle = context.drafts.bundle(.decision, host: incident.host, from: now, to: now, outcome: outcome)
            bundle.check = incident.check
            bundle.incident = incident.id
            bundle.requester = requester
            bundle.plan = PlanRecord(
                baseline: hosts.entries[incident.host]?.baseline, parameters: [:], platforms: hosts.platforms(of: incident.host) ?? [],
                rule: nil, ruleVersion: nil, runbookDigest: nil)
        }
        bundle.shadow = shadow
        if let proposed {
            bundle.order = proposed.order
            bundle.exchange = proposed.proposal.exchange
        }
        bundle.preState = incident.facts
        bundle.note = GateCode(rawValue: code.description)?.sentence ?? ""
        if let statement { bundle.note += " " + Self.asks(for: statement) }
        try await context.journal.append([bundle]) { transaction, _ in try write(transaction) }
        context.logger.notice(
            "decision",
            metadata: ["host": "\(incident.host)", "check": "\(incident.check)", "outcome": "\(outcome.word)", "code": "\(code)"])
    }

    /// What a bundle says of a plan beside its own members; nil where that is more than it has room for.
    private nonisolated func record(of plan: Plan) -> PlanRecord? {
        PlanRecord(
            baseline: hosts.entries[plan.host]?.baseline, parameters: plan.parameters, platforms: hosts.platforms(of: plan.host) ?? [],
            rule: plan.rule, ruleVersion: plan.ruleVersion, runbookDigest: plan.runbookDigest)
    }

    // MARK: Judging and carrying out

    /// The plan as a person is asked to approve it, which leaves the site: a host's texts among its parameters are scrubbed, and the same
    /// text has the same tag. nil only where it has no canonical form or is too long, and then nobody can.
    nonisolated func statement(of plan: Plan, _ runbook: RunbookDefinition, _ loaded: ActiveCatalog.Loaded) -> PlanStatement? {
        let defaults = runbook.parameters.compactMapValues(\.default)
        let scrubber = context.scrubber
        let parameters = plan.parameters.merging(defaults) { given, _ in given }
            .mapValues { $0.mapTexts { scrubber.scrub($0).description } }
        let statement = try? PlanStatement(
            plan, parameters: parameters,
            isDisruptive: plan.isDisruptive || runbook.isDisruptive || runbook.needsReboot,
            documents: hosts.documents(of: plan.host, in: loaded.catalog), site: context.identity.site,
            appliance: context.identity.appliance)
        guard let statement, statement.text.utf8.count <= PlanStatement.bytesMax else { return nil }
        return statement
    }

    /// In the evidence of a plan that waits for an approval.
    static func asks(for statement: PlanStatement) -> String { "Plan \(statement.digest)." }

    func circumstances(
        of plan: Plan, _ runbook: RunbookDefinition, incident: Incident?, platforms: Set<String>, _ loaded: ActiveCatalog.Loaded
    ) async throws -> Circumstances {
        let now = context.clock.now()
        let (policy, identity) = (context.configuration.policy, context.identity)
        let digest = statement(of: plan, runbook, loaded)?.digest
        let isWritable = await context.journal.isWritable
        let past = try await context.database.read { transaction in
            try RepairHistory(
                of: plan, digest: digest, policy: policy,
                verifier: { approver throws(ApprovalRejection) in
                    try ApprovalVerifier(site: identity.site, appliance: identity.appliance, approvers: [approver])
                }, at: now, in: transaction)
        }
        // Read after everything that was waited for: what began meanwhile counts.
        let history = past.history(
            hostCount: hosts.entries.count, running: Set(running.keys), admitted: admitted, attempts: incident?.attempts ?? 0)
        var circumstances = Circumstances(
            runbookDigest: loaded.catalog.runbookDigests[plan.runbook] ?? .genesis, platforms: platforms,
            clock: context.clockState.reading(at: now), keysAreSafe: true, evidenceIsDurable: isWritable, history: history)
        circumstances.isPaused = past.isPaused
        circumstances.isCheckDisabled = loaded.isDisabled(plan.check)
        circumstances.isRunbookDisabled = loaded.isDisabled(plan.runbook)
        circumstances.planDigest = digest
        circumstances.approval = past.approval
        circumstances.isPausedLocally = context.configuration.directory.isPausedByFile
        return circumstances
    }

    /// Starts an admitted plan; whoever waits for its end passes `then`.
    @discardableResult
    func carryOut(
        _ plan: Plan, _ runbook: RunbookDefinition, preState: Facts, _ loaded: ActiveCatalog.Loaded, approval: VerifiedApproval? = nil,
        shadow: [ShadowFiring] = []
    ) -> Bool {
        guard let entry = hosts.entries[plan.host], let digest = loaded.catalog.runbookDigests[plan.runbook] else { return false }
        plans.insert(plan.id)
        shadows[plan.id] = shadow
        admitted[plan.id] = context.clock.now()
        context.logger.notice("repair", metadata: ["plan": "\(plan.id)", "host": "\(plan.host)", "runbook": "\(plan.runbook)"])
        return start(on: plan.host) { [self] in
            let result = await executor(for: plan.host, loaded, approval: approval).run(
                plan, runbook: runbook, runbookDigest: digest, on: entry.host, preState: preState,
                otherDrift: otherDrift(than: plan, in: preState, loaded)
            ) { await self.recheck(plan, loaded) }
            await conclude(result, loaded)
        }
    }

    /// Codes of the drift that was there besides the one that `plan` repairs: the first that the check finds in the same facts.
    private nonisolated func otherDrift(than plan: Plan, in facts: Facts, _ loaded: ActiveCatalog.Loaded) -> Set<Code> {
        guard let check = loaded.catalog.checks[plan.check] else { return [] }
        let parameters = hosts.parameters(of: check, on: plan.host, in: loaded.catalog)
        guard case .drift(let code) = check.judge(facts, parameters: parameters, at: plan.made) else { return [] }
        return check.otherDrift(than: code, in: facts, parameters: parameters, at: plan.made)
    }

    private nonisolated func executor(
        for host: HostID, _ loaded: ActiveCatalog.Loaded, approval: VerifiedApproval? = nil
    ) -> Executor {
        var intents = intents
        intents.approval = approval?.approval.nonce
        return Executor(
            verbs: verbs, intents: intents, clock: context.clock, documents: hosts.documents(of: host, in: loaded.catalog),
            clinicalHosts: context.configuration.policy.clinicalHosts)
    }

    private func recheck(_ plan: Plan, _ loaded: ActiveCatalog.Loaded) async -> Observation {
        let look = await detect.look(plan.check, on: plan.host, loaded)
        looks[plan.id] = look
        return look
    }

    /// Evidence, the intent's end, the incident and the order, in one transaction. Until it is durable the intent stays
    /// unfinished, so dying here only means that the next start looks again.
    private func conclude(_ result: HealingResult, _ loaded: ActiveCatalog.Loaded) async {
        let plan = result.plan
        let now = context.clock.now()
        var bundle = context.drafts.plan(.healing, plan, from: result.started, to: result.ended, outcome: result.outcome)
        bundle.plan = record(of: plan)
        bundle.shadow = shadows.removeValue(forKey: plan.id) ?? []
        bundle.controls = loaded.catalog.checks[plan.check]?.controls ?? []
        bundle.verdict = result.verdict
        bundle.preState = result.preState
        bundle.postState = result.postState
        bundle.actions = result.actions
        bundle.isRollbackAvailable = result.isRollbackAvailable
        if result.wasInterrupted { bundle.note = "The appliance stopped in the middle; the plan was brought to its end at the next start." }
        var isOriginKnown = false
        while !Task.isCancelled {
            do {
                // From the state file and not from memory: a plan that a crash interrupted was approved too.
                if !isOriginKnown, let used = try await context.database.read({ try ApprovalTable.used(by: plan.id, in: $0) }) {
                    bundle.approver = used.approver.name
                    let sentence = "Plan \(used.plan) was approved by \(used.approver.name) with \(used.approver.key.id)."
                    bundle.note = bundle.note.isEmpty ? sentence : "\(sentence) \(bundle.note)"
                }
                if !isOriginKnown, plan.tier == .l2, let id = plan.incident,
                    let proposed = try await context.database.read({ try ProposalTable.find(id, in: $0) })
                {
                    bundle.order = proposed.order
                    bundle.exchange = proposed.proposal.exchange
                }
                isOriginKnown = true
                let bundle = bundle
                try await context.journal.append([bundle]) { transaction, places in
                    try IntentTable.finish(plan.id, result.outcome, at: now, in: transaction)
                    if let id = plan.incident, var incident = try IncidentTable.find(id, in: transaction) {
                        // Where its own drift is gone the attempt did what it was for; what is left is another one's to try.
                        if result.outcome != .failed("executor.other_drift") { incident.attempts += 1 }
                        try IncidentTable.put(incident, in: transaction)
                    }
                    if plan.tier == .l2, let id = plan.incident { try ProposalTable.end(id, in: transaction) }
                    if let order = plan.order {
                        try OrderTable.concluded(order, result.outcome, evidence: places[0].sequence, at: now, in: transaction)
                    }
                }
                break
            } catch {
                context.logger.error(
                    "evidence of a repair not durable, trying again", metadata: ["plan": "\(plan.id)", "error": "\(error)"])
                guard (try? await context.clock.sleep(.seconds(5))) != nil else { return }
            }
        }
        plans.remove(plan.id)
        admitted[plan.id] = nil
        context.logger.notice(
            "repair ended",
            metadata: [
                "plan": "\(plan.id)", "outcome": "\(result.outcome.word)", "code": "\(result.outcome.code?.description ?? "")",
                "detail": "\(context.scrubber.scrub(result.detail))",
            ])
        // The last look also is the newest observation: it closes the incident, or says why not.
        if let look = looks.removeValue(forKey: plan.id) { await detect.record([look], loaded) }
        if plan.order != nil { context.wakes.poll.ring() }
    }
}

extension BundleDrafts {
    /// About a plan, whatever became of it.
    package func plan(_ kind: Bundle.Kind, _ plan: Plan, from started: Timestamp, to ended: Timestamp, outcome: Outcome) -> Bundle {
        var bundle = bundle(kind, host: plan.host, from: started, to: ended, outcome: outcome)
        bundle.check = plan.check
        bundle.incident = plan.incident
        bundle.order = plan.order
        bundle.runbook = plan.runbook
        bundle.tier = plan.tier
        bundle.requester = plan.proposer
        return bundle
    }
}
