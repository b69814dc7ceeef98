import Appliance
import Evidence
import Foundation
import Glibc
import Model
import Seal
import TestSupport
import Testing

/// The units of `Deploy/systemd`: measured, and booted in a practice host with the real programs.
@Suite(.serialized) struct HandsUnitsTests {
    static let units = repositoryRoot + "/Deploy/systemd"

    @Test("The networked process is exposed by 2.0 at most, and has not one capability")
    func exposure() throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze") else { return }
        for (unit, most) in [("martlet-appliance.service", 2.0), ("martlet-hands.service", 4.9)] {
            let text = try runCommand("/usr/bin/systemd-analyze", ["security", "--offline=true", "--no-pager", "\(Self.units)/\(unit)"])
            let line = try #require(text.split(separator: "\n").last { $0.contains("Overall exposure level") })
            let exposure = try #require(line.split(separator: " ").compactMap { Double($0) }.first)
            #expect(exposure <= most, "\(line)")
        }
        let appliance = try String(contentsOfFile: Self.units + "/martlet-appliance.service", encoding: .utf8)
        #expect(appliance.contains("\nCapabilityBoundingSet=\n") && appliance.contains("\nNoNewPrivileges=yes\n"))
    }

    @Test("The helper's unit says for each privilege that it keeps what it is for")
    func privilegesAreDocumented() throws {
        let lines = try String(contentsOfFile: Self.units + "/martlet-hands.service", encoding: .utf8).split(separator: "\n").map(
            String.init)
        let kept = try #require(lines.first { $0.hasPrefix("CapabilityBoundingSet=") }).dropFirst("CapabilityBoundingSet=".count)
        let comments = lines.filter { $0.hasPrefix("#   CAP_") }.joined(separator: " ")
        let words = Set(comments.split(separator: " ").map(String.init))
        for privilege in kept.split(separator: " ") { #expect(words.contains(String(privilege)), "\(privilege)") }
        #expect(words.filter { $0.hasPrefix("CAP_") }.count == kept.split(separator: " ").count)
    }

    @Test(
        "On a booted machine a drift of its own is healed through the helper by a process without privileges; without the helper nothing is",
        .enabled(if: HandsMachine.isPossible))
    func booted() async throws {
        let machine = try await HandsMachine()
        defer { machine.stop() }
        try await machine.install()
        try await machine.run("systemctl start martlet-hands.socket martlet-appliance.service")
        try await eventually("healed", every: .milliseconds(500)) { try await machine.mode == "640" }

        let appliance = try await machine.process("martlet-appliance")
        #expect(appliance["Uid"]?.split(separator: "\t").allSatisfy { $0 != "0" } == true)
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] { #expect(appliance[set] == "0000000000000000", "\(set)") }
        #expect(appliance["NoNewPrivs"] == "1" && appliance["Seccomp"] == "2")
        let hands = try await machine.process("martlet-hands")
        #expect(hands["Uid"]?.hasPrefix("0\t") == true && hands["NoNewPrivs"] == "1" && hands["Seccomp"] == "2")
        // Neither listens on a network, and the helper has no socket of one at all.
        #expect(try await !machine.run("ss -H -l -n -t -u -p").contains("martlet"))
        #expect(try await machine.run("ls -l /proc/$(systemctl show -P MainPID martlet-hands)/fd").contains("socket:"))
        #expect(try await machine.run("stat -c '%U %G %a' /run/martlet-hands.sock") == "root martlet 660\n")

        // What the helper's unit takes from it changes no verdict of the shipped catalog.
        let (free, boxed) = try await machine.verdicts()
        #expect(free == boxed && free.count > 10)

        // Somebody else on the machine may not ask.
        await #expect(throws: CommandFailed.self) {
            try await machine.run("runuser -u nobody -- test -w /run/martlet-hands.sock")
        }

        // Killed: systemd starts it again, and the next drift is healed all the same.
        try await machine.run("systemctl kill -s KILL martlet-hands.service; chmod 666 \(HandsMachine.file)")
        try await eventually("healed again", every: .milliseconds(500)) {
            try await machine.lookNow()
            return try await machine.mode == "640"
        }

        try await machine.run("systemctl stop martlet-hands.socket martlet-hands.service; chmod 666 \(HandsMachine.file)")
        try await eventually("unknown without the helper", every: .seconds(1)) {
            try await machine.lookNow()
            return await machine.evidence().contains { $0.record.verdict == .unknown("hands.unreachable") }
        }
        #expect(try await machine.mode == "666")
        try await machine.run("systemctl start martlet-hands.socket")
        try await eventually("healed when the helper is back", every: .milliseconds(500)) {
            try await machine.lookNow()
            return try await machine.mode == "640"
        }
        try await machine.run("systemctl stop martlet-appliance.service")
        let evidence = await machine.evidence()
        #expect(isChain(evidence))
        let healings = evidence.filter { $0.record.kind == .healing && $0.record.outcome.word == "success" }
        #expect(healings.count >= 3 && healings.allSatisfy { $0.record.actions.map(\.verb) == ["file.set_mode"] })
    }
}

