import Catalog
import Healing
import Hosts
import Model
import Testing

/// Every verb against a real host: heals, finds nothing to do the second time, and goes back when the re-check fails.
@Suite(.serialized, .enabled(if: PracticeHost.obstacle == nil, "this machine cannot run practice hosts"))
struct VerbTests {
    let practice: PracticeHost

    init() throws { practice = try PracticeHost.start(1) }

    var host: any Host { practice.host }
    static let never = (command: ["false"], output: String?.none)

    @Test func aStoppedServiceIsStartedAndStoppedAgainWhenThatDoesNotHelp() async throws {
        try await practice.run("systemctl", "stop", "cron.service")
        let step = ("service.start", ["units": TypedValue.strings(["cron.service"])])
        let failed = await Healer(host: host, passes: Self.never).run([step])
        #expect(failed.outcome == .reverted("test.drift"))
        #expect(failed.trace == "1 done, 1 rolled_back")
        #expect(try await practice.run("systemctl", "show", "-P", "ActiveState", "cron.service") == "inactive\n")

        let healer = Healer(host: host, passes: (["systemctl", "is-active", "cron.service"], nil))
        let healed = await healer.run([step])
        #expect(healed.outcome.word == "success")
        #expect(healed.trace == "1 done")
        #expect(healed.isRollbackAvailable)
        #expect(await healer.run([step]).trace == "1 unchanged")
    }

    @Test func aDisabledServiceIsEnabledAndDisabledAgain() async throws {
        try await practice.run("systemctl", "disable", "cron.service")
        let step = ("service.enable", ["units": TypedValue.strings(["cron.service"])])
        #expect(await Healer(host: host, passes: Self.never).run([step]).trace == "1 done, 1 rolled_back")
        #expect(try await practice.succeeds("systemctl", "is-enabled", "cron.service") == false)
        let healer = Healer(host: host, passes: (["systemctl", "is-enabled", "cron.service"], nil))
        #expect(await healer.run([step]).outcome.word == "success")
        #expect(await healer.run([step]).trace == "1 unchanged")
    }

    @Test(
        "A unit that is masked, or does not exist, is left alone",
        arguments: [
            ("no-such.service", "service.not_found"), ("martlet-masked.service", "service.masked"),
        ])
    func unusable(unit: String, code: Code) async throws {
        try await practice.run("ln", "-sfn", "/dev/null", "/etc/systemd/system/martlet-masked.service")
        try await practice.run("systemctl", "daemon-reload")
        let result = await Healer(host: host, passes: Self.never).run([("service.start", ["units": .strings([unit])])])
        #expect(result.outcome == .failed(code))
    }

    @Test func aLaterStepThatFailsUndoesTheEarlierOnesInReverse() async throws {
        try await practice.run("systemctl", "stop", "cron.service")
        try await practice.run("systemctl", "disable", "cron.service")
        let result = await Healer(host: host, passes: Self.never).run([
            ("service.enable", ["units": .strings(["cron.service"])]), ("service.start", ["units": .strings(["cron.service"])]),
            ("service.start", ["units": .strings(["no-such.service"])]),
        ])
        #expect(result.outcome == .reverted("service.not_found"))
        #expect(result.trace == "1 done, 2 done, 3 failed, 2 rolled_back, 1 rolled_back")
        #expect(try await practice.run("systemctl", "show", "-P", "ActiveState", "cron.service") == "inactive\n")
        #expect(try await practice.run("systemctl", "show", "-P", "UnitFileState", "cron.service") == "disabled\n")
        try await practice.run("systemctl", "enable", "--now", "cron.service")
    }

    @Test func modeAndOwnerAreSetAndPutBack() async throws {
        try await practice.run("chmod", "0666", "/etc/shadow")
        try await practice.run("chown", "martlet:martlet", "/etc/shadow")
        let step = (
            "file.set_mode",
            ["files": TypedValue.strings(["/etc/passwd 0644 root root", "/etc/none 0600 root root", "/etc/shadow 0640 root shadow"])]
        )
        let stat = ["stat", "-c", "%a %U:%G", "/etc/shadow"]
        #expect(await Healer(host: host, passes: Self.never).run([step]).outcome == .reverted("test.drift"))
        #expect(try await practice.run("stat", "-c", "%a %U:%G", "/etc/shadow") == "666 martlet:martlet\n")
        let healer = Healer(host: host, passes: (stat, "640 root:shadow\n"))
        #expect(await healer.run([step]).outcome.word == "success")
        #expect(await healer.run([step]).trace == "1 unchanged")
    }

