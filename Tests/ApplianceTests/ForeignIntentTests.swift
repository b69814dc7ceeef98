import Appliance
import Database
import Healing
import Model
import TestSupport
import Testing

@Suite struct ForeignIntentTests {
    @Test("A plan that another version left holds its own host up, and no other")
    func otherVersion() async throws {
        let bench = try await Workbench()
        let now = bench.clock.now
        let hosts: [HostID] = ["records", "front-desk", "lab"]
        try await bench.database.write { transaction in
            for host in hosts {
                let plan = Plan(
                    id: PlanID(at: now), host: host, check: "a.check", incident: nil, order: nil, tier: .l1, proposer: "rule:A",
                    runbook: "r", runbookDigest: .genesis, parameters: [:], isDisruptive: false, made: now)
                try IntentTable.put(Intent(plan: plan, started: now, timeout: .zero, preState: Facts(), steps: []), in: transaction)
            }
            try transaction.execute("UPDATE intent SET body = replace(body, 'martlet.intent/v1', 'martlet.intent/v2') WHERE host = 'lab'")
            try transaction.execute("UPDATE intent SET body = 'cut off {' WHERE host = 'records'")
        }
        let (left, foreign) = try await bench.database.read {
            (try IntentTable.unfinished(in: $0).map(\.plan.host), try IntentTable.foreign(in: $0))
        }
        #expect(left == ["front-desk"] && foreign == ["records", "lab"])
        try await bench.database.write { try $0.execute("UPDATE intent SET finished = 1, outcome = 'failed' WHERE host = 'lab'") }
        #expect(try await bench.database.read { try IntentTable.foreign(in: $0) } == ["records"])
        await bench.database.close()
    }
}
