import Glibc
import Hosts
import Model
import Seal
import TestSupport
import Testing

@testable import Healing

/// The restore test on real archives, as root of this machine.
@Suite(.enabled(if: geteuid() == 0, "needs root")) struct BackupTestRestoreTests {
    @Test(
        "Files that come back as they were are noted as tested, whatever packs the archive, and nothing of them is left",
        arguments: ["", "z"])
    func good(packing: String) async throws {
        let backup = try await Backup(packing: packing)
        #expect(try await backup.test() == nil)
        let status = try backup.status()
        #expect(status["last_restore_test"]?.string == backup.clock.now().description)
        #expect(status["last_backup"]?.string == "2026-01-05T01:00:00Z" && status["checksum"]?.string == "x")
        // The probe takes the note for an instant.
        let probed = try BackupProbe().parse(
            [.success(CommandResult(exitStatus: 0, output: try status.canonicalBytes(), errorOutput: []))], [:], at: backup.clock.now())
        #expect(probed["backup.last_restore_test"] == .instant(backup.clock.now()))
        #expect(access(backup.place, F_OK) != 0)
    }

    @Test(
        "A backup that does not come back as its manifest says is never noted as tested",
        arguments: [
            ("content that changed", "sed -i 's/appointments/appointmentz/' practice.tar", "backup.file_differs"),
            ("an archive that is cut", "gzip practice.tar; head -c 120 practice.tar.gz >practice.tar", "backup.archive_unreadable"),
            ("another file in its place", "printf other >practice.tar", "backup.archive_unreadable"),
            ("a file that is not in it", "tar --delete -f practice.tar practice/calendar.txt", "backup.file_missing"),
            ("an archive of nothing", "tar -cf practice.tar -T /dev/null", "backup.file_missing"),
            ("an archive of no bytes", ": >practice.tar", "backup.archive_unreadable"),
            ("no archive", "rm practice.tar", "backup.archive_missing"), ("no manifest", "rm practice.sha256", "backup.manifest_missing"),
            ("a manifest of nothing", ": >practice.sha256", "backup.empty"),
            ("empty files only", "sed -i '/empty/!d' practice.sha256", "backup.empty"),
            ("a manifest of something else", "echo appointments >practice.sha256", "backup.manifest_refused"),
            ("a name that leads out", "sed -i 's# practice/# ../source/practice/#' practice.sha256", "backup.manifest_refused"),
            ("an absolute name", "sed -i \"s# practice/# $PWD/source/practice/#\" practice.sha256", "backup.manifest_refused"),
            (
                "a link to what was backed up",
                "mkdir l; mkdir l/practice; for f in calendar.txt notes.txt; do ln -s $PWD/source/practice/$f l/practice/$f; done;"
                    + "touch l/practice/empty; tar -C l -cf practice.tar practice", "backup.not_a_file"
            ),
            (
                "more than there is room for", "truncate -s 8T source/practice/notes.txt; tar -C source -S -cf practice.tar practice",
                "backup.no_room"
            ),
            ("no note of a backup", "rm status.json", "backup.status_missing"),
            ("a status file of something else", "echo '{\"insecure-registries\":[]}' >status.json", "backup.status_unreadable"),
        ])
    func bad(what: String, damage: String, code: Code) async throws {
        let backup = try await Backup()
        try await backup.sh(damage)
        let before = backup.statusBytes
        #expect(try await backup.test()?.code == code, "\(what)")
        #expect(backup.statusBytes == before, "\(what)")
        #expect(access(backup.place, F_OK) != 0, "\(what)")
    }

    @Test(
        "A path that leads elsewhere, or could be an option or another machine's, is refused",
        arguments: ["archive", "manifest", "statusFile"])
    func paths(name: String) async throws {
        let backup = try await Backup()
        for path in ["/var/lib/backup/../../../etc/shadow", "practice.tar", "--to-command=sh", "host:/x", "/a//b", "/a/./b", "/a\n/b", ""] {
            var arguments = backup.arguments
            arguments[name] = .string(path)
            #expect(try await backup.test(arguments)?.code == "backup.path_refused", "\(path)")
        }
    }

    @Test("A second name of a file is passed over, and what an earlier test left is removed")
    func secondNames() async throws {
        let backup = try await Backup()
        try await backup.sh(
            """
            cd source; ln practice/calendar.txt practice/second.txt; tar -cf ../practice.tar practice
            sha256sum practice/second.txt >>../practice.sha256
            """)
        mkdir(backup.place, 0o755)
        try await backup.sh("touch restore/left")
        #expect(try await backup.test() == nil)
        #expect(access(backup.place, F_OK) != 0)
    }

    @Test("What a test had restored when its process died goes before anybody looks")
    func diedInTheMiddle() async throws {
        let backup = try await Backup()
        mkdir(backup.place, 0o700)
        try await backup.verb.settle(VerbArguments(backup.arguments), .object([:]), backup.hands)
        #expect(access(backup.place, F_OK) != 0)
    }
}

/// A practice's data, its archive and manifest, and the status file of the job that made them.
private struct Backup {
    let clock = TestClock().clock
    private let directory: TemporaryDirectory

    init(packing: String = "") async throws {
        directory = try TemporaryDirectory()
        try await sh(
            """
            mkdir source source/practice; cd source
            echo appointments >practice/calendar.txt; echo "room 2" >'practice/notes.txt'; : >practice/empty
            sha256sum practice/* >../practice.sha256; tar -c\(packing)f ../practice.tar practice
            echo '{"last_backup":"2026-01-05T01:00:00Z","checksum":"x","last_restore_test":null}' >../status.json
            """)
    }

    var place: String { directory.file("restore") }
    var verb: BackupTestRestore { BackupTestRestore(place: place) }

    var arguments: [String: TypedValue] {
        [
            "archive": .string(directory.file("practice.tar")), "manifest": .string(directory.file("practice.sha256")),
            "statusFile": .string(directory.file("status.json")),
        ]
    }

    var hands: Hands {
        Hands(
            host: LocalHost(id: "here"), clock: clock, deadline: Deadline(in: .seconds(60), by: clock), documents: [:],
            plan: PlanID(at: clock.now()))
    }

    func sh(_ script: String) async throws {
        let line = "set -e; cd \(directory.file("")); \(script)"
        let result = try await LocalHost(id: "here").run(HostCommand(["sh", "-c", line], deadline: .seconds(60)))
        try #require(result.succeeded, "\(String(decoding: result.errorOutput, as: UTF8.self))")
    }

    var statusBytes: [UInt8]? { fileBytes(directory.file("status.json")) }

    func status() throws -> JSONValue { try JSONValue(parsing: try #require(statusBytes), limits: JSONLimits(bytesMax: 65_536)) }

    /// Why it failed; nil if it did not.
    func test(_ arguments: [String: TypedValue]? = nil) async throws -> StepError? {
        let arguments = VerbArguments(arguments ?? self.arguments)
        do throws(StepError) {
            let captured = try await verb.capture(arguments, hands)
            _ = try await verb.apply(arguments, captured, hands)
            return nil
        } catch {
            return error
        }
    }
}
