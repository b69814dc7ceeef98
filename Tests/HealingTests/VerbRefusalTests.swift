import Hosts
import Model
import Testing

@testable import Healing

/// What the verbs refuse before they look at the host, whatever an order or a catalog says.
@Suite struct VerbRefusalTests {
    @Test(
        "What is outside a verb's fixed list is refused",
        arguments: [
            ("file.set_content", ["path": .string("/etc/shadow"), "document": .string("d")], "file.path_refused"),
            ("file.set_content", ["path": .string("/etc/profile.d/x.sh"), "document": .string("d")], "file.path_refused"),
            ("file.deny_world_write", ["files": .strings(["relative"])], "file.entry_malformed"),
            ("sysctl.set", ["settings": .strings(["kernel.modprobe"])], "sysctl.malformed"),
            ("sysctl.set", ["settings": .strings(["kernel.core_pattern=|/bin/sh"])], "sysctl.malformed"),
            ("account.lock", ["accounts": .strings(["root"])], "account.refused"),
            ("account.expire", ["accounts": .strings(["root"])], "account.refused"),
            ("account.lock", ["accounts": .strings(["-R"])], "account.refused"),
            ("account.set_ageing", ["accounts": .strings([]), "days": .integer(0)], "account.days_refused"),
            ("package.install", ["packages": .strings(["telnetd"])], "package.refused"),
            ("package.remove", ["packages": .strings(["openssh-server"])], "package.refused"),
            ("package.upgrade", ["packages": .strings(["openssh-server-"])], "package.refused"),
            ("package.upgrade", ["packages": .strings(["--allow-downgrades"])], "package.refused"),
            ("time.set_sources", ["servers": .strings([])], "time.servers_refused"),
            ("time.set_sources", ["servers": .strings(["a b"])], "time.servers_refused"),
            ("time.set_sources", ["servers": .strings(Array(repeating: "a", count: 9))], "time.servers_refused"),
            ("audit.set_rules", ["watches": .strings(["/etc/passwd -p r"])], "audit.watch_refused"),
            ("disk.clean", ["places": .strings(["/var/log * 365"])], "disk.place_refused"),
            ("disk.clean", ["places": .strings(["/tmp * 6"])], "disk.place_refused"),
            ("disk.clean", ["places": .strings(["/var/cache/apt/archives * 30"])], "disk.place_refused"),
            ("disk.clean", ["places": .strings(["/tmp/../etc * 30"])], "disk.place_refused"),
            ("backup.run", ["unit": .string("poweroff.target"), "statusFile": .string("/x")], "service.refused"),
            (
                "nft.restore", ["document": .string("d"), "managementPort": .integer(22), "file": .string("/etc/passwd")],
                "nft.file_refused"
            ),
            // A line of its own in what the verb writes or says.
            ("sysctl.set", ["settings": .strings(["net.ipv4.tcp_syncookies=1\nkernel.modprobe=/tmp/x"])], "sysctl.malformed"),
            ("sysctl.set", ["settings": .strings(["kernel.dmesg_restrict=1\n"])], "sysctl.malformed"),
            ("audit.set_rules", ["watches": .strings(["/etc/passwd\n-D"])], "audit.watch_refused"),
            ("time.set_sources", ["servers": .strings(["a\nallow all"])], "time.servers_refused"),
            ("account.lock", ["accounts": .strings(["drcox\nroot"])], "account.refused"),
            ("account.expire", ["accounts": .strings(["a%h"])], "account.refused"),
            ("service.start", ["units": .strings(["cron.service\npoweroff.target"])], "service.refused"),
            ("package.upgrade", ["packages": .strings(["bash\n-o"])], "package.refused"),
            ("package.upgrade", ["packages": .strings(["bash=1"])], "package.refused"),
            ("disk.clean", ["places": .strings(["/tmp *\n 30"])], "disk.place_refused"),
            (
                "certificate.renew",
                ["unit": .string("certbot.service"), "files": .strings([]), "reload": .strings(["rescue.target"])], "service.refused"
            ),
        ] as [(String, [String: TypedValue], Code)])
    func refused(name: String, values: [String: TypedValue], code: Code) async throws {
        let verb = try #require(VerbRegistry()[name])
        let clock = WallClock.system
        let hands = Hands(
            host: LocalHost(id: "here"), clock: clock, deadline: Deadline(in: .seconds(60), by: clock), documents: [:],
            plan: PlanID(at: clock.now()))
        let error = await #expect(throws: StepError.self) { _ = try await verb.capture(VerbArguments(values), hands) }
        #expect(error?.code == code)
    }

    @Test(
        "Of two settings in login.defs one is left, and what says so already stays as it is",
        arguments: [
            ("A 1\nPASS_MAX_DAYS\t99999\nB 2\n", "A 1\nPASS_MAX_DAYS\t90\nB 2\n"), ("PASS_MAX_DAYS 90\n", "PASS_MAX_DAYS 90\n"),
            ("PASS_MAX_DAYS 90\n# x\nPASS_MAX_DAYS 99999\n", "PASS_MAX_DAYS\t90\n# x\n"),
            ("#PASS_MAX_DAYS 1\n", "#PASS_MAX_DAYS 1\nPASS_MAX_DAYS\t90\n"),
        ])
    func loginDefs(old: String, new: String) {
        #expect(AccountSetAgeing.text(old, days: 90) == new)
    }

    @Test func ourKernelSettingsKeepWhatWasSetBeforeAndReplaceWhatIsSetAgain() {
        let once = SysctlSet.text([("a.b", "1"), ("c.d", "2")], over: "")
        let twice = SysctlSet.text([("a.b", "3")], over: once)
        #expect(twice.split(separator: "\n").dropFirst() == ["c.d = 2", "a.b = 3"])
    }
}
