import Appliance
import Catalog
import Database
import Evidence
import Foundation
import Model
import TestSupport
import Testing

/// A rule is written for an incident that waits for a person because there was none.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct LateRuleTests {
    @Test("An incident without a rule is decided anew under another catalog: still a person's without one, repaired with one")
    func repairsWhatWaited() async throws {
        let clock = TestClock()
        let central = try LabCentral(clock: clock.clock)
        try await central.start()
        let site = try await central.site()
        let appliance = try await LabAppliance(central, site, clock: clock.clock)
        let file = appliance.temporary.file("secret")
        FileManager.default.createFile(atPath: file, contents: Data("x".utf8), attributes: [.posixPermissions: 0o666])
        let lab = LabCatalog.make(version: 1, file: file)
        func publish(_ version: Int64, _ rules: [RuleDefinition]) async throws {
            try await central.publish(
                CompiledCatalog(
                    version: version, digest: .genesis, checks: lab.checks, rules: rules, runbooks: lab.runbooks, runbookDigests: [:],
                    baselines: [:]))
        }
        try await publish(1, [])
        let running = Task { try await appliance.process.run(stopOn: []) }
        let database = appliance.process.context.database
        func incidents() async throws -> [Incident] { try await database.read { try IncidentTable.all(openOnly: false, in: $0) } }
        try await eventually("it waits for a person", moving: clock) { try await incidents().map(\.state) == [.escalated] }
        let waiting = try #require(try await incidents().first)

        try await publish(2, [])
        // The answer is the same, and that it was given again is known by the rules that it was given by.
        try await eventually("asked of the second catalog", moving: clock) {
            let rules = appliance.process.context.catalog.stamp
            let asked = try await database.read { try DecisionTable.find(host: waiting.host, check: waiting.check, in: $0) }
            return rules.version == 2 && asked?.unansweredBy == rules.digest
        }
        func decisions() async throws -> [Code?] {
            try await appliance.stored().filter { $0.record.kind == .decision }.map(\.record.outcome.code)
        }
        #expect(try await decisions() == ["rule.none"])
        #expect(try await incidents().map(\.state) == [.escalated])

        try await publish(3, lab.rules)
        try await eventually("repaired", moving: clock) {
            let hasHealed = try await appliance.stored().contains { $0.record.kind == .healing }
            let states = try await incidents().map(\.state)
            return hasHealed && states == [.resolved]
        }
        #expect(try await incidents().map(\.id) == [waiting.id])
        let healing = try #require(try await appliance.stored().last { $0.record.kind == .healing }?.record)
        #expect(healing.incident == waiting.id && healing.requester == "rule:L1-LAB-001" && healing.outcome.word == "success")
        running.cancel()
        _ = try? await running.value
        try await central.stop()
    }
}
