import Database
import Foundation
import Model
import TestSupport
import Testing

/// No order of events breaks a limit: the real gate and the real tables, judged by books that the test keeps itself.
@Suite struct RepairLimitsTests {
    /// In all: a half of them on each of two databases, beside each other.
    static let histories = 1_000

    @Test("Drifts, orders, approvals, clocks put forward and back, crashes, pauses and failures, in any order", arguments: [0, 1])
    func noHistoryBreaksALimit(half: Int) async throws {
        // Half a million commits: their order is what is tested here, not the disk.
        let directory = try TemporaryDirectory(in: FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : "/tmp")
        var seen = RepairHistorySimulation.Tally()
        var database = try await RepairHistorySimulation.open(directory.file("state.sqlite"))
        for seed in stride(from: half, to: Self.histories, by: 2) {
            var history = try RepairHistorySimulation(seed: UInt64(seed), database, at: directory.file("state.sqlite"))
            try await history.run()
            database = history.database
            seen.add(history.tally)
            guard history.broken.isEmpty else {
                Issue.record("seed \(seed): \(history.broken.joined(separator: "; "))\n\(history.trace.suffix(40).joined(separator: "\n"))")
                break
            }
        }
        await database.close()
        // What never came up was not tested.
        #expect(seen.admitted > 500, "\(seen)")
        #expect(seen.approved > 20, "\(seen)")
        #expect(seen.ordered > 20, "\(seen)")
        #expect(seen.crashes > 100 && seen.recovered > 20, "\(seen)")
        for code in [
            "gate.approval", "gate.attempts", "gate.blast_radius", "gate.budget", "gate.clinical_device", "gate.cooldown", "gate.flapping",
            "gate.host_busy", "gate.outside_window", "gate.paused", "gate.paused_locally", "gate.clock_offset", "gate.clock_unknown",
        ] {
            #expect(seen.codes[code, default: 0] > 0, "\(code) never came up")
        }
        for code in ["approval.replayed", "approval.unknown_plan", "approval.same_person", "approval.unknown_key", "approval.expired"] {
            #expect(seen.codes[code, default: 0] > 0, "\(code) never came up")
        }
    }
}
