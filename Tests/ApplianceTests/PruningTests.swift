import Appliance
import Database
import Model
import TestSupport
import Testing

/// Guardrail 7.
@Suite struct PruningTests {
    let day: Duration = .seconds(86_400)

    /// `count` bundles made now; those before `receipted` have a receipt.
    private func bench(count: Int, receipted: Int64) async throws -> Workbench {
        let bench = try await Workbench()
        let journal = try await bench.journal()
        try await journal.append((0..<count).map { bench.bundle("\($0)") })
        if receipted > 0 {
            let head = try await bench.stored()[Int(receipted) - 1].digest
            try await bench.database.write {
                try EvidenceTable.receipt(0, receipted - 1, head: head, envelope: "{}", received: Timestamp(milliseconds: 0), in: $0)
            }
        }
        return bench
    }

    private func prunable(_ bench: Workbench, age: Duration, keeping: Int = 200) async throws -> ClosedRange<Int64>? {
        let limit = bench.clock.now + age - day * 90
        return try await bench.database.read { try EvidenceTable.prunable(before: limit, keeping: keeping, in: $0) }
    }

    @Test("Exactly 90 days old stays; a moment older goes", arguments: [(Duration.zero, false), (.milliseconds(1), true)])
    func keepsYoung(beyond: Duration, goes: Bool) async throws {
        let bench = try await bench(count: 300, receipted: 300)
        #expect((try await prunable(bench, age: day * 90 + beyond) != nil) == goes)
    }

    @Test("The newest 200 stay however old they are")
    func keepsNewest() async throws {
        let bench = try await bench(count: 300, receipted: 300)
        #expect(try await prunable(bench, age: day * 4_000) == 0...99)
        #expect(try await prunable(bench, age: day * 4_000, keeping: 300) == nil)
    }

    @Test("What has no receipt stays, and so does all after it", arguments: [Int64(0), 1, 42])
    func keepsUnreceipted(receipted: Int64) async throws {
        let bench = try await bench(count: 300, receipted: receipted)
        #expect(try await prunable(bench, age: day * 4_000) == (receipted == 0 ? nil : 0...(receipted - 1)))
    }

    @Test("After pruning the rest is still a chain that opens")
    func leavesAChain() async throws {
        let bench = try await bench(count: 300, receipted: 250)
        let range = try #require(try await prunable(bench, age: day * 4_000))
        try await bench.database.write { try EvidenceTable.remove(range, in: $0) }
        #expect(try await bench.stored().map(\.sequence) == Array(100..<300))
        #expect(try await bench.journal().append([bench.bundle("next")])[0].sequence == 300)
    }

    @Test("Bundles that Central lost go out again and are not pruned meanwhile")
    func requeues() async throws {
        let bench = try await bench(count: 300, receipted: 300)
        #expect(try await bench.database.write { try EvidenceTable.requeue(after: 49, in: $0) } == 250)
        #expect(try await bench.database.read { try EvidenceTable.queuedCount(in: $0) } == 250)
        #expect(try await prunable(bench, age: day * 4_000) == 0...49)
    }
}
