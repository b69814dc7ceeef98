import Appliance
import Database
import Detection
import Evidence
import Foundation
import Model
import TestSupport
import Testing

/// A repair whose re-check passed, and whose drift comes back before the check is due again.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct RelapseTests {
    @Test("A check that is made once a day sees a relapse five minutes after its repair, says so, and repairs it again")
    func seesARelapse() async throws {
        let clock = TestClock()
        let central = try LabCentral(clock: clock.clock)
        try await central.start()
        let site = try await central.site()
        let appliance = try await LabAppliance(central, site, clock: clock.clock)
        let file = appliance.temporary.file("secret")
        FileManager.default.createFile(atPath: file, contents: Data("x".utf8), attributes: [.posixPermissions: 0o666])
        try await central.publish(LabCatalog.make(version: 1, file: file, interval: .seconds(86_400)))

        let running = Task { try await appliance.process.run(stopOn: []) }
        func healings() async throws -> [BundleRecord] { try await appliance.stored().map(\.record).filter { $0.kind == .healing } }
        try await eventually("repaired", moving: clock) { try await healings().count == 1 }
        let first = try #require(try await healings().first)
        #expect(first.outcome.word == "success")
        try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: file)
        try await eventually("repaired again", moving: clock) { try await healings().count == 2 }

        let records = try await appliance.stored().map(\.record)
        let relapse = try #require(records.last { $0.kind == .verdict && $0.verdict == .drift("files.wrong") })
        #expect(relapse.note.hasPrefix("Relapse: "), "\(relapse.note)")
        // Nothing but the look after the repair can have found it: the next regular one is hours away.
        let delay = relapse.started - first.ended
        #expect(delay >= Detector.relapseAfter && delay < .seconds(40_000), "\(delay)")
        #expect(records.first { $0.kind == .verdict }?.note == "")
        running.cancel()
        _ = try? await running.value
        try await central.stop()
    }
}
