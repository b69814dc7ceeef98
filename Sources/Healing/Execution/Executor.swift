package import Catalog
import Conditions
package import Hosts
package import Model
import Seal

/// Carries out a plan that the gate has admitted, and makes no choices.
///
/// Life of an intent: saved before the first step; saved with what it takes to go back before each step; saved after each;
/// ended by the caller together with the evidence. If the process dies anywhere, `recover` ends it from what was saved.
package struct Executor: Sendable {
    /// At least this much time for putting back, however short the runbook's own.
    package static let rollbackTimeoutMin: Duration = .seconds(120)

    private let verbs: VerbRegistry
    private let intents: any IntentStore
    private let clock: WallClock
    /// Text by name, from the site's baseline.
    private let documents: [String: String]
    /// Asked here once more: the last place before a device that people depend on is touched.
    private let clinicalHosts: Set<HostID>

    package init(
        verbs: VerbRegistry, intents: any IntentStore, clock: WallClock, documents: [String: String], clinicalHosts: Set<HostID> = []
    ) {
        self.verbs = verbs
        self.intents = intents
        self.clock = clock
        self.documents = documents
        self.clinicalHosts = clinicalHosts
    }

    /// - Parameters:
    ///   - runbookDigest: of the runbook as the catalog in force has it.
    ///   - preState: facts of the observation that opened the incident.
    ///   - otherDrift: codes of the check's other clauses that held in `preState` too. When the re-check finds one of these,
    ///     the plan's own drift is gone: the outcome is `failed(executor.other_drift)`, and what was repaired stays.
    ///   - recheck: a fresh look at the plan's check and host.
    /// A plan that has begun runs to its end, or back, also when the calling task is cancelled.
    package func run(
        _ plan: Plan, runbook: RunbookDefinition, runbookDigest: Digest, on host: any Host, preState: Facts,
        otherDrift: Set<Code> = [], recheck: @escaping @Sendable () async -> Observation
    ) async -> HealingResult {
        let started = clock.now()
        func rejected(_ code: Code, _ detail: String = "") -> HealingResult {
            HealingResult(
                plan: plan, outcome: .rejected(code), actions: [], preState: preState, postState: Facts(), verdict: nil,
                isRollbackAvailable: false, started: started, ended: clock.now(), wasInterrupted: false, detail: detail)
        }
        guard plan.runbook == runbook.id, plan.runbookDigest == runbookDigest else { return rejected("executor.runbook_changed") }
        guard plan.host == host.id else { return rejected("executor.wrong_host") }
        guard !clinicalHosts.contains(plan.host) else { return rejected("executor.clinical_device") }
        guard let steps = runbook.steps(plan.parameters, by: verbs), !steps.isEmpty else { return rejected("executor.steps_unfit") }
        let intent = Intent(plan: plan, started: started, timeout: runbook.timeout, preState: preState, steps: steps)
        do {
            try await intents.save(intent)
        } catch {
            return rejected("executor.intent_not_durable", "\(error)")
        }
        var run = Run(executor: self, intent: intent, host: host, recheck: recheck, wasInterrupted: false)
        return await Task { await run.forward(retries: runbook.retries, otherDrift: otherDrift) }.value
    }

    /// Ends an intent that a crash left: finishes it if the check passes now, otherwise puts the host back.
    ///
    /// - Parameter otherDrift: as in `run`.
    /// - Returns: nil while the host cannot be reached; nothing is decided then, ask again later.
    package func recover(
        _ intent: Intent, on host: any Host, otherDrift: Set<Code> = [], recheck: @escaping @Sendable () async -> Observation
    ) async -> HealingResult? {
        guard !clinicalHosts.contains(intent.plan.host) else {
            // It became one while the plan was under way. Putting back would be touching it too.
            return HealingResult(
                plan: intent.plan, outcome: .failed("executor.clinical_device"), actions: intent.steps.compactMap(\.record),
                preState: intent.preState, postState: Facts(), verdict: nil, isRollbackAvailable: false, started: intent.started,
                ended: clock.now(), wasInterrupted: true, detail: "")
        }
        var run = Run(executor: self, intent: intent, host: host, recheck: recheck, wasInterrupted: true)
        return await Task { await run.afterCrash(otherDrift: otherDrift) }.value
    }
}

