import Appliance
import Central
import Database
import Evidence
import Foundation
import Healing
import Model
import Seal
import TestSupport
import Testing

@Suite struct OrderSubjectsTests {
    @Test("Unknown hosts, runbooks and checks are refused where Central knows them, and named as unknowable where not")
    func judges() async throws {
        let central = try LabCentral()
        try await central.start()
        let site = try await central.site()
        let appliance = try await LabAppliance(central, site)
        let context = appliance.process.context
        let subjects = OrderSubjects(await central.services)
        func judge(host: HostID? = nil, runbook: RunbookID? = nil, check: CheckID? = nil) async throws -> [String] {
            try await subjects.judge(
                OrderDraft(
                    appliance: appliance.identity.appliance, host: host, kind: .check, runbook: runbook, check: check, requester: "alice",
                    reason: "test"), in: site.scope)
        }
        #expect(try await judge(host: "nowhere", check: "no.check").count == 2)
        #expect(try await judge().isEmpty)

        // What the command line does with it: a note, and the order; then a refusal, and none; then the person insists.
        let environment = await central.environment
        func create(_ arguments: [String]) async throws -> LabProgram {
            let program = try LabProgram(
                "martlet",
                ["central", "order", "create", appliance.identity.appliance.description, "check", "--reason", "test"] + arguments,
                environment: environment, log: central.directory.file("command.log"))
            try await program.ended()
            return program
        }
        let noted = try await create(["--check", "no.check"])
        #expect(noted.process.terminationStatus == 0 && noted.log.contains("Note: Central has no catalog yet"))

        try await central.publish(LabCatalog.make(version: 1, file: "/nothing"))
        let now = context.clock.now()
        for (kind, host): (Evidence.Bundle.Kind, HostID) in [(.decision, "front-desk"), (.system, "the-box")] {
            try await context.journal.append([context.drafts.bundle(kind, host: host, from: now, to: now, outcome: .observed)])
        }
        _ = await PushService(context).turn()
        #expect(try await judge(host: "front-desk", runbook: LabCatalog.runbook, check: LabCatalog.check).isEmpty)
        for (code, host, runbook, check): (Code, HostID?, RunbookID?, CheckID?) in [
            ("order.unknown_host", "nowhere", nil, nil), ("order.unknown_host", "the-box", nil, nil),
            ("order.unknown_check", nil, nil, "no.check"), ("order.unknown_runbook", nil, "no.runbook", LabCatalog.check),
        ] {
            let error = await #expect(throws: CentralError.self) { _ = try await judge(host: host, runbook: runbook, check: check) }
            #expect(error?.code == code)
        }
        let refused = try await create(["--host", "nowhere"])
        #expect(
            refused.process.terminationStatus == 1 && refused.log.contains("[order.unknown_host]") && refused.log.contains("front-desk"))
        #expect(try await create(["--host", "nowhere", "--anyway"]).process.terminationStatus == 0)
        let orders = try await central.services.orders.list(appliance: nil, for: central.credential, limit: 10)
        #expect(orders.map(\.host) == ["nowhere", nil] && orders.map(\.check) == [nil, "no.check"])
        await appliance.process.close()
        try await central.stop()
    }
}
