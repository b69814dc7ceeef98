import Appliance
import Catalog
import Central
import Database
import Evidence
import Foundation
import Healing
import Model
import Seal
import TestSupport
import Testing
import TransparencyLog
import Wire

/// Whatever durable step the real Central dies at while an appliance works with it: after a restart nothing that was
/// acknowledged is lost, both hold the same chain, each order is carried out once, and a lost grant is given again.
@Suite struct CentralSuddenEndTests {
    private static let gate = Gate(4)

    @Test(
        "Killed at any durable step, Central goes on with the same chain, orders and enrolment",
        arguments: CentralDurableStep.allCases.filter { !CentralDurableStep.ofKeeping.contains($0) })
    func killedAtAStep(step: CentralDurableStep) async throws {
        try await Self.gate.pass { try await dieAndGoOn(step) }
    }

    private func dieAndGoOn(_ step: CentralDurableStep) async throws {
        let central = try LabCentral()
        try await central.start()
        try await central.integrateLog()
        let site = try await central.site()
        try await central.stop()
        let services = try await central.open()
        let log = try await central.log(services)
        // Orders and catalogs are made by the command line, the rest happens in the server.
        let isOfCommand: Bool =
            switch step {
            case .orderBeforeCreate, .orderAfterCreate, .catalogBeforePublish, .catalogAfterPublish, .statementBeforeCommit,
                .statementAfterCommit:
                true
            default: false
            }
        let environment = await central.environment
        func server(_ name: String, _ arguments: [String]) async throws -> LabProgram {
            let made = try LabProgram(
                "martlet-central", arguments, environment: environment, log: central.directory.file("\(name).log"))
            try await eventually("Central listens") { made.log.contains("central.ready") || !made.process.isRunning }
            return made
        }
        func command(_ arguments: [String]) async throws -> LabProgram {
            let made = try LabProgram(
                "martlet", ["central"] + arguments, environment: environment, log: central.directory.file("command.log"))
            try await made.ended()
            return made
        }
        // What is signed already, here the empty log, is published again at each start.
        let dying = ["--crash-at", step == .logAfterPublish ? "\(step.rawValue):2" : step.rawValue]
        let first = try await server("first", isOfCommand ? [] : dying)
        var second: LabProgram?
        func goOn() async throws {
            if !first.process.isRunning, second == nil { second = try await server("second", []) }
        }

        // A wrong code of this Central first, then the right one until it is granted: always by the same box.
        let clock = TestClock()
        let temporary = try TemporaryDirectory()
        var configuration = ApplianceConfiguration(directory: StateDirectory(temporary.file("state")))
        configuration.hosts = []
        let wrong = ClaimCode(authority: Digest(of: services.keys.authority.der)).text
        await #expect(throws: (any Error).self) { try await LabAppliance.enroll(configuration, central, wrong, clock.clock) }
        try await goOn()
        var identity = try? await LabAppliance.enroll(configuration, central, site.code, clock.clock)
        if identity == nil {
            try await first.ended()
            try await goOn()
            identity = try await LabAppliance.enroll(configuration, central, site.code, clock.clock)
        }
        let appliance = try await LabAppliance.build(configuration, clock.clock, .none)
        let context = appliance.context
        #expect(try await services.appliances.list(for: central.credential).map(\.id) == [identity?.appliance])

        let pack = central.directory.file("pack")
        let catalog = LabCatalog.make(version: 1, file: temporary.file("watched"))
        try Data(
            CatalogPack.sign(try CatalogPack.encode(catalog, schema: .code()), with: try #require(services.keys.catalogSigner))
        )
        .write(to: URL(fileURLWithPath: pack))
        let publish = ["catalog", "publish", pack]
        let create = ["order", "create", context.identity.appliance.description, "pause", "--reason", "test"]
        func orders() async throws -> [OrderSummary] { try await services.orders.list(appliance: nil, for: central.credential, limit: 10) }
        let until = (clock.now + .seconds(86_400)).description
        let except = ["exception", "add", site.site.description, "--until", until, "--reason", "test", "--approver", "another"]
        func statements() async throws -> [StoredStatement] { try await services.statements.list(of: site.site, in: site.scope) }
        if isOfCommand {
            let words = step.rawValue.hasPrefix("order") ? create : step.rawValue.hasPrefix("catalog") ? publish : except
            let dead = try await command(words + dying)
            #expect(dead.wasKilled, "\(dead.log)")
            #expect(try await orders().count == (step == .orderAfterCreate ? 1 : 0))
            #expect(try await services.catalogs.newestVersion() == (step == .catalogAfterPublish ? 1 : 0))
            #expect(try await statements().count == (step == .statementAfterCommit ? 1 : 0))
        }
        // What Central refuses, asked until it has said so: killed before it recorded the refusal it stands there once, after that twice.
        func refuse(_ code: Code, _ ask: () async throws -> Void) async throws {
            try? await ask()
            try await first.ended()
            try await goOn()
            // Not over what is left of a connection to the dead one.
            await context.central.close()
            try? await ask()
            let refusals = try await services.refusals.list(for: central.credential, limit: 10)
            let isBefore = step.rawValue.hasSuffix("BeforeRecord")
            #expect(refusals.first { $0.code == code }?.times == (isBefore ? 1 : 2), "\(refusals)")
        }
        func recover(_ clock: WallClock) async throws {
            let link = CentralLink(
                identity: context.identity, configuration: configuration, enrollmentURL: await central.webURL,
                evidenceKey: try SigningKey(contentsOf: configuration.directory.evidenceKey), clock: clock, faults: .none)
            _ = try await link.recover()
        }
        switch step {
        case .evidenceRefusalBeforeRecord, .evidenceRefusalAfterRecord:
            let forged = SignedBundle(bytes: Array("{}".utf8), signature: [UInt8](repeating: 1, count: 64))
            try await refuse("bundle.bad_signature") {
                _ = try await context.central.client().submit(EvidenceSubmission(bundles: [forged]))
            }
        case .recoveryRefusalBeforeRecord, .recoveryRefusalAfterRecord:
            try await refuse("recovery.clock") { try await recover(TestClock(at: clock.now - .seconds(3_600)).clock) }
        case .recoveryBeforeCommit, .recoveryAfterCommit:
            await #expect(throws: (any Error).self) { try await recover(clock.clock) }
            try await first.ended()
            try await goOn()
            func certificates() async throws -> Int64 {
                try await services.database.read { try $0.query("SELECT count(*) FROM certificate")[0].integer(0) }
            }
            #expect(try await certificates() == (step == .recoveryBeforeCommit ? 1 : 2))
            // With the next nonce, and the appliance takes the certificate into use: all that follows is over it.
            try await recover(clock.clock)
            #expect(try await certificates() == (step == .recoveryBeforeCommit ? 2 : 3))
            await context.central.close()
        default: break
        }

        if step != .catalogAfterPublish { _ = try await command(publish) }
        if step != .orderAfterCreate { _ = try await command(create) }
        if step != .statementAfterCommit { _ = try await command(except) }

        let (poll, push) = (PollService(context, clockService: ClockService(context)), PushService(context))
        try await context.journal.append((0..<3).map { context.drafts.system(.observed, note: "\($0)") })
        try await eventually("all settled at \(step): \(first.log)", moving: clock, every: .milliseconds(100)) {
            try await goOn()
            _ = await poll.turn()
            _ = await appliance.heal.turn()
            _ = await push.turn()
            let state = try await orders().first?.state
            let queued = try await context.database.read { try EvidenceTable.queuedCount(in: $0) }
            guard state == "completed", context.catalog.stamp.version == 1, queued == 0 else { return false }
            let held = try await services.evidence.page(of: site.site, in: site.scope, limit: 500).count + statements().count
            return try await log.newest().map { try Checkpoint(text: $0.text).size } == Int64(held)
        }
        if step == .orderRefusalBeforeRecord || step == .orderRefusalAfterRecord {
            let order = try #require(try await orders().first)
            try await refuse("order.ended") {
                try await context.central.client().report(OrderReport(order: order.id, state: .failed, code: nil, evidenceSequence: nil))
            }
            #expect(try await orders().first?.state == "completed")
        }
        // The log is published beside the requests, perhaps after the last of them.
        if !isOfCommand { try await first.ended() }
        #expect(isOfCommand ? first.process.isRunning : first.wasKilled, "\(first.log)")

        let ours = try await context.database.read { try EvidenceTable.all(in: $0) }
        let held = try await services.evidence.page(of: site.site, in: site.scope, limit: 500)
        #expect(held.map { Digest(of: $0.bundle.bytes) } == ours.map { Digest(of: $0.signed.bytes) })
        #expect(held.map(\.sequence) == Array(0..<Int64(held.count)))
        let all = try await orders()
        #expect(all.map(\.sequence) == [1])
        let keys = [
            EnrolledKey(
                key: try SigningKey(contentsOf: configuration.directory.evidenceKey).verifyingKey, validFrom: Timestamp(milliseconds: 0),
                validUntil: nil)
        ]
        let records = try ours.map { try VerifiedBundle($0.signed, keys: keys).record }
        #expect(records.count { $0.order == all[0].id } == 1, "carried out once")
        let said = try await statements()
        #expect(said.map(\.kind) == [.exception])
        let entries =
            held.map { ($0.logIndex, LogEntry(document: Digest(of: $0.bundle.bytes), signer: keys[0].key)) }
            + said.map { ($0.logIndex, LogEntry(document: $0.digest, signer: services.keys.receipts.verifyingKey)) }
        try await expectWholeLog(log, holds: entries, trust: await central.logTrust())
        let receipts = try await services.evidence.receipts(of: site.site, in: site.scope)
        #expect(!receipts.isEmpty)
        await appliance.close()
        await services.close()
        for program in [first, second].compactMap({ $0 }) where program.process.isRunning {
            program.process.terminate()
            try await program.ended()
        }
    }

    /// Every bundle and statement at its own index, each in every later checkpoint that was signed, all of them one history.
    private func expectWholeLog(_ log: LogReader, holds held: [(index: Int64, entry: LogEntry)], trust: LogTrust) async throws {
        let history = try await log.history().map { try VerifiedCheckpoint($0, trust: trust) }
        let newest = try #require(history.last)
        #expect(held.map(\.index).sorted() == Array(0..<Int64(held.count)))
        for (index, entry) in held {
            #expect(try await log.proof(of: index).verify(leaf: entry.leafHash, trust: trust).checkpoint.root == newest.root)
        }
        for old in history {
            try await log.consistency(from: old.size).proof.verify(
                oldSize: old.size, oldRoot: old.root, newSize: newest.size, newRoot: newest.root)
        }
    }
}
