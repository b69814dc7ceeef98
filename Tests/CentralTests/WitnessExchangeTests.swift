import Anchors
import AsyncHTTPClient
import Central
import Database
import Foundation
import Logging
import Model
import NIOCore
import NIOHTTP1
import NIOPosix
import Reports
import Seal
import ServiceLifecycle
import TestSupport
import Testing
import TransparencyLog
import Wire
import Witness

/// Cosignatures come in with check-ins and from witnesses over HTTP, and only what verifies is published.
@Suite struct WitnessExchangeTests {
    @Test("A box's cosignature is verified, stored and published; all else means one witness less", arguments: TestEngine.allCases)
    func checkins(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            var box = try await enrolledBox(at: central)
            _ = try await box.submit(box.makeBundles(3, at: central.clock.now), to: central)
            try await central.process.integrateLog()
            let name = "\(try #require(box.grant).appliance)/witness"
            let signer = try NoteSigner(name: name, algorithm: .cosignature, key: SigningKey())
            let logKey = try NoteVerifier(try #require(box.grant?.logKey))
            let trust = LogTrust(logKeys: [logKey], witnesses: [signer.verifier])

            let first = try await checkin(box, central, WitnessReport(key: signer.verifier.text, size: -1, cosignature: nil, dispute: nil))
            let request = try WitnessRequest(Array(#require(first.log).utf8))
            #expect(request.oldSize == 0)
            #expect(try VerifiedCheckpoint(request.note, trust: trust).size == 3)
            // Without a witness in the request there is nothing to show.
            #expect(try await box.checkin(at: central).log == nil)

            let line = signer.sign(Array(request.note.text.utf8), at: central.clock.now).line
            let foreign = try NoteSigner(name: "appl_other/witness", algorithm: .cosignature, key: SigningKey())
            for (key, size, text) in [
                (foreign.verifier.text, 3, foreign.sign(Array(request.note.text.utf8), at: central.clock.now).line),
                (signer.verifier.text, 3, signer.sign(Array("other\n".utf8), at: central.clock.now).line),
                (signer.verifier.text, 2, line), (signer.verifier.text, 3, "nonsense"), ("nonsense", 3, line),
            ] {
                _ = try await checkin(box, central, WitnessReport(key: key, size: Int64(size), cosignature: text, dispute: nil))
            }
            try await central.process.integrateLog()
            #expect(try await published(central, trust).cosignatures.isEmpty)

            for _ in 1...2 {
                let reply = try await checkin(
                    box, central, WitnessReport(key: signer.verifier.text, size: 3, cosignature: line, dispute: nil))
                // The same checkpoint is shown again: a witness wants to see that it still is the newest.
                #expect(try WitnessRequest(Array(#require(reply.log).utf8)).proof.hashes.isEmpty)
            }
            try await central.process.integrateLog()
            #expect(try await published(central, trust).cosignatures.map(\.verifier) == [signer.verifier])
            let file = central.configuration.dataDirectory + "/objects/mutable/log/checkpoint"
            let stored = try? VerifiedCheckpoint(Array(Data(contentsOf: URL(fileURLWithPath: file))), trust: trust)
            #expect(stored.map { $0.cosignatures.count } ?? 1 == 1)

            _ = try await box.submit(box.makeBundles(5, at: central.clock.now), to: central)
            try await central.process.integrateLog()
            let next = try WitnessRequest(
                Array(
                    #require(
                        try await checkin(
                            box, central, WitnessReport(key: signer.verifier.text, size: 3, cosignature: line, dispute: nil)
                        ).log
                    ).utf8))
            let old = try VerifiedCheckpoint(request.note, trust: trust)
            let new = try VerifiedCheckpoint(next.note, trust: trust)
            #expect(next.oldSize == 3)
            try next.proof.verify(oldSize: 3, oldRoot: old.root, newSize: 8, newRoot: new.root)
        }
    }

    @Test("A packet shows the first checkpoint that enough witnesses cosigned, or better one whose age others attest")
    func packets() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            let tenant = try await central.makeTenant()
            var (box, other) = (try await enrolledBox(at: central, tenant), try await enrolledBox(at: central, central.makeTenant("Other")))
            // A box's own; Central takes it as it takes that of any other.
            let name = "\(try #require(box.grant).appliance)/witness"
            let signer = try NoteSigner(name: name, algorithm: .cosignature, key: SigningKey())
            var configuration = central.configuration
            configuration.logWitnesses = [try ConfiguredWitness("https://w.example \(signer.verifier.text)")]
            configuration.logQuorum = 1
            let directory = try TemporaryDirectory()
            func packet(_ name: String) async throws -> (report: KitReport, names: String) {
                let path = directory.file(name)
                // A packet waits for its witnesses, but not for ever.
                let moving = Task {
                    for _ in 0..<200 { central.clock.advance(by: .milliseconds(250)); try await Task.sleep(for: .milliseconds(5)) }
                }
                _ = try await PacketService(central.services, configuration).write(tenant.site, to: path, for: CentralUnderTest.person)
                moving.cancel()
                let report = await KitVerifier(trust: .keyID(central.services.keys.kits.verifyingKey.id), workers: 2).verify(path)
                return (report, try runCommand("/usr/bin/unzip", ["-Z1", path]))
            }
            func cosign() async throws {
                let report = WitnessReport(key: signer.verifier.text, size: -1, cosignature: nil, dispute: nil)
                let request = try WitnessRequest(Array(#require(try await checkin(box, central, report).log).utf8))
                let size = try Checkpoint(text: request.note.text).size
                let line = signer.sign(Array(request.note.text.utf8), at: central.clock.now).line
                _ = try await checkin(
                    box, central, WitnessReport(key: signer.verifier.text, size: size, cosignature: line, dispute: nil))
            }

            _ = try await box.submit(box.makeBundles(3, at: central.clock.now), to: central)
            try await central.process.integrateLog()
            // Nobody has cosigned, and the kit does not hide it.
            let bare = try await packet("bare.zip").report
            #expect(bare.findings.map(\.code) == ["log.too_few_witnesses"] && bare.log?.size == 3)
            try await cosign()
            _ = try await other.submit(other.makeBundles(2, at: central.clock.now), to: central)
            try await central.process.integrateLog()
            let first = try await packet("first.zip")
            #expect(first.report.findings == [] && first.report.log?.size == 3 && first.report.log?.cosignatures == 1, "\(first.report)")

            try await cosign()
            let target = try #require(try await central.services.anchors.newestCheckpoint())
            #expect(target.treeSize == 5)
            let anchor = Anchor(
                kind: .timestampAuthority, target: target, made: central.clock.now, proof: [1, 2, 3],
                state: .stamped(at: central.clock.now), isOpen: false)
            try await central.services.anchors.commit([anchor], heartbeat: .init(since: central.clock.now), kind: .timestampAuthority)
            let aged = try await packet("aged.zip")
            #expect(aged.report.findings == [] && aged.report.log?.size == 5 && aged.report.log?.cosignatures == 1)
            #expect(aged.names.contains("anchors/checkpoint.tsr") && !first.names.contains("anchors/"))
        }
    }

    @Test(
        "Entries that no checkpoint covers, and a checkpoint that nobody cosigns, are alerts, whatever came first",
        arguments: TestEngine.allCases)
    func alerts(engine: TestEngine) async throws {
        let (directory, database, clock) = (try TemporaryDirectory(), try await TestDatabase(engine), TestClock())
        var configuration = CentralConfiguration(dataDirectory: directory.file("central"), databaseURL: database.url)
        configuration.logWitnesses = [try ConfiguredWitness("https://w.example \(witnessSigner("w").verifier.text)")]
        configuration.logQuorum = 1
        _ = try CentralKeys.create(in: configuration.dataDirectory, at: clock.now)
        // Built and not run: nothing integrates but the test.
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let central = try await CentralProcess.build(configuration, clock: clock.clock, logger: quiet)
        func codes() async throws -> [String] { try await central.services.status.alerts().map(\.code).filter { $0.hasPrefix("log.") } }
        let organization = try await central.services.tenants.createOrganization("Lakeside", by: CentralUnderTest.person)
        let scope = TenantScope(CentralUnderTest.person, organization: organization.id)
        // A statement is the first that waits.
        _ = try await central.services.holds.change(true, scope, reason: "test", by: CentralUnderTest.person)
        clock.advance(by: .seconds(300))
        #expect(try await codes() == [])
        clock.advance(by: .milliseconds(1))
        #expect(try await codes() == ["log.stalled"])
        try await central.integrateLog()
        #expect(try await codes() == [])
        clock.advance(by: .milliseconds(300_001))
        #expect(try await codes() == ["log.quorum"])
        await central.services.close()
    }

    @Test("A box's disputes are kept once each, and no more of them than there is room for")
    func disputes() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            let box = try await enrolledBox(at: central)
            let log = try TwoFacedLog("localhost/log", key: central.services.keys.log)
            func note(_ face: TwoFacedLog.Face) throws -> String { String(decoding: try log.note(face).bytes, as: UTF8.self) }
            let cosigned = try note(TwoFacedLog.face(4))
            func tell(_ refused: String) async throws {
                let dispute = DisputeReport(kind: "fork", cosigned: cosigned, refused: refused, seen: central.clock.now)
                _ = try await checkin(box, central, WitnessReport(key: "none", size: 4, cosignature: nil, dispute: dispute))
            }
            func kept() async throws -> [String] {
                try await central.services.witnesses.overview(.none, signedBefore: central.clock.now).disputes.map(\.refused)
            }
            let refused = try (0...101).map { try note(TwoFacedLog.face(4, history: "\($0)")) }
            for text in [refused[0], refused[0], refused[1]] { try await tell(text) }
            #expect(try await kept().sorted() == refused[...1].sorted())
            try await central.services.database.write { transaction in
                for number in 0..<98 {
                    try transaction.execute(
                        """
                        INSERT INTO log_dispute (source, digest, kind, cosigned, refused, seen_at, received_at)
                        SELECT source, \([UInt8(number)]), kind, cosigned, refused, seen_at, received_at FROM log_dispute LIMIT 1
                        """)
                }
            }
            try await tell(refused[2])
            #expect(try await kept().count == 100)
        }
    }

    @Test("What any box could make up is no dispute: notes of another key, and checkpoints of the history that there is")
    func baseless() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            var box = try await enrolledBox(at: central)
            var own: [String] = []
            for _ in 1...2 {
                _ = try await box.submit(box.makeBundles(2, at: central.clock.now), to: central)
                try await central.process.integrateLog()
                own.append(String(decoding: try #require(await central.services.log(central.configuration).newest()).bytes, as: UTF8.self))
            }
            let log = try TwoFacedLog("localhost/log", key: central.services.keys.log)
            let stranger = try TwoFacedLog("localhost/log", key: SigningKey())
            func text(_ log: TwoFacedLog) throws -> String { String(decoding: try log.note(TwoFacedLog.face(4)).bytes, as: UTF8.self) }
            for (kind, cosigned, refused) in [
                ("unproven", own[0], own[1]), ("fork", own[1], try text(stranger)),
                ("fork", "nonsense", "nonsense"), ("treason", own[1], try text(log)),
            ] {
                let dispute = DisputeReport(kind: kind, cosigned: cosigned, refused: refused, seen: central.clock.now)
                _ = try await checkin(box, central, WitnessReport(key: "none", size: 4, cosignature: nil, dispute: dispute))
            }
            func alerts() async throws -> [String] {
                try await central.services.status.alerts().map(\.code).filter { $0 == "log.inconsistent" }
            }
            #expect(try await alerts() == [])
            // That it was shown an older one is a box's word: said for a week.
            let dispute = DisputeReport(kind: "shrunk", cosigned: own[1], refused: own[0], seen: central.clock.now)
            _ = try await checkin(box, central, WitnessReport(key: "none", size: 4, cosignature: nil, dispute: dispute))
            #expect(try await alerts() == ["log.inconsistent"])
            central.clock.advance(by: .seconds(7 * 86_400))
            #expect(try await alerts() == [])
        }
    }

    @Test("New checkpoints are brought to each witness over HTTP; one that never answers delays nobody", arguments: TestEngine.allCases)
    func pushes(engine: TestEngine) async throws {
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
        let (first, second, mute) = (try witnessSigner("w1"), try witnessSigner("w2"), try witnessSigner("mute"))
        let key = SigningKey()
        let logKey = try NoteVerifier(name: "localhost/log", key: key.verifyingKey)
        let (one, two) = (
            try await RunningWitness(first, [LogTrust(logKeys: [logKey])]), try await RunningWitness(second, [LogTrust(logKeys: [logKey])])
        )
        try await CentralUnderTest.run(
            engine,
            change: { configuration in
                try? FileManager.default.createDirectory(
                    atPath: configuration.dataDirectory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
                try? PrivateFile.create(configuration.dataDirectory + "/log.key", key.seed)
                let places = [("http://127.0.0.1:\(silent.localAddress!.port!)", mute), (one.url, first), (two.url + "/", second)]
                configuration.logWitnesses = places.map { try! ConfiguredWitness("\($0) \($1.verifier.text)") }
                configuration.logQuorum = 2
            }
        ) { central in
            let trust = LogTrust(logKeys: [logKey], witnesses: [first.verifier, second.verifier, mute.verifier])
            var box = try await enrolledBox(at: central)
            for size in [2, 300] {
                let count = size - (size == 2 ? 0 : 2)
                _ = try await box.submit(box.makeBundles(count, at: central.clock.now), to: central)
                try await eventually("both have cosigned \(size)", moving: central.clock) {
                    let newest = try await published(central, trust)
                    return newest.size == Int64(size) && Set(newest.cosignatures.map(\.verifier)) == [first.verifier, second.verifier]
                }
            }
            let policy = WitnessPolicy(witnesses: trust.witnesses, quorum: 2)
            #expect(policy.isMet(by: try await published(central, trust)))
            let late = central.clock.now + .seconds(60)
            #expect(try await central.services.witnesses.overview(policy, signedBefore: late).unwitnessed == nil)
            let all = WitnessPolicy(witnesses: trust.witnesses, quorum: 3)
            #expect(try await central.services.witnesses.overview(all, signedBefore: late).unwitnessed?.size == 0)
        }
        try await one.stop()
        try await two.stop()
        try await silent.close()
    }

    @Test("A witness that knows another size says which, and is brought the proof from there")
    func conflicts() async throws {
        let signer = try witnessSigner("w")
        let key = SigningKey()
        let logKey = try NoteVerifier(name: "localhost/log", key: key.verifyingKey)
        let witness = try await RunningWitness(signer, [LogTrust(logKeys: [logKey])])
        try await CentralUnderTest.run(
            .sqlite,
            change: { configuration in
                try? FileManager.default.createDirectory(
                    atPath: configuration.dataDirectory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
                try? PrivateFile.create(configuration.dataDirectory + "/log.key", key.seed)
                configuration.logWitnesses = [try! ConfiguredWitness("\(witness.url) \(signer.verifier.text)")]
            }
        ) { central in
            let trust = LogTrust(logKeys: [logKey], witnesses: [signer.verifier])
            var box = try await enrolledBox(at: central)
            _ = try await box.submit(box.makeBundles(5, at: central.clock.now), to: central)
            try await eventually("cosigned", moving: central.clock) { try await published(central, trust).cosignatures.count == 1 }
            // Central forgets what it knew of the witness.
            try await central.services.database.write { transaction in
                try transaction.execute("DELETE FROM log_cosignature")
                try transaction.execute("DELETE FROM log_witness")
            }
            _ = try await box.submit(box.makeBundles(5, at: central.clock.now), to: central)
            try await eventually("cosigned again", moving: central.clock) {
                let newest = try await published(central, trust)
                return newest.size == 10 && newest.cosignatures.count == 1
            }
        }
        try await witness.stop()
    }

    private func checkin(_ box: Box, _ central: CentralUnderTest, _ witness: WitnessReport) async throws -> CheckinReply {
        let request = CheckinRequest(
            sent: central.clock.now, softwareVersion: "0.1.0", catalogVersion: 0, chainHead: box.next - 1, queued: 0, openIncidents: 0,
            isPaused: false, clock: .unknown, witness: witness)
        let answer = try await central.send("POST", "/v1/checkin", to: .appliances, body: request.body, as: box.identity)
        #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
        return try CheckinReply(body: answer.body)
    }

    private func published(_ central: CentralUnderTest, _ trust: LogTrust) async throws -> VerifiedCheckpoint {
        try VerifiedCheckpoint(try await central.send("GET", "/log/checkpoint", to: .web).body, trust: trust)
    }

    private func witnessSigner(_ name: String) throws -> NoteSigner {
        try NoteSigner(name: "\(name).example", algorithm: .cosignature, key: SigningKey())
    }
}

/// The witness that `martlet witness` runs, in this process.
private final class RunningWitness: Sendable {
    let url: String
    private let directory: TemporaryDirectory
    private let database: SQLiteDatabase
    private let group: ServiceGroup
    private let task: Task<Void, any Error>

    init(_ signer: NoteSigner, _ logs: [LogTrust]) async throws {
        directory = try TemporaryDirectory()
        database = try SQLiteDatabase(path: directory.file("witness.sqlite"))
        try await Migrator([WitnessSchema.migration(1)]).migrate(database, now: WallClock.system.now)
        var logger = Logger(label: "witness", factory: { _ in SwiftLogNoOpLogHandler() })
        logger.logLevel = .critical
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        let server = try WitnessServer(
            WitnessBook(database, signer: signer, logs: logs, now: WallClock.system.now), host: "127.0.0.1", port: 0, certificate: nil,
            logger: logger
        ) { found.yield($0) }
        let group = ServiceGroup(configuration: .init(services: [server.service], logger: logger))
        self.group = group
        task = Task { try await group.run() }
        var iterator = ports.makeAsyncIterator()
        url = "http://127.0.0.1:\(await iterator.next()!)"
    }

    func stop() async throws {
        await group.triggerGracefulShutdown()
        try await task.value
        await database.close()
    }
}