/// A practice host with the programs, the units and an enrolled appliance's state on it.
final class HandsMachine: Sendable {
    static let file = "/srv/practice/calendar.txt"
    private static let script = repositoryRoot + "/scripts/lab/hosts"
    private static let instance = ProcessInfo.processInfo.environment["LAB_INSTANCE"] ?? "7"
    static let isPossible = geteuid() == 0 && (try? runCommand(script, ["possible"])) != nil

    private let root: String
    private let temporary: TemporaryDirectory

    @discardableResult
    private static func lab(_ arguments: String...) async throws -> String {
        try await runCommandAside(script, arguments, environment: ["LAB_INSTANCE": instance])
    }

    init() async throws {
        temporary = try TemporaryDirectory()
        let settings = try await Self.lab("start", "1")
        let key = try #require(settings.split(separator: "\n").first { $0.hasPrefix("SSH_KEY=") }).dropFirst("SSH_KEY=".count)
        root = URL(filePath: String(key)).deletingLastPathComponent().path + "/host1/root"
    }

    func stop() { _ = try? runCommand(Self.script, ["stop"], environment: ["LAB_INSTANCE": Self.instance]) }

    @discardableResult
    func run(_ line: String) async throws -> String { try await Self.lab("ssh", "1", line) }

    var mode: String { get async throws { try await run("stat -c %a \(Self.file)").split(separator: "\n").joined() } }

    func lookNow() async throws { try await run("systemctl kill -s HUP --kill-who=main martlet-appliance.service") }