/// One intent on its way to its end.
private struct Run: Sendable {
    let executor: Executor
    var intent: Intent
    let host: any Host
    let recheck: @Sendable () async -> Observation
    let wasInterrupted: Bool
    var actions: [ActionRecord] = []
    var detail = ""

    init(
        executor: Executor, intent: Intent, host: any Host, recheck: @escaping @Sendable () async -> Observation, wasInterrupted: Bool
    ) {
        self.executor = executor
        self.intent = intent
        self.host = host
        self.recheck = recheck
        self.wasInterrupted = wasInterrupted
    }

    mutating func forward(retries: Int, otherDrift: Set<Code>) async -> HealingResult {
        let runner = runner(within: intent.timeout)
        for index in intent.steps.indices {
            if let code = await perform(index, retries: retries, runner) { return await back(code)! }
        }
        let changed = executor.now
        let observation = await recheck()
        if let proof = PassingRecheck(observation, after: changed) { return result(.success(proof), observation) }
        if case .drift(let code) = observation.verdict, otherDrift.contains(code) {
            return result(.failed("executor.other_drift"), observation)
        }
        return await back(observation.verdict.code ?? "executor.recheck_stale")!
    }

    mutating func afterCrash(otherDrift: Set<Code>) async -> HealingResult? {
        let runner = runner(within: max(intent.timeout, Executor.rollbackTimeoutMin))
        guard await runner.isThere() else { return nil }
        actions = intent.steps.enumerated().compactMap { index, step in
            if let record = step.record { return record }
            return step.captured == nil ? nil : record(index, result: "interrupted", since: executor.elapsed, exitStatus: nil)
        }
        guard !actions.isEmpty else {
            // The first step had not begun: there is nothing to finish and nothing to put back.
            return result(.failed("executor.interrupted"), await recheck())
        }
        for (index, step) in intent.steps.enumerated() {
            guard let captured = step.captured, executor.verb(step.verb) != nil else { continue }
            do throws(StepError) {
                try await runner.settle(index, step, captured)
            } catch {
                if error.isOfHost { return nil }
                detail = error.detail
                return await back(error.code)
            }
        }
        let settled = executor.now
        let observation = await recheck()
        if let proof = PassingRecheck(observation, after: settled) { return result(.success(proof), observation) }
        if case .drift(let code) = observation.verdict, otherDrift.contains(code) {
            return result(.failed("executor.other_drift"), observation)
        }
        return await back("executor.interrupted")
    }

    /// - Returns: why the step failed; nil if it did not.
    private mutating func perform(_ index: Int, retries: Int, _ runner: StepRunner) async -> Code? {
        let step = intent.steps[index]
        let began = executor.elapsed
        var failure: StepError?
        var outcome = "failed"
        do throws(StepError) {
            let captured = try await runner.capture(index, step)
            intent.steps[index].captured = captured
            try await save()
            // Dead here: the host is as it was, and what would be put back is on disk.
            var tries = 0
            while true {
                do throws(StepError) {
                    outcome = try await runner.apply(index, step, captured) == .changed ? "done" : "unchanged"
                    break
                } catch {
                    tries += 1
                    guard tries <= retries, !runner.hands.deadline.isOver else { throw error }
                }
            }
        } catch {
            failure = error
            if error.code == "step.timed_out" || error.code == "host.timed_out" { outcome = "timed_out" }
        }
        let entry = record(index, result: outcome, since: began, exitStatus: failure == nil ? 0 : failure?.exitStatus)
        actions.append(entry)
        intent.steps[index].record = entry
        // Dead before this is on disk: the step counts as begun, and recovery looks at the host.
        if failure == nil {
            do throws(StepError) { try await save() } catch { failure = error }
        }
        detail = failure?.detail ?? ""
        return failure?.code
    }

