import Appliance
import Evidence
import Foundation
import Model
import TestSupport
import Testing

/// The whole way of a drift, through the real composition roots: TLS, SQLite, this machine's files.
@Suite(.enabled(if: geteuid() == 0)) struct LifeOfADriftTests {
    @Test("A drift is found, repaired, proven, sent and receipted; compliance before and after is evidence too")
    func wholeLife() async throws {
        let clock = TestClock()
        let central = try LabCentral(clock: clock.clock)
        try await central.start()
        let site = try await central.site()
        let appliance = try await LabAppliance(central, site, clock: clock.clock)
        let file = appliance.temporary.file("secret")
        FileManager.default.createFile(atPath: file, contents: Data("x".utf8), attributes: [.posixPermissions: 0o640])
        try await central.publish(LabCatalog.make(version: 1, file: file))

        let running = Task { try await appliance.process.run(stopOn: []) }
        try await eventually("compliant", moving: clock) {
            try await central.evidence(of: site).contains { $0.record.verdict == .compliant }
        }

        chmod(file, 0o666)
        try await eventually("success", moving: clock) {
            try await central.evidence(of: site).contains { $0.record.outcome.word == "success" }
        }
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode == 0o640)
        try await eventually("compliant again", moving: clock) {
            try await central.evidence(of: site).count { $0.record.kind == .verdict && $0.record.verdict == .compliant } == 2
        }
        running.cancel()
        _ = try? await running.value

        let held = try await central.evidence(of: site)
        #expect(isChain(held))
        let healing = try #require(held.first { $0.record.kind == .healing }?.record)
        #expect(healing.outcome.recheck?.check == LabCatalog.check)
        #expect(healing.actions.map(\.verb) == ["file.set_mode"] && healing.actions.map(\.result) == ["done"])
        #expect(healing.tier == .l1 && healing.requester == "rule:L1-LAB-001" && healing.isRollbackAvailable)
        #expect(healing.incident != nil)
        #expect(held.contains { $0.record.kind == .attestation && $0.record.attested.map(\.check) == [LabCatalog.check] })
        #expect(held.contains { $0.record.verdict == .drift("files.wrong") && $0.record.incident == healing.incident })
        try await central.stop()
    }
}
