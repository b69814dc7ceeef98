import Catalog
import Detection
import Healing
import Hosts
import Model
import Testing

/// The whole way on a real host: probe, check, rule, plan, gate, executor, and the same check again.
@Suite(.serialized, .enabled(if: PracticeHost.obstacle == nil, "this machine cannot run practice hosts"))
struct WholeHealingTests {
    let practice: PracticeHost

    init() throws { practice = try PracticeHost.start(4, user: "martlet", become: .sudo) }

    let catalog = Result { try ShippedCatalogTests.catalog.get() }

    func observe(_ check: CheckDefinition, _ catalog: CompiledCatalog) async -> Observation {
        let scanner = Scanner(parameters: { catalog.parameters(of: $0, baseline: catalog.baselines["default"]) }, clock: .system)
        return await scanner.scan(Scanner.Request(host: practice.host, checks: [check]))[0]
    }

    @Test(
        "Each drift is found, repaired by its rule and found no more",
        arguments: [
            ("linux.firewall.ruleset", "nft flush ruleset", "firewall.not_loaded"),
            (
                "linux.firewall.ruleset", "nft -f /etc/nftables.conf; nft add rule inet filter input tcp dport 23 accept",
                "firewall.ruleset_differs"
            ),
            (
                "linux.ssh.hardening",
                "rm -f /etc/ssh/sshd_config.d/*; echo PermitRootLogin yes >/etc/ssh/sshd_config.d/50-x.conf; systemctl reload ssh",
                "ssh.root_login"
            ),
            ("host.services.critical", "systemctl reset-failed; systemctl stop cron rsyslog syslog.socket", "services.stopped"),
            ("host.services.critical", "systemctl reset-failed; systemctl disable cron", "services.disabled"),
            (
                "linux.files.permissions", "chmod 666 /etc/shadow; chmod 777 /etc/crontab; chown martlet /etc/passwd",
                "files.wrong_permissions"
            ),
            ("backup.job.success", "rm -f /var/lib/backup/status.json", "backup.none"),
            ("log.pipeline.canary", "systemctl stop syslog.socket rsyslog", "log.service_down"),
        ] as [(CheckID, String, Code)])
    func heals(id: CheckID, injection: String, code: Code) async throws {
        let catalog = try self.catalog.get()
        let check = try #require(catalog.checks[id])
        _ = try await practice.host.run(HostCommand(["sh", "-c", injection]))
        let index = L1Index(catalog.rules)
        let parameters = catalog.parameters(of: check, baseline: catalog.baselines["default"])
        var codes: [Code] = []
        var last: HealingResult?
        // One rule at a time: a drift that lay behind another is found by the next look.
        while codes.count < 8 {
            let seen = await observe(check, catalog)
            guard case .drift(let code) = seen.verdict else {
                #expect(seen.verdict == .compliant)
                break
            }
            codes.append(code)
            last = try #require(try await heal(check, code, seen, index, parameters, catalog))
            try #require(
                last?.outcome.word == "success" || last?.outcome == .failed("executor.other_drift"), "\(last!.outcome) \(last!.detail)")
        }
        // The lab reaches its hosts as root, whom the repair of sshd has shut out.
        _ = try await practice.host.run(HostCommand(["sh", "-c", "rm -f /etc/ssh/sshd_config.d/*; systemctl reload ssh"]))
        #expect(codes.first == code)
        #expect(last?.outcome.word == "success")
    }

    func heal(
        _ check: CheckDefinition, _ code: Code, _ seen: Observation, _ index: L1Index, _ parameters: [String: TypedValue],
        _ catalog: CompiledCatalog
    ) async throws -> HealingResult? {
        let now = WallClock.system.now()
        let incident = Incident(
            id: IncidentID(at: now), host: practice.host.id, check: check.id, code: code, severity: check.severity, opened: now,
            lastSeen: now, facts: seen.facts)
        let decision = index.decide(incident, on: index.platforms(["linux", "debian"]), facts: seen.facts, parameters: parameters, at: now)
        let plan = try #require(Plan(decision, for: incident, catalog: catalog, id: PlanID(at: now), at: now), "\(decision) \(seen)")
        let runbook = try #require(catalog.runbooks[plan.runbook])
        let digest = try #require(catalog.runbookDigests[plan.runbook])
        let admission = Gate.judge(
            plan, runbook: runbook, authority: nil, policy: HealingPolicy(window: try MaintenanceWindow("00:00-24:00", zone: .utc)),
            circumstances: Circumstances(
                runbookDigest: digest, platforms: ["linux", "debian"], clock: ClockReading(offsetMilliseconds: 0, source: "test"),
                keysAreSafe: true, evidenceIsDurable: true, history: .init(hostCount: 1)), now: now)
        try #require(admission == .admitted)
        return await Executor(
            verbs: VerbRegistry(undoAfter: .seconds(20)), intents: KeptIntents(), clock: .system,
            documents: catalog.baselines["default"]!.documents
        ).run(
            plan, runbook: runbook, runbookDigest: digest, on: practice.host, preState: seen.facts,
            otherDrift: check.otherDrift(than: code, in: seen.facts, parameters: parameters, at: now),
            recheck: { await observe(check, catalog) })
    }
}
