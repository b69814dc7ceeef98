import Appliance
import Central
import Compliance
import Database
import Evidence
import Foundation
import Healing
import Hosts
import Model
import Redaction
import Seal
import TestSupport
import Testing
import Wire

/// Whatever durable step the real process dies at, a restart leaves one unbroken chain, nothing that was receipted is lost,
/// nothing was done without evidence, and Central's copy equals ours.
@Suite(.enabled(if: geteuid() == 0)) struct SuddenEndTests {
    /// For which time each step kills. A new case does not compile before it stands here, and a life that does not come to its
    /// step fails: every step is died at.
    static func times(of step: DurableStep) -> [Int] {
        switch step {
        case .evidenceBeforeCommit: [1, 3]
        case .evidenceAfterCommit: [4]
        case .intentBeforeSave: [1, 3]
        case .intentAfterSave: [1, 2, 3]
        case .orderBeforeAccept, .orderAfterAccept, .reportBeforeForget, .reportAfterForget, .receiptBeforeStore, .receiptAfterStore,
            .catalogBeforeSwitch, .catalogAfterSwitch, .policyBeforeSwitch, .policyAfterSwitch, .certificateBeforeReplace,
            .certificateAfterReplace, .pruneBeforeDelete,
            .pruneAfterDelete, .startBeforeCommit, .startAfterCommit, .signBeforeWrite, .signAfterWrite,
            .witnessBeforeCommit, .witnessAfterCommit:
            [1]
        }
    }
    static let moments = DurableStep.allCases.flatMap { step in times(of: step).map { (step, $0) } }
    /// So many lives at a time: more would only wait for one another.
    private static let gate = Gate(4)

    @Test("Killed at any durable step, the appliance goes on without a gap, a loss or an action that nobody recorded", arguments: moments)
    func killedAtAStep(step: DurableStep, count: Int) async throws {
        try await Self.gate.pass { try await dieAndGoOn(step, count) }
    }

    private func dieAndGoOn(_ step: DurableStep, _ count: Int) async throws {
        // The appliance renews what has a third of its life behind it, and so short a life has when it begins.
        let renews = step == .certificateBeforeReplace || step == .certificateAfterReplace
        let prunes = step == .pruneBeforeDelete || step == .pruneAfterDelete
        let clock = TestClock(at: WallClock.system.now() - .seconds(prunes ? 95 * 86_400 : 0))
        let central = try LabCentral(clock: clock.clock, clientCertificateLifetime: renews ? .seconds(120) : .seconds(300 * 86_400))
        try await central.start()
        let site = try await central.site()
        let lab = try await DaemonLab(central, site, clock: clock.clock)
        if prunes {
            try await lab.live(atOnce: 210, clock.clock)
            clock.advance(by: .seconds(95 * 86_400))
        }
        lab.makeDrift()
        try await central.publish(LabCatalog.make(version: 1, file: lab.file))
        if step == .policyBeforeSwitch || step == .policyAfterSwitch {
            try await central.change(.runbook, LabCatalog.runbook.description, isEnabled: false, at: site)
            try await central.change(.runbook, LabCatalog.runbook.description, isEnabled: true, at: site)
        }
        let order = try await central.order(
            OrderDraft(appliance: lab.identity.appliance, kind: .check, requester: "alice@msp.example", reason: "look again"), site)

        let first = try LabDaemon(lab.configurationPath, ["--crash-at", "\(step.rawValue):\(count)"])
        try await eventually("killed itself at \(step)") { !first.isRunning }
        #expect(first.process.terminationReason == .uncaughtSignal && first.process.terminationStatus == SIGKILL, "\(first.log)")
        let certificate = try lab.certificate()

        let hearing = first.log.components(separatedBy: "<5>started").count + 1
        let second = try LabDaemon(lab.configurationPath)
        try await eventually("healed, ordered and receipted: \(step)", every: .milliseconds(300)) {
            // The log holds the first life too; before the second one listens, SIGHUP would end it.
            if second.log.components(separatedBy: "<5>started").count >= hearing { second.hangUp() }
            let held = try await central.evidence(of: site)
            return held.contains { $0.record.outcome.word == "success" } && held.contains { $0.record.order == order.id }
                && held.contains { $0.record.verdict == .compliant && $0.record.kind == .verdict }
                && (!renews || (try? lab.certificate()) != certificate)
                && (!prunes || held.contains { $0.record.note.contains("no longer kept here") })
        }
        try await eventually("said that it started") { second.log.components(separatedBy: "<5>started").count >= hearing }
        let took = try await second.stop()
        #expect(took < LabDaemon.stopMax, "\(second.log.suffix(4_000))")

        let ours = try await lab.stored()
        let held = try await central.evidence(of: site)
        #expect(isChain(ours) && isChain(held), "\(second.log)")
        let firstKept = Int(ours.first?.record.link.sequence ?? 0)
        #expect(prunes == (firstKept > 0) && held.first?.record.link.sequence == 0)
        #expect(Array(ours.map(\.digest).prefix(held.count - firstKept)) == held.dropFirst(firstKept).map(\.digest))
        #expect(ours.contains { $0.record.note.contains("no longer kept here") } == prunes)
        // The file was changed once, and every change has its bundle.
        #expect(lab.mode == 0o640)
        #expect(ours.count { $0.record.kind == .healing && $0.record.outcome.word == "success" } == 1)
        #expect(ours.count { $0.record.order == order.id } == 1)
        // A first life that died before its first bundle was durable never was.
        let leftNothing = (step, count) == (.evidenceBeforeCommit, 1) || step == .startBeforeCommit
        #expect(ours.contains { $0.record.note.contains("after a crash") } || leftNothing)
        // What has to be looked at was said once, however often it was begun.
        #expect(ours.count { $0.record.kind == .expectation } == 1)
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

    @Test("A Central that hangs holds up no stop")
    func stopsBesideAHangingCentral() async throws {
        let central = try LabCentral()
        try await central.start()
        let lab = try await DaemonLab(central, try await central.site())
        try await central.publish(LabCatalog.make(version: 1, file: lab.file))
        try await central.stop()
        let server = try LabProgram(
            "martlet-central", [], environment: await central.environment, log: central.directory.file("central.log"))
        let daemon = try LabDaemon(lab.configurationPath)
        try await eventually("checked in") { daemon.log.contains("catalog in force") }
        kill(server.process.processIdentifier, SIGSTOP)
        #expect(try await daemon.stop() < LabDaemon.stopMax)
        kill(server.process.processIdentifier, SIGKILL)
        try await server.ended()
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
        #expect(try await daemon.stop() < LabDaemon.stopMax)
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

    init(_ central: LabCentral, _ site: LabSite, clock: WallClock = .system, state: String? = nil) async throws {
        temporary = try TemporaryDirectory()
        configuration = ApplianceConfiguration(directory: StateDirectory(state ?? temporary.file("state")))
        identity = try await LabAppliance.enroll(configuration, central, site.code, clock)
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
    var mode: Int { (try? FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int) ?? 0 }

    func certificate() throws -> String { try String(contentsOfFile: configuration.directory.tlsIdentity, encoding: .utf8) }

    /// Past life: so many bundles of that time, all of them receipted. By hand, because a whole appliance in this process would
    /// hold the lock on its state for as long as the test lives.
    func live(atOnce count: Int, _ clock: WallClock) async throws {
        let database = try SQLiteDatabase(path: configuration.directory.database)
        let key = try SigningKey(contentsOf: configuration.directory.evidenceKey)
        let journal = try await EvidenceJournal(database: database, key: key, scrubber: .ofTests, appended: Wake(), clock: clock)
        let drafts = BundleDrafts(
            identity: identity, configuration: configuration, catalog: ActiveCatalog(database: database, identity: identity),
            clock: clock, clockState: ClockState(), softwareVersion: "lab")
        let places = try await journal.append((0..<count).map { drafts.system(.observed, note: "long ago \($0)") })
        let link = CentralLink(
            identity: identity, configuration: configuration, enrollmentURL: nil, evidenceKey: key, clock: clock, faults: .none)
        let bundles = try await database.read { try EvidenceTable.all(in: $0) }
        let reply = try await link.client().submit(EvidenceSubmission(bundles: bundles.map(\.signed)))
        await link.close()
        let envelope = try #require(reply.receipt)
        let (last, now) = (places[count - 1], clock.now())
        try await database.write {
            try EvidenceTable.receipt(0, last.sequence, head: last.digest, envelope: envelope, received: now, in: $0)
        }
        await database.close()
    }

    /// Only while no daemon works there.
    func stored() async throws -> [VerifiedBundle] { try await LabAppliance.stored(in: configuration.directory) }
}