    /// Puts back, last step first, everything that was begun, and looks once more.
    ///
    /// - Returns: nil only after a crash, while the host cannot be reached.
    private mutating func back(_ code: Code) async -> HealingResult? {
        let runner = runner(within: max(intent.timeout, Executor.rollbackTimeoutMin))
        var restored = 0
        var isWhole = true
        for (index, step) in intent.steps.enumerated().reversed() {
            guard let captured = step.captured else { continue }
            let began = executor.elapsed
            // Begun by a version of this program that knew the verb: nobody here can say what it did.
            guard let verb = executor.verb(step.verb) else {
                actions.append(record(index, result: "rollback_failed", since: began, exitStatus: nil))
                detail = "verb \(step.verb) is not known here"
                isWhole = false
                continue
            }
            guard verb.canRestore else { continue }
            do throws(StepError) {
                try await runner.restore(index, step, captured)
                actions.append(record(index, result: "rolled_back", since: began, exitStatus: 0))
                restored += 1
            } catch {
                if wasInterrupted, error.isOfHost { return nil }
                actions.append(record(index, result: "rollback_failed", since: began, exitStatus: error.exitStatus))
                detail = error.detail
                isWhole = false
            }
        }
        let observation = await recheck()
        if !isWhole { return result(.failed("executor.rollback_failed"), observation) }
        return result(restored > 0 ? .reverted(code) : .failed(code), observation)
    }

    private func result(_ outcome: Outcome, _ last: Observation) -> HealingResult {
        HealingResult(
            plan: intent.plan, outcome: outcome, actions: actions, preState: intent.preState, postState: last.facts,
            verdict: last.verdict,
            isRollbackAvailable: intent.steps.allSatisfy { $0.captured == nil || executor.verb($0.verb)?.canRestore == true },
            started: intent.started, ended: executor.now, wasInterrupted: wasInterrupted, detail: detail)
    }

    private func record(_ index: Int, result: String, since: Duration, exitStatus: Int?) -> ActionRecord {
        let step = intent.steps[index]
        return ActionRecord(
            step: index + 1, verb: step.verb, target: executor.verb(step.verb)?.target(VerbArguments(step.arguments)) ?? "",
            exitStatus: exitStatus, durationMilliseconds: (executor.elapsed - since).wholeMilliseconds, result: result)
    }

    private func runner(within span: Duration) -> StepRunner { executor.runner(host, within: span, for: intent.plan) }

    private func save() async throws(StepError) {
        do {
            try await executor.save(intent)
        } catch {
            throw StepError("executor.intent_not_durable", "\(error)")
        }
    }
}

extension Executor {
    fileprivate var now: Timestamp { clock.now() }
    fileprivate var elapsed: Duration { clock.elapsed() }
    fileprivate func verb(_ name: String) -> (any Verb)? { verbs[name] }
    fileprivate func save(_ intent: Intent) async throws { try await intents.save(intent) }
    fileprivate func runner(_ host: any Host, within span: Duration, for plan: Plan) -> StepRunner {
        StepRunner(
            verbs: verbs, plan: plan,
            hands: Hands(host: host, clock: clock, deadline: Deadline(in: span, by: clock), documents: documents, plan: plan.id))
    }
}

extension CheckDefinition {
    /// Codes of every drift clause that holds, but `code`: what a repair of `code` alone leaves behind.
    package func otherDrift(than code: Code, in facts: Facts, parameters: [String: TypedValue], at now: Timestamp) -> Set<Code> {
        Set(drift.filter { $0.code != code && $0.condition.evaluate(facts, parameters: parameters, at: now) == .holds }.map(\.code))
    }
}
