import Compliance
import Database
import Documents
import Evidence
import Foundation
import Model
import Reports
import Seal
import TestSupport
import Testing
import TransparencyLog
import Wire

@testable import Central

/// A clock of Central's that was put back makes no evidence that speaks against it, and somebody is told.
@Suite struct LogClockTests {
    @Test(
        "After the clock was put back an hour, what is logged bears the newest date there is, and kits verify",
        arguments: TestEngine.allCases)
    func goesOn(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            var box = try await enrolledBox(at: central, tenant)
            let before = central.clock.now
            _ = try await box.submit(box.makeBundles(2, at: before), to: central)
            func codes() async throws -> [String] { try await central.services.status.alerts().map(\.code).filter { $0 == "log.clock" } }
            // As much as skew and merge delay allow nobody is told of.
            central.clock.advance(by: .seconds(-310))
            #expect(try await codes() == [])
            central.clock.advance(by: .seconds(310 - 3_600))
            #expect(try await codes() == ["log.clock"])

            let reply = try await box.submit(box.makeBundles(1, at: before), to: central)
            let envelope = try #require(reply.receipt)
            let keys = [central.services.keys.receipts.verifyingKey]
            #expect(try SignedReceipt(opening: envelope, keys: keys).receipt.received == before)
            let draft = ExceptionRegister.Draft(
                host: nil, check: nil, from: nil, until: before + .seconds(86_400), reason: "the room is rebuilt", requestedBy: "alice",
                approvedBy: "bob")
            let exception = try await central.services.exceptions.add(draft, site: tenant.site, in: tenant.scope)
            #expect(exception.statement.issued == before && exception.statement.from == before)

            let directory = try TemporaryDirectory()
            let packets = PacketService(central.services, central.configuration)
            _ = try await packets.write(tenant.site, to: directory.file("a.zip"), for: CentralUnderTest.person)
            let report = await KitVerifier(KitPins(), workers: 2).verify(directory.file("a.zip"))
            #expect(report.findings == [] && report.statements == 1)

            // Caught up, it goes on by itself.
            central.clock.advance(by: .seconds(3_660))
            #expect(try await codes() == [])
            let later = try await box.submit(box.makeBundles(1, at: before), to: central)
            #expect(try SignedReceipt(opening: #require(later.receipt), keys: keys).receipt.received == central.clock.now)
        }
    }

    @Test("A key of a witness that is listed twice, under whatever names, starts nothing")
    func refusesOneKeyTwice() throws {
        let key = SigningKey().verifyingKey
        let names = try ["w.example", "other.example"].map { try NoteVerifier(name: $0, algorithm: .cosignature, key: key).text }
        let other = try NoteVerifier(name: "w.example", algorithm: .cosignature, key: SigningKey().verifyingKey).text
        func configuration(_ witnesses: [String]) throws -> CentralConfiguration {
            let list = witnesses.enumerated().map { "https://w\($0).example \($1)" }.joined(separator: ",")
            return try CentralConfiguration(
                Settings(
                    CentralConfiguration.schema, file: nil,
                    environment: ["MARTLET_DATA_DIRECTORY": "/nowhere", "MARTLET_LOG_WITNESSES": list]))
        }
        #expect(try configuration([names[0], other]).logWitnesses.count == 2)
        for pair in [[names[0], names[0]], names] {
            let error = #expect(throws: CentralError.self) { try configuration(pair) }
            #expect(error?.code == "log.witnesses" && error?.message.contains("names one key twice") == true)
        }
    }

    @Test("Runs from before the present rule are made again at the next start", arguments: TestEngine.allCases)
    func rebuildsOldRuns(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine, hasRecurringWork: false) { central in
            let tenant = try await central.makeTenant()
            var box = try await enrolledBox(at: central, tenant)
            let now = central.clock.now
            let look = try box.makeBundle(at: now) { bundle in
                (bundle.kind, bundle.check, bundle.verdict) = (.verdict, "linux.ssh", .drift("ssh.root_login"))
            }
            _ = try await box.submit([look], to: central)
            try await central.services.database.write { transaction in
                try transaction.execute("UPDATE verdict_run SET reach_seconds = 1")
                // As migration 27 leaves them.
                try transaction.execute("DELETE FROM verdict_run")
                try transaction.execute("DELETE FROM expectation")
                try transaction.execute("DELETE FROM run_state")
            }
            let next = try await central.again()
            // No run of a second reaches so far: it was made again.
            try await eventually("the runs are made again") {
                try await next.services.postures.posture(of: tenant.site, at: now + .seconds(60), in: tenant.scope).map(
                    \.answer.verdict.word)
                    == ["drift"]
            }
            try await next.stop()
            let findings = try await RunRebuild(central.services).run(tenant.site, for: CentralUnderTest.person)
            #expect(findings.map(\.isSame) == [true])
        }
    }
}
