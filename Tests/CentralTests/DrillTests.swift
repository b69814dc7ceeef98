import Central
import Documents
import Foundation
import Model
import Objects
import Seal
import TestSupport
import Testing

@Suite struct DrillTests {
    @Test("The first drill comes a day after the start, the next each month, every store its own, each stated")
    func schedule() async throws {
        try await CentralUnderTest.run(.sqlite, hasRecurringWork: false) { central in
            let tenant = try await central.makeTenant()
            await central.process.takeTurn(of: .drill)
            func count() async throws -> Int {
                try await central.services.statements.list(of: tenant.site, in: tenant.scope, kinds: [.drill]).count
            }
            #expect(try await count() == 0)
            for (wait, expected) in [(86_399, 0), (1, 2), (30 * 86_400 - 1, 2), (1, 4)] {
                central.clock.advance(by: .seconds(wait))
                _ = try await central.services.drills.turn()
                #expect(try await count() == expected)
            }
            let statement = try #require(
                try await central.services.statements.list(of: tenant.site, in: tenant.scope, kinds: [.drill]).last)
            let payload = try statement.payload(schema: "martlet.drill/v1", keys: [central.services.keys.receipts.verifyingKey])
            #expect(payload["code"]?.string == "drill.passed")
            #expect(payload["enforcement"]?.string == "program")
            #expect(try await central.services.status.alerts().filter { $0.code.hasPrefix("drill") } == [])
        }
    }

    @Test("On S3 the server refuses what must not succeed, in each organization's bucket")
    func onS3() async throws {
        let objects = try await ObjectPlace.s3.configuration()
        try await CentralUnderTest.run(.postgres, change: { $0.objects = objects }, hasRecurringWork: false) { central in
            let tenant = try await central.makeTenant()
            let results = try await central.services.drills.all(for: CentralUnderTest.person)
            #expect(results.map(\.store) == ["central", tenant.scope.organization.description])
            #expect(results.map(\.report.code) == ["drill.passed", "drill.passed"])
            #expect(results.allSatisfy { $0.report.enforcement == .server })
        }
    }

    @Test("Without a drill for 35 days there is an alert; on demand it runs and the alert is over")
    func missing() async throws {
        try await CentralUnderTest.run(.sqlite, hasRecurringWork: false) { central in
            await central.process.takeTurn(of: .drill)
            // The server's own turns are not waited for: the alert is judged from what is stored.
            _ = try await central.services.drills.all(for: CentralUnderTest.person)
            let status = CentralUnderTest.status(of: central, after: .seconds(35 * 86_400))
            #expect(try await status.alerts().contains { $0.code.hasPrefix("drill.missing") } == false)
            let later = CentralUnderTest.status(of: central, after: .seconds(35 * 86_400) + .milliseconds(1))
            #expect(try await later.alerts().contains { $0.code == "drill.missing" && $0.subject == "central" })
        }
    }

    @Test("A drill that does not pass is an alert with its code, and the command says so by its status")
    func failed() async throws {
        try await CentralUnderTest.run(.sqlite, hasRecurringWork: false) { central in
            let program = MartletProgram(central.configuration)
            let good = try await program.run("central", "drill")
            #expect(good.status == 0, "\(good.errors)")
            #expect(good.output.contains("drill.passed"))
            #expect(try await program.run("central", "status").output.contains("nothing needs a person"))
            // The store's folder for what is being written is no folder any more: nothing can be tried.
            let folder = central.configuration.dataDirectory + "/objects/central/objects/drill"
            try FileManager.default.removeItem(atPath: folder)
            try Data().write(to: URL(fileURLWithPath: folder))
            let bad = try await program.run("central", "drill")
            #expect(bad.status == 2)
            #expect(bad.output.contains("drill.incomplete"))
            let status = try await program.run("central", "status")
            #expect(status.status == 2)
            #expect(status.output.contains("drill.incomplete"))
        }
    }
}
