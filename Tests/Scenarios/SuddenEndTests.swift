import Appliance
import Central
import Evidence
import Foundation
import Healing
import Hosts
import Model
import TestSupport
import Testing

/// Whatever durable step the real process dies at, a restart leaves one unbroken chain, nothing that was receipted is lost,
/// nothing was done without evidence, and Central's copy equals ours.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct SuddenEndTests {
    /// Steps that one short life with a drift and an order passes through, and for which time. Renewal and pruning need weeks
    /// to come to pass and have tests of their own.
    static let moments: [(DurableStep, Int)] = [
        (.evidenceBeforeCommit, 1), (.evidenceBeforeCommit, 3), (.evidenceAfterCommit, 4), (.orderBeforeAccept, 1), (.orderAfterAccept, 1),
        (.reportBeforeForget, 1), (.reportAfterForget, 1), (.intentBeforeSave, 1), (.intentAfterSave, 1), (.intentAfterSave, 2),
        (.intentBeforeSave, 3), (.intentAfterSave, 3), (.receiptBeforeStore, 1), (.receiptAfterStore, 1), (.catalogBeforeSwitch, 1),
        (.catalogAfterSwitch, 1),
    ]

    @Test("Killed at any durable step, the appliance goes on without a gap, a loss or an action that nobody recorded", arguments: moments)
    func killedAtAStep(step: DurableStep, count: Int) async throws {
        let central = try LabCentral()
        try await central.start()
        let site = try await central.site()
        let lab = try await DaemonLab(central, site)
        lab.makeDrift()
        try await central.publish(LabCatalog.make(version: 1, file: lab.file))
        let order = try await central.order(
            OrderDraft(appliance: lab.identity.appliance, kind: .check, requester: "alice@msp.example", reason: "look again"), site)

        let first = try LabDaemon(lab.configurationPath, ["--crash-at", "\(step.rawValue):\(count)"])
        try await eventually("killed itself at \(step)") { !first.isRunning }

        let second = try LabDaemon(lab.configurationPath)
        try await eventually("healed, ordered and receipted") {
            let held = try await central.evidence(of: site)
            return held.contains { $0.record.outcome.word == "success" } && held.contains { $0.record.order == order.id }
                && held.contains { $0.record.verdict == .compliant && $0.record.kind == .verdict }
        }
        try await eventually("said that it started") { second.log.components(separatedBy: "<5>started").count >= 2 }
        let took = try await second.stop()
        #expect(took < .seconds(5))

        let ours = try await lab.stored()
        let held = try await central.evidence(of: site)
        #expect(isChain(ours) && isChain(held), "\(second.log)")
        #expect(Array(ours.map(\.digest).prefix(held.count)) == held.map(\.digest))
        // The file was changed once, and every change has its bundle.
        #expect(lab.mode == 0o640)
        #expect(ours.count { $0.record.kind == .healing && $0.record.outcome.word == "success" } == 1)
        #expect(ours.count { $0.record.order == order.id } == 1)
        #expect(ours.contains { $0.record.note.contains("after a crash") } || (step, count) == (.evidenceBeforeCommit, 1))
        try await central.stop()
    }

    @Test("Killed at random moments again and again, nothing that Central gave a receipt for is ever lost")
    func killedAtRandom() async throws {
        let central = try LabCentral()
        try await central.start()
        let site = try await central.site()
        let lab = try await DaemonLab(central, site)
        try await central.publish(LabCatalog.make(version: 1, file: lab.file))
        var random = SystemRandomNumberGenerator()
        var receipted: [Digest] = []
        for round in 0..<8 {
            lab.makeDrift()
            let daemon = try LabDaemon(lab.configurationPath)
            try await Task.sleep(for: .milliseconds(Int.random(in: 20...900, using: &random)))
            try await daemon.kill()
            let held = try await central.evidence(of: site).map(\.digest)
            #expect(Array(held.prefix(receipted.count)) == receipted, "round \(round)")
            receipted = held
        }
        let last = try LabDaemon(lab.configurationPath)
        try await eventually("all sent") {
            let held = try await central.evidence(of: site)
            return held.count > receipted.count && lab.mode == 0o640
        }
        _ = try await last.stop()
        let (ours, held) = (try await lab.stored(), try await central.evidence(of: site))
        #expect(isChain(ours) && isChain(held))
        #expect(Array(ours.map(\.digest).prefix(held.count)) == held.map(\.digest))
        try await central.stop()
    }

    @Test("The running process listens on no socket")
    func listensNowhere() async throws {
        let central = try LabCentral()
        try await central.start()
        let lab = try await DaemonLab(central, try await central.site())
        try await central.publish(LabCatalog.make(version: 1, file: lab.file))
        let daemon = try LabDaemon(lab.configurationPath)
        try await eventually("checked in") { daemon.log.contains("catalog in force") }
        let pid = daemon.process.processIdentifier
        let sockets = Set(
            try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").compactMap {
                try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\($0)")
            }.filter { $0.hasPrefix("socket:[") }.map { String($0.dropFirst(8).dropLast()) })
        for (table, listening) in [("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")] {
            let lines = try String(contentsOfFile: "/proc/\(pid)/net/\(table)", encoding: .utf8).split(separator: "\n").dropFirst()
            for line in lines {
                let words = line.split(separator: " ")
                #expect(!(words[3] == listening && sockets.contains(String(words[9]))), "\(table): \(line)")
            }
        }
        #expect(try await daemon.stop() < .seconds(5))
        try await central.stop()
    }

    @Test("A key that others can read, and a machine that is not enrolled, are refused with a sentence")
    func refusesToStart() async throws {
        let temporary = try TemporaryDirectory()
        let path = temporary.file("appliance.yaml")
        try "stateDirectory: \(temporary.file("state"))\nclock: {servers: []}\n".write(toFile: path, atomically: true, encoding: .utf8)
        let unenrolled = try LabDaemon(path)
        try await unenrolled.ended()
        #expect(unenrolled.process.terminationStatus == 1 && unenrolled.log.contains("[start.not_enrolled]"))

        let central = try LabCentral()
        try await central.start()
        let lab = try await DaemonLab(central, try await central.site())
        chmod(lab.configuration.directory.evidenceKey, 0o640)
        let exposed = try LabDaemon(lab.configurationPath)
        try await exposed.ended()
        #expect(exposed.process.terminationStatus == 1 && exposed.log.contains("[key.mode]"))
        try await central.stop()
    }
}

