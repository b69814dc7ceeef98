import Appliance
import Database
import Model
import Seal
import TestSupport
import Testing

@Suite struct StatusReportTests {
    @Test("Exactly the limit of silence needs nobody; one millisecond more, or no sign at all, needs a person")
    func silence() async throws {
        let bench = try await Workbench()
        let identity = String(decoding: try bench.identity.json.canonicalBytes(), as: UTF8.self)
        try await bench.database.write { try SettingTable.write(.identity, identity, in: $0) }
        func report(after span: Duration) async throws -> StatusReport {
            try await StatusReport(bench.configuration, database: bench.database, at: bench.clock.now + span)
        }
        let never = try await report(after: .zero)
        #expect(never.needsAttention && never.text.contains("appliance.silent"))

        let lastCheckin = bench.clock.now.description
        try await bench.database.write { try SettingTable.write(.lastCheckin, lastCheckin, in: $0) }
        #expect(try await !report(after: StatusReport.silenceMax).needsAttention)
        let silent = try await report(after: StatusReport.silenceMax + .milliseconds(1))
        #expect(silent.needsAttention && silent.text.contains("Is martlet-appliance running?"))
    }
}
