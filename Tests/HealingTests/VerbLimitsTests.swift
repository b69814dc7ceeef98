import Foundation
import Glibc
import Healing
import Hosts
import Model
import Seal
import TestSupport
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
        "A value of sshd's cannot bring a line of its own",
        arguments: ["no\nPermitEmptyPasswords yes", "no\r", "no\u{2028}x", "", "n\0"])
    func refusedValues(value: String) async {
        let arguments = VerbArguments(["option": .string("PermitRootLogin"), "value": .string(value)])
        await #expect(throws: StepError("sshd.option_malformed", "PermitRootLogin")) {
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

    @Test("Somebody's own program does not become one that runs as root", .enabled(if: geteuid() == 0, "needs root"))
    func setIdIsNotGivenOn() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("program")
        let nobody: uid_t = 65_534
        try #require(FileManager.default.createFile(atPath: path, contents: nil))
        try #require(chown(path, nobody, nobody) == 0 && chmod(path, 0o6755) == 0)
        let arguments = VerbArguments(["files": .strings(["\(path) 6755 root root"])])
        let captured = try await FileSetMode().capture(arguments, hands())
        _ = try await FileSetMode().apply(arguments, captured, hands())
        #expect(mode(path) == 0o755)
        try await FileSetMode().restore(arguments, captured, hands())
        #expect(mode(path) == 0o6755)
    }

    @Test(
        "A file in a directory where somebody else could exchange it for a link is left alone",
        .enabled(if: geteuid() == 0, "needs root"),
        arguments: ["of nobody", "open", "open to a group", "sticky and nobody's", "behind a link"])
    func exchangeable(place: String) async throws {
        let directory = try TemporaryDirectory()
        let nobody: uid_t = 65_534
        let way = directory.file("way")
        try #require(mkdir(way, 0o755) == 0)
        let path = way + "/file"
        try #require(FileManager.default.createFile(atPath: path, contents: nil) && chmod(path, 0o666) == 0)
        var named = path
        switch place {
        case "of nobody": chown(way, nobody, 0)
        case "open": chmod(way, 0o777)
        case "open to a group":
            chown(way, 0, nobody)
            chmod(way, 0o775)
        case "sticky and nobody's":
            chmod(way, 0o1777)
            chown(path, nobody, nobody)
        default:
            symlink(way, directory.file("link"))
            named = directory.file("link/file")
        }
        let code: Code = place == "behind a link" ? "file.behind_link" : "file.path_exposed"
        func refused(_ verb: any Verb, _ values: [String: TypedValue]) async {
            let error = await #expect(throws: StepError.self, "\(verb.name)") { _ = try await verb.capture(VerbArguments(values), hands()) }
            #expect(error?.code == code, "\(verb.name)")
        }
        await refused(FileSetMode(), ["files": .strings(["\(named) 0640 root root"])])
        await refused(FileDenyWorldWrite(), ["files": .strings([named])])
        try Data(#"{"last_backup":"2026-01-05T01:00:00Z"}"#.utf8).write(to: URL(filePath: path))
        let backup: [String: TypedValue] = ["archive": .string("/a"), "manifest": .string("/a"), "statusFile": .string(named)]
        await refused(BackupTestRestore(), backup)
    }

    @Test("A file that is ours alone in a sticky directory is taken as it is")
    func ownInSticky() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("file")
        try #require(FileManager.default.createFile(atPath: path, contents: nil))
        try await hands().requireGuarded(path)
        for odd in ["relative", "/", "/etc/../etc/passwd", "/etc//passwd", "/etc/./passwd", "/etc/"] {
            await #expect(throws: StepError("file.path_refused", odd)) { try await hands().requireGuarded(odd) }
        }
    }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        lstat(path, &status)
        return status.st_mode & 0o7777
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
