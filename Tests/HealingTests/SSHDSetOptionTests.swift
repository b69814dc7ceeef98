import Healing
import Hosts
import Model
import Testing

@testable import Healing

@Suite struct SSHDTextTests {
    @Test(
        "A drop-in decides only where the main file includes it before it sets the option or opens a Match",
        arguments: [
            ("Include /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin yes\n", true),
            ("# x\n\n include   /etc/ssh/sshd_config.d/*.conf", true),
            ("PermitRootLogin yes\nInclude /etc/ssh/sshd_config.d/*.conf\n", false),
            ("permitrootlogin=yes\nInclude /etc/ssh/sshd_config.d/*.conf", false),
            ("Match User bob\nInclude /etc/ssh/sshd_config.d/*.conf\n", false), ("#Include /etc/ssh/sshd_config.d/*.conf\n", false),
            ("Include /etc/ssh/other/*.conf\n", false), ("Port 22\nInclude \"/etc/ssh/sshd_config.d/*.conf\"\n", true), ("", false),
        ])
    func includes(main: String, isFirst: Bool) {
        #expect(SSHDText.includesDropInsFirst(main, before: "PermitRootLogin") == isFirst)
    }

    @Test func settingTwiceLeavesOneLineAboveEverythingAndTheRestAsItWas() {
        let original = "Port 22\nMatch User bob\n  PermitRootLogin yes\n"
        let once = SSHDText.setting("PermitRootLogin", to: "no", in: original)
        let twice = SSHDText.setting("permitrootlogin", to: "prohibit-password", in: once)
        let three = SSHDText.setting("MaxAuthTries", to: "3", in: twice)
        #expect(once.hasSuffix("\n" + original))
        #expect(three.hasSuffix("\n" + original))
        #expect(
            three.split(separator: "\n").filter { $0.lowercased().hasPrefix("permitrootlogin") } == ["permitrootlogin prohibit-password"])
        #expect(three.contains("\nMaxAuthTries 3\n"))
    }

    @Test(
        "sshd's older name for a value is the same value",
        arguments: [
            ("without-password", "prohibit-password", true), ("no", "NO", true), ("no", "yes", false), (nil, "no", false),
        ] as [(String?, String, Bool)])
    func same(effective: String?, wanted: String, isSame: Bool) {
        #expect(SSHDText.isSame(effective, as: wanted) == isSame)
    }
}

@Suite(.serialized, .enabled(if: PracticeHost.obstacle == nil, "this machine cannot run practice hosts"))
struct SSHDSetOptionTests {
    let practice: PracticeHost

    init() throws { practice = try PracticeHost.start(2) }

    let main = "/etc/ssh/sshd_config"
    let dropIn = "/etc/ssh/sshd_config.d/00-martlet.conf"

    func step(_ option: String, _ value: String) -> [(String, [String: TypedValue])] {
        [("sshd.set_option", ["option": .string(option), "value": .string(value)])]
    }

    func effective(_ option: String) async throws -> String {
        try await practice.run("/usr/sbin/sshd", "-T").split(separator: "\n").first { $0.hasPrefix(option + " ") }.map(String.init) ?? ""
    }

    /// The configuration as Debian ships it, and the process that is running.
    func fresh() async throws -> (text: String, process: String) {
        try await practice.run("sh", "-c", "rm -f /etc/ssh/sshd_config.d/*; test -e /root/sshd_config || cp -p /etc/ssh/sshd_config /root/")
        try await practice.run("cp", "-p", "/root/sshd_config", main)
        try await practice.run("systemctl", "reload", "ssh.service")
        return (try await practice.run("cat", main), try await practice.run("systemctl", "show", "-P", "MainPID", "ssh.service"))
    }

    func healer(_ option: String, _ value: String) -> Healer {
        Healer(host: practice.host, passes: (["sh", "-c", "/usr/sbin/sshd -T | grep -qx '\(option) \(value)'"], nil))
    }

    @Test func theDropInIsUsedWhereItDecidesAndSSHDIsReloadedNotRestarted() async throws {
        let before = try await fresh()
        let healed = await healer("maxauthtries", "3").run(step("MaxAuthTries", "3"))
        #expect(healed.outcome.word == "success", "\(healed)")
        #expect(try await practice.run("cat", main) == before.text)
        #expect(try await practice.run("cat", dropIn).contains("\nMaxAuthTries 3\n"))
        #expect(try await practice.run("systemctl", "show", "-P", "MainPID", "ssh.service") == before.process)
        #expect(await healer("maxauthtries", "3").run(step("MaxAuthTries", "3")).trace == "1 unchanged")
        #expect(try await practice.succeeds("sh", "-c", "ls /run/martlet/* /etc/ssh/.*.martlet /etc/ssh/sshd_config.d/.*.martlet") == false)
        #expect(try await practice.run("systemctl", "list-timers", "--all", "--no-legend", "martlet-undo-*") == "")
    }

