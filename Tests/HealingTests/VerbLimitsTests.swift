import Glibc
import Healing
import Hosts
import Model
import Seal
import Testing

@testable import Healing

/// What no order and no catalog can make a verb do, whatever its parameters.
@Suite struct VerbLimitsTests {
    @Test(
        "A unit that takes the machine down or opens a shell, an option, a path and a glob are refused",
        arguments: [
            "poweroff.target", "rescue.target", "debug-shell.service", "debug-shell", "systemd-reboot.service", "-H", "--now", "/dev/sda",
            "*", "ssh*.service", "a b.service", "a\n.service", "home.mount", "",
        ])
    func refusedUnits(unit: String) {
        #expect(throws: StepError.self) { try VerbArguments.requireOrdinary(unit) }
    }

    @Test(arguments: ["cron.service", "cron", "php8.2-fpm", "getty@tty1.service", "apt-daily.timer", "ssh.socket", "dev-\\x2d.service"])
    func ordinaryUnits(unit: String) throws { try VerbArguments.requireOrdinary(unit) }

    @Test(
        "An option of sshd that names a program, a key or a file is refused before anything is read",
        arguments: ["AuthorizedKeysCommand", "AuthorizedKeysFile", "ForceCommand", "Subsystem", "TrustedUserCAKeys", "Include", "Match"])
    func refusedOptions(option: String) async {
        let arguments = VerbArguments(["option": .string(option), "value": .string("/bin/echo ssh-ed25519 AAAA")])
        await #expect(throws: StepError("sshd.option_refused", option)) {
            _ = try await SSHDSetOption(undoAfter: .seconds(1)).apply(arguments, .null, hands())
        }
    }

    @Test(
        "A mode only loses bits: no entry adds a set-id bit, or lets others read or write",
        .enabled(if: geteuid() == 0, "needs root"),
        arguments: [
            // A program that all may run was to become set-user-id; a secret was to be shown; a file was to be opened for writing.
            (0o755, "4655", 0o655), (0o640, "0004", 0o000), (0o440, "0226", 0o000), (0o666, "0640", 0o640),
        ] as [(mode_t, String, mode_t)])
    func modesOnlyNarrow(found: mode_t, entry: String, left: mode_t) async throws {
        let file = try File(mode: found)
        defer { file.remove() }
        let arguments = VerbArguments(["files": .strings(["\(file.path) \(entry) root root"])])
        let captured = try await FileSetMode().capture(arguments, hands())
        _ = try await FileSetMode().apply(arguments, captured, hands())
        #expect(file.mode == left)
        try await FileSetMode().restore(arguments, captured, hands())
        #expect(file.mode == found)
    }

    @Test("What is root's is not given to anybody else", .enabled(if: geteuid() == 0, "needs root"))
    func rootsStaysRoots() async throws {
        let file = try File(mode: 0o666)
        defer { file.remove() }
        let arguments = VerbArguments(["files": .strings(["\(file.path) 0600 nobody root"])])
        await #expect(throws: StepError("file.owner_refused", file.path)) { _ = try await FileSetMode().capture(arguments, hands()) }
    }

    @Test("A file that has become a link since it was captured is not followed", .enabled(if: geteuid() == 0, "needs root"))
    func aLaterLinkIsNotFollowed() async throws {
        let (file, victim) = (try File(mode: 0o666), try File(mode: 0o600))
        defer {
            file.remove()
            victim.remove()
        }
        let arguments = VerbArguments(["files": .strings(["\(file.path) 0644 root root"])])
        let captured = try await FileSetMode().capture(arguments, hands())
        unlink(file.path)
        symlink(victim.path, file.path)
        await #expect(throws: StepError.self) { _ = try await FileSetMode().apply(arguments, captured, hands()) }
        await #expect(throws: StepError.self) { try await FileSetMode().restore(arguments, captured, hands()) }
        #expect(victim.mode == 0o600)
    }

    private func hands() -> Hands {
        let clock = WallClock.system
        return Hands(
            host: LocalHost(id: "here"), clock: clock, deadline: Deadline(in: .seconds(60), by: clock), documents: [:],
            plan: PlanID(at: clock.now()))
    }

    private struct File {
        let path: String

        init(mode: mode_t) throws {
            var template = Array("/tmp/mlt-limits-XXXXXX".utf8CString)
            let descriptor = mkstemp(&template)
            try #require(descriptor >= 0)
            close(descriptor)
            path = String(cString: template)
            chmod(path, mode)
        }

        var mode: mode_t {
            var status = stat()
            lstat(path, &status)
            return status.st_mode & 0o7777
        }

        func remove() { unlink(path) }
    }
}
