import Appliance
import Database
import Evidence
import Foundation
import Model
import TestSupport
import Testing

/// A host has two drifts that one check sees, and a rule that repairs the first.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct OtherDriftTests {
    @Test("A repair is kept though another drift remains, says so, and does not count as an attempt")
    func keepsTheRepair() async throws {
        let clock = TestClock()
        let central = try LabCentral(clock: clock.clock)
        try await central.start()
        let site = try await central.site()
        let appliance = try await LabAppliance(central, site, clock: clock.clock)
        let file = appliance.temporary.file("secret")
        FileManager.default.createFile(atPath: file, contents: Data("x".utf8), attributes: [.posixPermissions: 0o666])
        try await central.publish(LabCatalog.make(version: 1, file: file, secondDrift: true))

        let running = Task { try await appliance.process.run(stopOn: []) }
        try await eventually("repaired", moving: clock) { try await appliance.stored().contains { $0.record.kind == .healing } }
        try await eventually("a person is asked about the other", moving: clock) {
            try await appliance.stored().contains { $0.record.kind == .decision }
        }
        let healing = try #require(try await appliance.stored().first { $0.record.kind == .healing }?.record)
        #expect(healing.outcome.word == "failed" && healing.outcome.code == "executor.other_drift")
        #expect(healing.actions.map(\.result) == ["done"])
        #expect(healing.verdict == .drift("files.other"))
        #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o640)
        let incidents = try await appliance.process.context.database.read { try IncidentTable.all(openOnly: true, in: $0) }
        #expect(incidents.map(\.code) == ["files.other"])
        #expect(incidents.map(\.attempts) == [0])
        #expect(incidents.map(\.state) == [.escalated])
        running.cancel()
        _ = try? await running.value
        try await central.stop()
    }
}
