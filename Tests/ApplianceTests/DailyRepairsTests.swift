import Appliance
import Database
import Healing
import Model
import TestSupport
import Testing

@Suite struct DailyRepairsTests {
    @Test("What the gate counts in a day are the successes of that host and check, and no attempt, other check or older one")
    func counts() async throws {
        let bench = try await Workbench()
        let now = bench.clock.now
        let day: Int64 = 86_400_000
        let rows: [(host: HostID, check: CheckID, outcome: String, age: Int64)] = [
            ("here", "a.check", "success", 1_000), ("here", "a.check", "success", day), ("here", "a.check", "success", day + 1),
            ("here", "a.check", "failed", 1_000), ("here", "a.check", "reverted", 1_000), ("here", "b.check", "success", 1_000),
            ("there", "a.check", "success", 1_000),
        ]
        try await bench.database.write { transaction in
            for row in rows {
                let ended = now - .milliseconds(row.age)
                let plan = Plan(
                    id: PlanID(at: ended), host: row.host, check: row.check, incident: nil, order: nil, tier: .l1, proposer: "rule:A",
                    runbook: "r", runbookDigest: .genesis, parameters: [:], isDisruptive: false, made: ended)
                try IntentTable.put(Intent(plan: plan, started: ended, timeout: .zero, preState: Facts(), steps: []), in: transaction)
                try transaction.execute(
                    """
                    UPDATE intent SET finished = \(ended.milliseconds), outcome = \(row.outcome) WHERE plan_id = \(plan.id.description)
                    """)
            }
        }
        let found = try await bench.database.read {
            try IntentTable.repairs(host: "here", check: "a.check", since: now - .milliseconds(day), in: $0)
        }
        #expect(Set(found) == [now - .seconds(1), now - .milliseconds(day)])
        await bench.database.close()
    }
}