    /// `/proc/PID/status` of a service's main process.
    func process(_ unit: String) async throws -> [String: String] {
        var values: [String: String] = [:]
        for line in try await run("cat /proc/$(systemctl show -P MainPID \(unit).service)/status").split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
            if parts.count == 2 { values[parts[0]] = String(parts[1].drop { $0 == "\t" || $0 == " " }) }
        }
        return values
    }

    /// What the machine's appliance has signed so far.
    func evidence() async -> [VerifiedBundle] {
        let copy = temporary.file("copy-\(UUID().uuidString)")
        guard (try? runCommand("/bin/cp", ["-r", root + "/var/lib/martlet-appliance", copy])) != nil else { return [] }
        _ = try? runCommand("/bin/chown", ["-R", "0:0", copy])
        return (try? await LabAppliance.stored(in: StateDirectory(copy))) ?? []
    }

    func install() async throws {
        try await enroll(into: root + "/var/lib/martlet-appliance")
        for program in ["martlet-appliance", "martlet-hands"] { try install(program) }
        for unit in ["martlet-appliance.service", "martlet-hands.service", "martlet-hands.socket"] {
            try copy("\(HandsUnitsTests.units)/\(unit)", "/etc/systemd/system/\(unit)")
        }
        try copy("\(HandsUnitsTests.units)/martlet.sysusers.conf", "/usr/lib/sysusers.d/martlet.conf")
        try copy("\(HandsUnitsTests.units)/martlet.tmpfiles.conf", "/usr/lib/tmpfiles.d/martlet.conf")
        // The lab's user of this name may do anything with sudo; the appliance's may not.
        try await run("rm -f /etc/sudoers.d/martlet && systemd-sysusers && systemd-tmpfiles --create")
        let example = try String(contentsOfFile: HandsUnitsTests.units + "/appliance.example.yaml", encoding: .utf8)
        let settings = example + "clock: {servers: []}\nhealing: {cooldown: 1s}\n"
        try Data(settings.utf8).write(to: URL(filePath: root + "/etc/martlet/appliance.yaml"))
        try await run(
            "chown -R martlet:martlet /var/lib/martlet-appliance && chmod 700 /var/lib/martlet-appliance && chmod 666 \(Self.file)")
        try await run("runuser -u martlet -- martlet-appliance catalog-key | install -m 644 /dev/stdin /etc/martlet/catalog.pem")
        try await run("systemctl daemon-reload")
    }

    /// Of every shipped check: as root, and as root under the settings of the helper's unit.
    func verdicts() async throws -> (free: [String], boxed: [String]) {
        try install("martlet")
        try runCommand("/bin/cp", ["-r", repositoryRoot + "/Catalog", root + "/opt/Catalog"])
        let service = try String(contentsOfFile: HandsUnitsTests.units + "/martlet-hands.service", encoding: .utf8)
        let own: Set<String> = [
            "Type", "ExecStart", "Restart", "RestartSec", "TimeoutStopSec", "StateDirectory", "StateDirectoryMode", "TasksMax",
        ]
        let settings = service.components(separatedBy: "[Service]\n")[1].split(separator: "\n").filter { line in
            !line.hasPrefix("#") && !own.contains(String(line.prefix { $0 != "=" }))
        }
        let properties = settings.map { "-p '\($0)'" }.joined(separator: " ")
        // 1 and 2 say that something is not compliant.
        let check = "martlet check --catalog /opt/Catalog --json"
        func verdicts(_ line: String) async throws -> [String] {
            let text = try await run("\(line) || test $? -le 2")
            return try JSONValue(parsing: Array(text.utf8), limits: JSONLimits(bytesMax: 1 << 20))["observations"]?.array?.map {
                "\($0["check"]?.string ?? "") \($0["verdict"]?.string ?? "") \($0["code"]?.string ?? "")"
            } ?? []
        }
        return (
            try await verdicts(check), try await verdicts("systemd-run --quiet --wait --pipe --collect \(properties) \(check)")
        )
    }

    /// A program, with what a debug build looks for where the compiler is.
    private func install(_ program: String) throws {
        let path = binaries.appendingPathComponent(program).path
        try copy(path, "/usr/bin/\(program)")
        for line in try runCommand("/usr/bin/ldd", [path]).split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            guard let path = words.first(where: { $0.hasPrefix("/") }), !FileManager.default.fileExists(atPath: root + path) else {
                continue
            }
            try copy(path, path)
        }
    }

    private func copy(_ source: String, _ target: String) throws {
        let path = root + target
        try FileManager.default.createDirectory(
            atPath: URL(filePath: path).deletingLastPathComponent().path, withIntermediateDirectories: true)
        try runCommand("/bin/cp", ["-L", source, path])
    }

    /// Enrolled with a real Central, which it will not reach from there, and with a catalog from it.
    private func enroll(into state: String) async throws {
        let central = try LabCentral()
        try await central.start()
        let site = try await central.site()
        let configuration = ApplianceConfiguration(directory: StateDirectory(temporary.file("state")))
        try await LabAppliance.enroll(configuration, central, site.code, .system)
        let process = try await LabAppliance.build(configuration, .system, .none)
        try await central.publish(LabCatalog.make(version: 1, file: Self.file))
        let running = Task { try await process.run(stopOn: []) }
        try await eventually("the catalog is there") { process.context.catalog.stamp.version == 1 }
        running.cancel()
        _ = try? await running.value
        try await central.stop()
        try runCommand("/bin/cp", ["-r", configuration.directory.path, state])
    }
}