    @Test func aRecheckThatFailsPutsTheFilesBack() async throws {
        let before = try await fresh()
        let result = await Healer(host: practice.host, passes: (["false"], nil)).run(step("MaxAuthTries", "3"))
        #expect(result.outcome == .reverted("test.drift"))
        #expect(try await practice.run("cat", main) == before.text)
        #expect(try await practice.succeeds("test", "-e", dropIn) == false)
        #expect(try await effective("maxauthtries") == "maxauthtries 6")
    }

    @Test func aMatchBlockAtTheEndDoesNotSwallowTheOption() async throws {
        _ = try await fresh()
        // No Include, and a Match that everything appended would belong to.
        let text = "PermitRootLogin yes\nUsePAM yes\nMatch User nobody\n    MaxAuthTries 2\n"
        try await practice.run("tee", main, input: text)
        let result = await healer("maxauthtries", "3").run(step("MaxAuthTries", "3"))
        #expect(result.outcome.word == "success", "\(result)")
        #expect(try await practice.run("cat", main).hasSuffix(text))
        #expect(try await practice.succeeds("test", "-e", dropIn) == false)
        let ofNobody = try await practice.run("/usr/sbin/sshd", "-T", "-C", "user=nobody,host=x,addr=192.0.2.1")
        #expect(ofNobody.contains("maxauthtries 2"))
    }

    @Test func aDropInThatSortsBeforeOursIsOverruledInTheMainFile() async throws {
        _ = try await fresh()
        try await practice.run("tee", "/etc/ssh/sshd_config.d/00-another.conf", input: "MaxAuthTries 9\n")
        let result = await healer("maxauthtries", "3").run(step("MaxAuthTries", "3"))
        #expect(result.outcome.word == "success", "\(result)")
        #expect(try await practice.run("head", "-2", main).contains("MaxAuthTries 3"))
        #expect(try await practice.succeeds("test", "-e", dropIn) == false)
    }

    @Test func whatSSHDRefusesIsNeverReloaded() async throws {
        let before = try await fresh()
        let reloads = try await practice.run("systemctl", "show", "-P", "ExecReload", "ssh.service")
        let result = await healer("maxauthtries", "3").run(step("MaxAuthTries", "many"))
        #expect(result.outcome.code == "sshd.invalid")
        #expect(try await practice.run("cat", main) == before.text)
        #expect(try await practice.succeeds("test", "-e", dropIn) == false)
        #expect(try await practice.run("systemctl", "show", "-P", "ExecReload", "ssh.service") == reloads)
    }

    @Test func aConfigurationThatIsBrokenAlreadyIsLeftAlone() async throws {
        _ = try await fresh()
        try await practice.run("tee", "-a", main, input: "NoSuchOption yes\n")
        let broken = try await practice.run("cat", main)
        let result = await healer("maxauthtries", "3").run(step("MaxAuthTries", "3"))
        #expect(result.outcome.code == "sshd.invalid_before")
        #expect(try await practice.run("cat", main) == broken)
        _ = try? await fresh()
        try await practice.run("cp", "-p", "/root/sshd_config", main)
    }

    /// We log in as root: forbidding that locks us out. Nobody is there to mend it but the host itself.
    @Test func aSettingThatLocksUsOutUndoesItself() async throws {
        let before = try await fresh()
        let result = await healer("permitrootlogin", "no").run(step("PermitRootLogin", "no"), undoAfter: .seconds(4))
        #expect(result.outcome == .reverted("sshd.locked_out"))
        await practice.host.disconnect()
        #expect(try await practice.run("cat", main) == before.text)
        #expect(try await practice.succeeds("test", "-e", dropIn) == false)
        #expect(try await effective("permitrootlogin") != "permitrootlogin no")
    }

    @Test func throughSudoItWorksForAnOrdinaryUserAndRootMayBeShutOut() async throws {
        _ = try await fresh()
        let host = try PracticeHost.start(2, user: "martlet", become: .sudo).host
        let healer = Healer(host: host, passes: (["sh", "-c", "/usr/sbin/sshd -T | grep -qx 'permitrootlogin no'"], nil))
        let result = await healer.run(step("PermitRootLogin", "no"))
        #expect(result.outcome.word == "success", "\(result)")
        let back = await Healer(host: host, passes: (["true"], nil)).run(step("PermitRootLogin", "prohibit-password"))
        #expect(back.outcome.word == "success", "\(back)")
    }
}
