import Catalog
import Detection
import Healing
import Hosts
import Model
import Testing

/// Plays cases on one host: the drift is made and found, taken back where the proof fails, repaired, and found and repaired again.
struct RunbookPlay {
    let host: SSHHost
    let catalog: CompiledCatalog
    private let index: L1Index

    init(host: SSHHost, catalog: CompiledCatalog) {
        self.host = host
        self.catalog = catalog
        index = L1Index(catalog.rules)
    }

    func callAsFunction(_ cases: [RunbookCase]) async {
        for item in cases {
            let clock = ContinuousClock()
            let began = clock.now
            do {
                try await play(item)
            } catch {
                // Recorded where it arose; the other cases say more than silence.
                Issue.record("\(item): \(error)")
            }
            print("runbook \(item.runbook): \(item.name), \(clock.now - began)")
        }
    }

    private func play(_ item: RunbookCase) async throws {
        let check = try #require(catalog.checks[item.check])
        _ = try await script(item.inject)
        let found = await observe(check, item)
        try #require(found.verdict == .drift(item.code), "\(item): \(found.verdict)")
        let broken = try await item.state.asyncMap(script)

        // The proof fails: what can be put back is put back. Of a restart there is nothing to see then.
        if item.state != nil || item.relapses {
            let reverted = try await run(item, check, found, passes: false)
            #expect(reverted.outcome.code == "test.never", "\(item): \(reverted.outcome) \(reverted.detail)")
            // Where one step stays, steps beside it may have been put back.
            #expect(reverted.isRollbackAvailable == (item.state != nil), "\(item)")
            if item.state != nil { #expect(reverted.outcome.word == "reverted", "\(item)") }
            #expect(try await item.state.asyncMap(script) == broken, "\(item)")
        }

        // Repaired, and once more after it has come back.
        for _ in 0..<(item.relapses ? 2 : 1) {
            _ = try await script(item.inject)
            let seen = await observe(check, item)
            try #require(seen.verdict == .drift(item.code), "\(item): \(seen.verdict)")
            let healed = try await run(item, check, seen, passes: true)
            #expect(healed.outcome.word == "success", "\(item): \(healed.outcome) \(healed.trace) \(healed.detail)")
            #expect(await observe(check, item).verdict == .compliant, "\(item)")
        }
    }

    private func run(
        _ item: RunbookCase, _ check: CheckDefinition, _ seen: Observation, passes: Bool
    ) async throws -> HealingResult {
        let now = WallClock.system.now()
        let incident = Incident(
            id: IncidentID(at: now), host: host.id, check: check.id, code: item.code, severity: check.severity, opened: now,
            lastSeen: now, facts: seen.facts)
        let decision = index.decide(
            incident, on: index.platforms(item.platforms), facts: seen.facts, parameters: parameters(check, item), at: now)
        let plan = try #require(Plan(decision, for: incident, catalog: catalog, id: PlanID(at: now), at: now), "\(item): \(decision)")
        #expect(plan.runbook == item.runbook, "\(item)")
        let runbook = try #require(catalog.runbooks[plan.runbook])
        let digest = try #require(catalog.runbookDigests[plan.runbook])
        return await Executor(
            verbs: VerbRegistry(undoAfter: .seconds(30)), intents: KeptIntents(), clock: .system,
            documents: catalog.baselines["default"]?.documents ?? [:]
        ).run(
            plan, runbook: runbook, runbookDigest: digest, on: host, preState: seen.facts,
            recheck: {
                let look = await observe(check, item)
                return passes
                    ? look
                    : Observation(
                        host: look.host, check: look.check, verdict: .drift("test.never"), facts: look.facts, started: look.started,
                        ended: look.ended)
            })
    }

    private func parameters(_ check: CheckDefinition, _ item: RunbookCase) -> [String: TypedValue] {
        catalog.parameters(of: check, baseline: catalog.baselines["default"]).merging(item.parameters) { $1 }
    }

    func observe(_ check: CheckDefinition, _ item: RunbookCase) async -> Observation {
        let scanner = Scanner(parameters: { parameters($0, item) }, clock: .system)
        return await scanner.scan(Scanner.Request(host: host, checks: [check]))[0]
    }

    @discardableResult
    func script(_ text: String, deadline: Duration = .seconds(90)) async throws -> String {
        let result = try await host.run(HostCommand(["sh", "-s"], input: Array(text.utf8), deadline: deadline))
        try #require(result.succeeded, "\(text.prefix(80)): \(result.text) \(String(decoding: result.errorOutput, as: UTF8.self))")
        return result.text
    }

    private func script(_ text: String) async throws -> String { try await script(text, deadline: .seconds(90)) }
}

extension Optional {
    fileprivate func asyncMap<Result>(_ transform: (Wrapped) async throws -> Result) async throws -> Result? {
        switch self {
        case .some(let value): try await transform(value)
        case .none: nil
        }
    }
}
