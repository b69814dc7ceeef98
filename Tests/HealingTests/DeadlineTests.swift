import Foundation
import Healing
import Hosts
import Model
import Synchronization
import TestSupport
import Testing

/// A plan has its time by what passes, not by what the clock is set to.
@Suite struct DeadlineTests {
    /// Each reading is this much after the one before.
    private static func readings(every span: Duration) -> @Sendable () -> Timestamp {
        let last = Mutex(WallClock.system.now())
        return {
            last.withLock { now in
                now = now + span
                return now
            }
        }
    }

    private func heal(_ clock: WallClock) async throws -> HealingResult {
        let directory = try TemporaryDirectory()
        let path = directory.file("secret")
        FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o666])
        var healer = Healer(host: LocalHost(id: "here"), passes: (["stat", "-c", "%a", path], "640\n"))
        healer.clock = clock
        return await healer.run([("file.set_mode", ["files": .strings(["\(path) 0640 root root"])])])
    }

    @Test("A clock that is set hours ahead again and again while a plan runs ends it no sooner", .enabled(if: geteuid() == 0, "needs root"))
    func clockIsSet() async throws {
        let clock = WallClock(
            now: Self.readings(every: .seconds(7_200)), elapsed: WallClock.system.elapsed, sleep: WallClock.system.sleep)
        let result = try await heal(clock)
        #expect(result.outcome.word == "success", "\(result)")
        #expect(result.actions.allSatisfy { $0.durationMilliseconds < 7_200_000 })
    }

    @Test("When a plan's time has passed nothing more is begun, whatever the clock says", .enabled(if: geteuid() == 0, "needs root"))
    func timePasses() async throws {
        // The runbook has 90 seconds.
        let passed = Self.readings(every: .seconds(60))
        let clock = WallClock(
            now: Self.readings(every: .milliseconds(1)), elapsed: { .milliseconds(passed().milliseconds) }, sleep: WallClock.system.sleep)
        let result = try await heal(clock)
        #expect(result.outcome == .failed("step.timed_out"), "\(result)")
        #expect(result.trace == "1 timed_out")
    }
}