/// An enrolled state directory, a configuration file for the daemon, and one file on this machine that it watches.
struct DaemonLab {
    let temporary: TemporaryDirectory
    let configuration: ApplianceConfiguration
    let configurationPath: String
    let identity: Identity
    var file: String { temporary.file("watched") }

    init(_ central: LabCentral, _ site: LabSite) async throws {
        temporary = try TemporaryDirectory()
        configuration = ApplianceConfiguration(directory: StateDirectory(temporary.file("state")))
        identity = try await LabAppliance.enroll(configuration, central, site.code, .system)
        configurationPath = temporary.file("appliance.yaml")
        let text = """
            stateDirectory: \(configuration.directory.path)
            poll: {interval: 10s}
            healing: {cooldown: 1s}
            clock: {servers: []}
            hosts: [{id: here, address: local}]
            """
        try text.write(toFile: configurationPath, atomically: true, encoding: .utf8)
        FileManager.default.createFile(atPath: file, contents: Data("x".utf8), attributes: [.posixPermissions: 0o640])
    }

    func makeDrift() { chmod(file, 0o666) }
    var mode: mode_t {
        var status = stat()
        return stat(file, &status) == 0 ? status.st_mode & 0o7777 : 0
    }

    /// Only while no daemon works there.
    func stored() async throws -> [VerifiedBundle] { try await LabAppliance.stored(in: configuration.directory) }
}
