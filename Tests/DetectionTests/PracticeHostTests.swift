import Catalog
import Documents
import Hosts
import Model
import Synchronization
import Testing

@testable import Detection

/// All checks on real hosts: what is broken is found, by the right check and code, and by no other.
@Suite(.serialized) struct PracticeHostTests {
    private static let instance = 40

    private func scanner(_ own: [CheckID: [String: TypedValue]] = [:]) -> Scanner {
        Scanner(parameters: { ShippedCatalog.parameters($0, own[$0.id] ?? [:]) }, clock: .system)
    }

    private var checks: [CheckDefinition] {
        Detector(checks: Array(ShippedCatalog.checks.values)).checks(for: .init(host: "x", platforms: ["linux", "debian"]))
    }

    private func verdicts(_ observations: [Observation]) -> [CheckID: Verdict] {
        Dictionary(uniqueKeysWithValues: observations.map { ($0.check, $0.verdict) })
    }

    /// A drift, how it is made on a host, and what must change because of it.
    private static let drifts: [(name: String, script: String, expected: [CheckID: Verdict])] = [
        (
            "root may log in with a password",
            "mkdir -p /etc/ssh/sshd_config.d && echo 'PermitRootLogin yes' >/etc/ssh/sshd_config.d/00-x.conf",
            ["linux.ssh.hardening": .drift("ssh.root_login")]
        ),
        ("a service is stopped", "systemctl stop cron", ["host.services.critical": .drift("services.stopped")]),
        ("the log daemon is stopped", "systemctl stop syslog.socket rsyslog", ["log.pipeline.canary": .drift("log.service_down")]),
        ("the firewall is flushed", "nft flush ruleset", ["linux.firewall.ruleset": .drift("firewall.not_loaded")]),
        ("shadow can be read by all", "chmod 0644 /etc/shadow", ["linux.files.permissions": .drift("files.wrong_permissions")]),
        (
            "the backup is 25 hours old",
            "sed -i \"s/last_backup\\\":\\\"[^\\\"]*/last_backup\\\":\\\"$(date -u -d '25 hours ago' +%Y-%m-%dT%H:%M:%SZ)/\" /var/lib/backup/status.json",
            ["backup.job.success": .drift("backup.too_old")]
        ),
        ("a packaged program was replaced", "cp /bin/true /usr/bin/who", ["linux.integrity.files": .drift("integrity.changed")]),
        (
            "something listens",
            "/usr/sbin/sshd -p 4444",
            ["host.services.listening": .drift("services.unexpected_listener")]
        ),
        (
            "a second root", "useradd -o -u 0 -M -N -s /usr/sbin/nologin toor",
            ["linux.accounts.privileged": .drift("accounts.second_root"), "linux.accounts.integrity": .drift("accounts.shared_id")]
        ),
    ]

    /// What a fresh practice host needs so that the drifted checks start out compliant.
    private static let provision = """
        set -e
        mkdir -p /etc/ssh/sshd_config.d
        printf 'PermitRootLogin prohibit-password\\nPasswordAuthentication no\\nMaxAuthTries 4\\nAllowUsers root martlet\\n' >/etc/ssh/sshd_config.d/50-baseline.conf
        systemctl reload ssh
        printf 'flush ruleset\\ntable inet filter {\\nchain input { type filter hook input priority 0; policy drop; ct state established,related accept; iif lo accept; tcp dport 22 counter accept; }\\n}\\n' >/etc/nftables.conf
        systemctl restart nftables
        systemctl start practice-backup.service
        """

    @Test func driftIsFoundByItsCheckAndOnlyByIt() async throws {
        if let obstacle = await PracticeHosts.obstacle(instance: Self.instance) {
            print("SKIPPED, real hosts cannot run here: \(obstacle)")
            return
        }
        let lab = try await PracticeHosts.start(2, instance: Self.instance)
        do { try await proveOnHosts(lab) } catch {
            await lab.stop()
            throw error
        }
        await lab.stop()
    }

    private func proveOnHosts(_ lab: PracticeHosts) async throws {
        let (first, second) = (try lab.host(1), try lab.host(2))
        let provisioned = try await first.run(HostCommand(["sh", "-c", Self.provision]))
        try #require(provisioned.succeeded, "\(String(decoding: provisioned.errorOutput, as: UTF8.self))")

        let look = await scanner().scan(Scanner.Request(host: first, checks: checks))
        let firewall = try #require(look.first { $0.check == "linux.firewall.ruleset" })
        #expect(firewall.verdict == .unknown("parameter.missing"))
        let digest = try #require(firewall.facts["nft.ruleset_digest"])
        let scanner = scanner([
            "linux.firewall.ruleset": ["rulesetDigest": digest],
            "linux.ssh.hardening": ["rootLoginAllowed": .strings(["no", "without-password"])],
            "linux.accounts.privileged": ["nopasswdAllowed": .strings(["martlet"])],
        ])
        let started = ContinuousClock.now
        let before = verdicts(await scanner.scan(Scanner.Request(host: first, checks: checks)))
        print("one pass of \(checks.count) checks over ssh took \(ContinuousClock.now - started)")
        for drift in Self.drifts {
            for check in drift.expected.keys { #expect(before[check] == .compliant, "\(check) before \(drift.name)") }
        }

        for drift in Self.drifts {
            let made = try await first.run(HostCommand(["sh", "-c", drift.script]))
            try #require(made.succeeded, "\(drift.name): \(String(decoding: made.errorOutput, as: UTF8.self))")
        }
        let after = verdicts(await scanner.scan(Scanner.Request(host: first, checks: checks)))
        let expected = before.merging(Self.drifts.flatMap { $0.expected.map { ($0.key, $0.value) } }) { $1 }
        for (check, verdict) in expected { #expect(after[check] == verdict, "\(check)") }

        try await unpluggedHostDelaysNobody(lab, first, second)

        await first.disconnect()
        try #require(try await lab.lab("reset", "1").succeeded)
        // Its host key is another one now, so the old entry of the host would be refused.
        let healed = try await PracticeHosts.settings(instance: Self.instance).host(1)
        let fresh = verdicts(await scanner.scan(Scanner.Request(host: healed, checks: checks)))
        #expect(fresh["host.services.critical"] == .compliant)
        #expect(fresh["linux.files.permissions"] == .compliant)
        #expect(fresh["linux.integrity.files"] == .compliant)
        await healed.disconnect()
        await second.disconnect()
    }

    private func unpluggedHostDelaysNobody(_ lab: PracticeHosts, _ first: SSHHost, _ second: SSHHost) async throws {
        try await lab.lab("unplug", "1")
        let seen = Mutex<[(host: HostID, words: Set<String>, after: Duration)]>([])
        let begun = ContinuousClock.now
        let quick: Set<CheckID> = ["host.services.critical", "linux.ssh.hardening", "host.storage.capacity"]
        let wanted = checks.filter { quick.contains($0.id) }
        await scanner().scan([Scanner.Request(host: first, checks: wanted), Scanner.Request(host: second, checks: wanted)]) {
            observations in
            let words = Set(observations.map(\.verdict.word))
            seen.withLock { $0.append((observations[0].host, words, ContinuousClock.now - begun)) }
        }
        try await lab.lab("plug", "1")
        let results = seen.withLock { $0 }
        try #require(results.map(\.host) == [second.id, first.id])
        #expect(!results[0].words.contains("unknown"))
        #expect(results[1].words == ["unknown"])
        #expect(results[1].after < .seconds(40))
    }
}