    @Test(
        "A link is refused at the end of a path and within it",
        arguments: [
            ("/etc/martlet-link", "file.not_regular"), ("/etc/martlet-links/file", "file.behind_link"),
        ])
    func links(path: String, code: Code) async throws {
        try await practice.run("ln", "-sfn", "/etc/passwd", "/etc/martlet-link")
        try await practice.run("install", "-d", "/etc/martlet-real")
        try await practice.run("touch", "/etc/martlet-real/file")
        try await practice.run("ln", "-sfn", "/etc/martlet-real", "/etc/martlet-links")
        let before = try await practice.run("stat", "-L", "-c", "%a", "/etc/passwd", "/etc/martlet-real/file")
        let step = ("file.set_mode", ["files": TypedValue.strings(["\(path) 0600 nobody root"])])
        #expect(await Healer(host: host, passes: Self.never).run([step]).outcome == .failed(code))
        #expect(try await practice.run("stat", "-L", "-c", "%a", "/etc/passwd", "/etc/martlet-real/file") == before)
    }

    @Test func aBackupCountsOnlyWhenItsStatusMovesOn() async throws {
        let step = (
            "backup.run", ["unit": TypedValue.string("practice-backup.service"), "statusFile": .string("/var/lib/backup/status.json")]
        )
        let healer = Healer(host: host, passes: (["test", "-s", "/var/lib/backup/status.json"], nil))
        let done = await healer.run([step])
        #expect(done.outcome.word == "success")
        #expect(!done.isRollbackAvailable)
        // The unit that does nothing exits 0 just the same.
        let idle = (
            "backup.run",
            ["unit": TypedValue.string("systemd-tmpfiles-clean.service"), "statusFile": .string("/var/lib/backup/status.json")]
        )
        #expect(await healer.run([idle]).outcome == .failed("backup.status_not_advanced"))
    }

    @Test func loggingIsRestartedAndTheCanaryFound() async throws {
        let steps = [
            ("service.restart", ["units": TypedValue.strings(["rsyslog.service"])]),
            ("log.canary", ["files": .strings(["/var/log/syslog", "/var/log/messages"])]),
        ]
        let healer = Healer(host: host, passes: (["systemctl", "is-active", "rsyslog.service"], nil))
        #expect(await healer.run(steps).trace == "1 done, 2 done")
        let lost = await healer.run([steps[0], ("log.canary", ["files": .strings(["/var/log/nowhere"])])])
        #expect(lost.outcome == .reverted("log.canary_lost"))
    }

    @Test func aPlanForAnotherHostOrAnOlderRunbookIsRejectedBeforeAnythingRuns() async throws {
        let healer = Healer(host: host, passes: Self.never)
        let (plan, runbook) = Healer.runbook([("service.start", ["units": .strings(["cron.service"])])], host: "other")
        let executor = Executor(verbs: VerbRegistry(), intents: healer.intents, clock: .system, documents: [:])
        let strange = await executor.run(
            plan, runbook: runbook, runbookDigest: plan.runbookDigest, on: host, preState: Facts(), recheck: healer.recheck)
        #expect(strange.outcome == .rejected("executor.wrong_host"))
        let older = await executor.run(
            plan, runbook: runbook, runbookDigest: .genesis, on: host, preState: Facts(), recheck: healer.recheck)
        #expect(older.outcome == .rejected("executor.runbook_changed"))
        #expect(try await healer.intents.unfinished().isEmpty)
    }

    @Test("Where auditd is not installed, or its folder is gone, rules are refused before anything is touched")
    func auditIsNotInstalled() async throws {
        let runbook = try #require(try ShippedCatalogTests.catalog.get().runbooks["linux.audit.set_rules"])
        let steps = try #require(runbook.steps(["watches": .strings(["/etc/passwd"])], by: VerbRegistry()))
        let healer = Healer(host: host, passes: Self.never)
        func refused(_ missing: String) async throws {
            let result = await healer.run(steps.map { ($0.verb, $0.arguments) })
            #expect(result.outcome == .failed("audit.not_installed"), "\(result.detail)")
            #expect(result.trace == "1 failed" && result.actions.map(\.verb) == ["audit.set_rules"])
            #expect(result.detail.contains("no \(missing)"), "\(result.detail)")
        }
        try await practice.run("rm", "-rf", "/usr/sbin/auditctl", "/etc/audit")
        try await refused("auditctl")
        // As after a hand that cleared /etc: the program would load rules that no boot finds again.
        try await practice.run("install", "-m", "755", "/bin/true", "/usr/sbin/auditctl")
        try await refused("/etc/audit")
        #expect(try await !practice.succeeds("test", "-e", "/etc/audit"))
        try await practice.run("rm", "/usr/sbin/auditctl")
    }

    @Test(
        "A step that does not fit its verb is rejected",
        arguments: [
            ("no.verb", [:]), ("service.start", [:]), ("service.start", ["units": .string("cron.service")]),
            ("service.start", ["units": .strings(["cron.service"]), "more": .boolean(true)]),
        ] as [(String, [String: TypedValue])])
    func unfit(verb: String, arguments: [String: TypedValue]) async throws {
        #expect(await Healer(host: host, passes: Self.never).run([(verb, arguments)]).outcome == .rejected("executor.steps_unfit"))
    }
}
