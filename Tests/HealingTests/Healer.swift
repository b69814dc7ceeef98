import Catalog
import Healing
import Hosts
import Model

/// Runs one runbook against one host, with a re-check that is a single command on that host.
struct Healer {
    let host: any Host
    let intents = KeptIntents()
    var documents: [String: String] = [:]
    var clock = WallClock.system
    /// Compliant when it exits 0 and, where a text is given, prints exactly that.
    let passes: (command: [String], output: String?)

    /// - Parameter undoAfter: long, because a new connection takes its time while every other test runs; short where the host
    ///   itself is to undo what locked us out.
    func run(_ steps: [(String, [String: TypedValue])], undoAfter: Duration = .seconds(45)) async -> HealingResult {
        let (plan, runbook) = Self.runbook(steps, host: host.id)
        return await Executor(verbs: VerbRegistry(undoAfter: undoAfter), intents: intents, clock: clock, documents: documents)
            .run(plan, runbook: runbook, runbookDigest: plan.runbookDigest, on: host, preState: Facts(), recheck: recheck)
    }

    @Sendable func recheck() async -> Observation {
        let started = clock.now()
        let verdict: Verdict
        do {
            let result = try await host.run(HostCommand(passes.command))
            verdict = result.succeeded && (passes.output == nil || result.text == passes.output) ? .compliant : .drift("test.drift")
        } catch {
            verdict = .unknown(error.code)
        }
        return Observation(
            host: host.id, check: "test.check", verdict: verdict, facts: Facts(), started: started, ended: clock.now())
    }

    static func runbook(_ steps: [(String, [String: TypedValue])], host: HostID) -> (Plan, RunbookDefinition) {
        let now = WallClock.system.now()
        let digest = Digest(bytes: [UInt8](repeating: 1, count: 32))!
        let runbook = RunbookDefinition(
            id: "test.runbook", title: "", checks: ["test.check"], platforms: ["linux"], parameters: [:],
            steps: steps.map { StepDefinition(verb: $0.0, arguments: $0.1.mapValues { .literal($0) }) }, isDisruptive: false,
            needsReboot: false, needsApproval: false, needsWindow: false, timeout: .seconds(90), retries: 0)
        let plan = Plan(
            id: PlanID(at: now), host: host, check: "test.check", incident: nil, order: nil, tier: .l1, proposer: "rule:T",
            runbook: runbook.id, runbookDigest: digest, parameters: [:], isDisruptive: false, made: now)
        return (plan, runbook)
    }
}

extension HealingResult {
    /// `1 done, 1 rolled_back`.
    var trace: String { actions.map { "\($0.step) \($0.result)" }.joined(separator: ", ") }
}
