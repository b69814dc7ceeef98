import Catalog
import Detection
import Healing
import Hosts
import Model
import Testing

/// Every Linux runbook on a real host: the drift is found, taken back where the proof fails, repaired, and found and repaired
/// again when it comes back. What is simulated there stands in `docs/runbooks.md`.
@Suite(.serialized, .enabled(if: PracticeHost.obstacle == nil, "this machine cannot run practice hosts"))
struct RunbookTests {
    let practice: PracticeHost
    let catalog: CompiledCatalog

    init() throws {
        practice = try PracticeHost.start(5, user: "martlet", become: .sudo)
        catalog = try ShippedCatalogTests.catalog.get()
    }

    @Test func everyDriftIsRepairedTakenBackAndRepairedAgain() async throws {
        let server = try PracticeHost.start(1)
        // As root: a practice host's chronyd may otherwise not have the port.
        let serve = """
            printf 'local stratum 8\\nallow\\n' >/etc/chrony/conf.d/practice.conf
            printf '[Service]\\nUser=root\\nExecStart=\\nExecStart=/usr/sbin/chronyd -n -x -u root\\n' >/etc/systemd/system/chrony.service.d/server.conf
            systemctl daemon-reload; systemctl restart chrony
            """
        try await server.run("sh", "-c", serve)
        _ = try await script(RunbookCase.preparation, deadline: .seconds(120))
        let index = L1Index(catalog.rules)
        for item in RunbookCase.all(timeServer: server.address) {
            let clock = ContinuousClock()
            let began = clock.now
            do {
                try await play(item, index)
            } catch {
                // Recorded where it arose; the other cases say more than silence.
                Issue.record("\(item): \(error)")
            }
            print("runbook \(item.runbook): \(item.name), \(clock.now - began)")
        }
    }

    @Test func passwordsAreNotSwitchedOffBeforeAnybodyCameInWithAKey() async throws {
        _ = try await script(
            """
            rm -f /etc/ssh/sshd_config.d/*.conf; systemctl reload ssh
            journalctl -q --sync; journalctl -q --rotate; rm -f /run/log/journal/*/*@* /var/log/journal/*/*@*
            # Anybody may write this.
            logger -t sshd -p auth.info 'Accepted publickey for mallory'; journalctl -q --sync
            """)
        let steps = [("sshd.set_option", ["option": TypedValue.string("PasswordAuthentication"), "value": .string("no")])]
        let healer = Healer(host: practice.host, passes: (["sh", "-c", "sshd -T | grep -qx 'passwordauthentication no'"], nil))
        let refused = await healer.run(steps)
        #expect(refused.outcome == .reverted("sshd.no_key_proven"), "\(refused.detail)")
        await practice.host.disconnect()
        try await practice.run("true")
        let done = await healer.run(steps)
        #expect(done.outcome.word == "success", "\(done.outcome) \(done.detail)")
        _ = try await script("rm -f /etc/ssh/sshd_config.d/00-martlet.conf; systemctl reload ssh")
    }

    @Test func anEndedAccountIsGivenBackAndOurOwnEndsForNoLongerThanTheHostWaits() async throws {
        _ = try await script("id leaver >/dev/null 2>&1 || useradd -M leaver; chage -E -1 leaver; chage -E -1 martlet")
        let state = "awk -F: '$1 == \"leaver\" || $1 == \"martlet\" { print $1, $8 }' /etc/shadow"
        let step = { (account: String) in [("account.expire", ["accounts": TypedValue.strings([account])])] }
        let before = try await script(state)
        let failed = await Healer(host: practice.host, passes: (["false"], nil)).run(step("leaver"))
        #expect(failed.outcome == .reverted("test.drift"), "\(failed.detail)")
        #expect(try await script(state) == before)
        let healer = Healer(host: practice.host, passes: (["sh", "-c", state], "martlet \nleaver 1\n"))
        let done = await healer.run(step("leaver"))
        #expect(done.outcome.word == "success", "\(done.outcome) \(done.detail)")
        // The account by which we come.
        let own = await Healer(host: practice.host, passes: (["true"], nil)).run(step("martlet"), undoAfter: .seconds(3))
        #expect(own.outcome == .reverted("account.cut_off"), "\(own.detail)")
        #expect(try await script(state) == "martlet \nleaver 1\n")
        let root = await healer.run(step("root"))
        #expect(root.outcome == .failed("account.refused"))
    }

    // MARK: one case

    private func play(_ item: RunbookCase, _ index: L1Index) async throws {
        let check = try #require(catalog.checks[item.check])
        _ = try await script(item.inject)
        let found = await observe(check, item)
        try #require(found.verdict == .drift(item.code), "\(item): \(found.verdict)")
        let broken = try await item.state.asyncMap(script)

        // The proof fails: what can be put back is put back. Of a restart there is nothing to see then.
        if item.state != nil || item.relapses {
            let reverted = try await run(item, check, found, index, passes: false)
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
            let healed = try await run(item, check, seen, index, passes: true)
            #expect(healed.outcome.word == "success", "\(item): \(healed.outcome) \(healed.trace) \(healed.detail)")
            #expect(await observe(check, item).verdict == .compliant, "\(item)")
        }
    }

    private func run(
        _ item: RunbookCase, _ check: CheckDefinition, _ seen: Observation, _ index: L1Index, passes: Bool
    ) async throws -> HealingResult {
        let now = WallClock.system.now()
        let incident = Incident(
            id: IncidentID(at: now), host: practice.host.id, check: check.id, code: item.code, severity: check.severity, opened: now,
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
            plan, runbook: runbook, runbookDigest: digest, on: practice.host, preState: seen.facts,
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

    private func observe(_ check: CheckDefinition, _ item: RunbookCase) async -> Observation {
        let scanner = Scanner(parameters: { parameters($0, item) }, clock: .system)
        return await scanner.scan(Scanner.Request(host: practice.host, checks: [check]))[0]
    }

    @discardableResult
    private func script(_ text: String, deadline: Duration = .seconds(30)) async throws -> String {
        let result = try await practice.host.run(HostCommand(["sh", "-s"], input: Array(text.utf8), deadline: deadline))
        try #require(result.succeeded, "\(text.prefix(80)): \(result.text) \(String(decoding: result.errorOutput, as: UTF8.self))")
        return result.text
    }

    private func script(_ text: String) async throws -> String { try await script(text, deadline: .seconds(30)) }
}

extension Optional {
    fileprivate func asyncMap<Result>(_ transform: (Wrapped) async throws -> Result) async throws -> Result? {
        switch self {
        case .some(let value): try await transform(value)
        case .none: nil
        }
    }
}
