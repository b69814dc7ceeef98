import Appliance
import Database
import Evidence
import Healing
import Model
import Seal
import TestSupport
import Testing

/// A look that falls between the steps of a repair and its end.
@Suite struct LookDuringRepairTests {
    @Test("A passing look in the middle of a repair ends no incident; the one after it does, and any other verdict is written down")
    func lookInTheMiddle() async throws {
        let clock = TestClock()
        let central = try LabCentral(clock: clock.clock)
        try await central.start()
        let appliance = try await LabAppliance(central, try await central.site(), clock: clock.clock)
        let (context, check) = (appliance.process.context, LabCatalog.check)
        let recorder = ObservationRecorder(context)
        func look(_ verdict: Verdict) async throws {
            clock.advance(by: .seconds(10))
            let now = clock.now
            try await recorder.record(
                [Observation(host: "here", check: check, verdict: verdict, facts: Facts(), started: now, ended: now)], checks: [:])
        }
        func incident() async throws -> Incident? {
            try await context.database.read { try IncidentTable.open(host: "here", check: check, in: $0) }
        }
        func verdicts() async throws -> [Verdict] { try await appliance.stored().compactMap(\.record.verdict) }

        try await look(.drift("files.wrong"))
        let opened = try #require(try await incident())
        let plan = Plan(
            id: PlanID(at: clock.now), host: "here", check: check, incident: opened.id, order: nil, tier: .l1, proposer: "rule:A",
            runbook: LabCatalog.runbook, runbookDigest: .genesis, parameters: [:], isDisruptive: false, made: clock.now)
        let begun = clock.now
        try await context.database.write { transaction in
            try IntentTable.put(Intent(plan: plan, started: begun, timeout: .zero, preState: Facts(), steps: []), in: transaction)
        }
        for passing in [Verdict.compliant, .notApplicable("files.none")] {
            try await look(passing)
            #expect(try await incident()?.id == opened.id)
        }
        #expect(try await verdicts() == [.drift("files.wrong")])
        try await look(.unknown("host.timed_out"))
        #expect(try await verdicts() == [.drift("files.wrong"), .unknown("host.timed_out")])
        #expect(try await incident()?.id == opened.id)

        let ended = clock.now
        try await context.database.write { try IntentTable.finish(plan.id, .failed("executor.still_drift"), at: ended, in: $0) }
        try await look(.compliant)
        #expect(try await incident() == nil)
        #expect(try await verdicts().last == .compliant)
        try await central.stop()
    }
}
