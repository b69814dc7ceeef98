import Anchors
import Model
import Seal
import Testing

@Suite struct AnchorScheduleTests {
    private let start = Timestamp(milliseconds: 1_800_000_000_000)
    private let hour: Duration = .seconds(3_600)
    private func target(_ size: Int64) -> AnchorTarget { AnchorTarget(treeSize: size, digest: Digest(of: [UInt8(size & 255)])) }

    private func pending(_ target: AnchorTarget, at made: Timestamp) -> Anchor {
        Anchor(
            kind: .openTimestamps, target: target, made: made, proof: [1], state: .pending(calendars: ["https://c.example"]), isOpen: true)
    }

    private func stamps(_ actions: [AnchorSchedule.Action]) -> [AnchorTarget] {
        actions.compactMap { if case .stamp(let target) = $0 { target } else { nil } }
    }

    private func redemptions(_ actions: [AnchorSchedule.Action]) -> Int {
        actions.filter { if case .redeem = $0 { true } else { false } }.count
    }

    /// Ticks every minute, with a new checkpoint each time, and lets every stamp succeed or fail.
    private func run(
        _ schedule: inout AnchorSchedule, from begin: Timestamp, minutes: Int, works: Bool = true
    ) -> [Timestamp] {
        var stamped: [Timestamp] = []
        for minute in 0..<minutes {
            let now = begin + .seconds(60 * minute)
            for target in stamps(schedule.handle(.tick(target(now.milliseconds / 60_000)), at: now)) {
                stamped.append(now)
                _ = schedule.handle(works ? .stamped(pending(target, at: now)) : .stampFailed(code: "anchor.quorum"), at: now)
            }
        }
        return stamped
    }

    @Test("One checkpoint is anchored each interval")
    func everyInterval() {
        var schedule = AnchorSchedule(interval: hour, heartbeat: nil, open: [], at: start)
        #expect(run(&schedule, from: start, minutes: 181) == [0, 60, 120, 180].map { start + .seconds($0 * 60) })
        #expect(schedule.heartbeat.lastSuccess == start + hour * 3)
        #expect(schedule.heartbeat.since == start)
    }

    @Test("The same checkpoint is not anchored twice, and having nothing to do is success")
    func nothingNew() {
        var schedule = AnchorSchedule(interval: hour, heartbeat: nil, open: [], at: start)
        let first = schedule.handle(.tick(target(1)), at: start)
        #expect(stamps(first) == [target(1)])
        #expect(stamps(schedule.handle(.tick(target(1)), at: start)).isEmpty)
        _ = schedule.handle(.stamped(pending(target(1), at: start)), at: start)
        #expect(stamps(schedule.handle(.tick(target(1)), at: start + hour)).isEmpty)
        #expect(schedule.heartbeat.lastSuccess == start + hour)
        var empty = AnchorSchedule(interval: hour, heartbeat: nil, open: [], at: start)
        guard case .commit(let anchors, let heartbeat)? = empty.handle(.tick(nil), at: start).first else {
            Issue.record("the first heartbeat is not stored")
            return
        }
        #expect(anchors.isEmpty)
        #expect(AnchorHealth(heartbeat, interval: hour, configured: start, at: start + hour * 2) == .working)
    }

    @Test("After failures it is tried again soon, less and less often, and several times before the alert")
    func retries() {
        var schedule = AnchorSchedule(interval: hour, heartbeat: nil, open: [], at: start)
        let tries = run(&schedule, from: start, minutes: 121, works: false)
        #expect(tries.count > 8)
        #expect(zip(tries, tries.dropFirst()).allSatisfy { $1 - $0 <= hour / 4 })
        let heartbeat = schedule.heartbeat
        #expect(AnchorHealth(heartbeat, interval: hour, configured: start, at: start + hour * 2) == .working)
        #expect(
            AnchorHealth(heartbeat, interval: hour, configured: start, at: start + hour * 2 + .milliseconds(1))
                == .stalled(since: start, code: "anchor.quorum"))
        let soon = run(&schedule, from: start + hour * 3, minutes: 2)
        #expect(soon.count == 1)
        #expect(AnchorHealth(schedule.heartbeat, interval: hour, configured: start, at: start + hour * 3) == .working)
    }

    @Test("A lane that died, or never ran, is an alert within two intervals")
    func silence() {
        #expect(AnchorHealth(nil, interval: hour, configured: start, at: start + hour * 2) == .working)
        #expect(AnchorHealth(nil, interval: hour, configured: start, at: start + hour * 3) == .stalled(since: start, code: "anchor.silent"))
        let died = AnchorHeartbeat(since: start, lastSuccess: start + hour)
        #expect(AnchorHealth(died, interval: hour, configured: start, at: start + hour * 3) == .working)
        #expect(
            AnchorHealth(died, interval: hour, configured: start, at: start + hour * 3 + .seconds(1))
                == .stalled(since: start + hour, code: "anchor.silent"))
    }

    @Test("A promise that is two days old is an alert of its own")
    func overdue() {
        var schedule = AnchorSchedule(interval: hour, heartbeat: nil, open: [], at: start)
        _ = run(&schedule, from: start, minutes: 48 * 60 + 2)
        let now = start + hour * 48
        #expect(AnchorHealth(schedule.heartbeat, interval: hour, configured: start, at: now) == .working)
        #expect(AnchorHealth(schedule.heartbeat, interval: hour, configured: start, at: now + .seconds(60)) == .overdue(since: start))
    }

    @Test(
        "However far and often the clock is set, an anchor follows within an interval and a half of real time",
        arguments: [
            [-5], [5], [-5, -5, -5], [9, -9], [-9, 9], [24 * 365, -24 * 365], [-24 * 365, 24 * 365], [1, -1, 1, -1],
        ])
    func clockSteps(hours: [Int]) {
        var schedule = AnchorSchedule(interval: hour, heartbeat: nil, open: [], at: start)
        var (wall, sinceAnchor) = (start, 0)
        var steps = hours
        for minute in 0..<(60 * 12) {
            if minute > 0, minute % 47 == 0, !steps.isEmpty { wall = wall + hour * steps.removeFirst() }
            let actions = schedule.handle(.tick(target(Int64(minute))), at: wall)
            if let next = stamps(actions).first {
                sinceAnchor = 0
                _ = schedule.handle(.stamped(pending(next, at: wall)), at: wall)
            }
            #expect(sinceAnchor <= 90, "minute \(minute)")
            #expect(AnchorHealth(schedule.heartbeat, interval: hour, configured: start, at: wall) == .working, "minute \(minute)")
            #expect(schedule.rest(at: wall) <= .seconds(60))
            (wall, sinceAnchor) = (wall + .seconds(60), sinceAnchor + 1)
        }
        #expect(steps.isEmpty)
    }

    @Test("What was stored while the clock was far ahead does not hold up a start after it was put right")
    func storedInTheFuture() {
        let ahead = start + hour * 24 * 365
        let stored = AnchorHeartbeat(since: ahead, lastSuccess: ahead, lastTarget: target(1), oldestPending: ahead)
        #expect(AnchorHealth(stored, interval: hour, configured: start, at: start) == .stalled(since: start, code: "anchor.clock"))
        var schedule = AnchorSchedule(interval: hour, heartbeat: stored, open: [pending(target(1), at: ahead)], at: start)
        let first = schedule.handle(.tick(target(2)), at: start)
        #expect(redemptions(first) == 1)
        guard case .commit(_, let heartbeat)? = first.first else {
            Issue.record("the heartbeat was not put right")
            return
        }
        #expect(AnchorHealth(heartbeat, interval: hour, configured: start, at: start) == .working)
        #expect(stamps(schedule.handle(.tick(target(2)), at: start + hour)) == [target(2)])
    }

    @Test("Promises are asked after at 10 minutes, then half as often each time, at most every 6 hours, for 90 days")
    func redeeming() {
        var schedule = AnchorSchedule(interval: hour * 24 * 365, heartbeat: nil, open: [], at: start)
        _ = schedule.handle(.tick(target(1)), at: start)
        _ = schedule.handle(.stamped(pending(target(1), at: start)), at: start)
        var asked: [Int] = []
        var closed: Anchor?
        for minute in stride(from: 0, to: 91 * 24 * 60, by: 10) {
            for action in schedule.handle(.tick(target(1)), at: start + .seconds(minute * 60)) {
                if case .redeem(let anchor) = action {
                    asked.append(minute)
                    #expect(schedule.handle(.redeemed(anchor), at: start + .seconds(minute * 60)).isEmpty)
                }
                if case .commit(let anchors, _) = action, let anchor = anchors.first { closed = anchor }
            }
        }
        #expect(asked.prefix(8) == [10, 20, 40, 80, 160, 320, 640, 1_000])
        #expect(zip(asked, asked.dropFirst()).allSatisfy { $1 - $0 <= 360 })
        #expect((89 * 24 * 60...90 * 24 * 60).contains(asked.last ?? 0))
        #expect(closed?.isOpen == false)
        #expect(closed?.state == .pending(calendars: ["https://c.example"]))
        #expect(schedule.heartbeat.oldestPending == nil)
    }

    @Test("Many promises are asked after a few at a time, and none is forgotten")
    func bounded() {
        let open = (0..<30).map { pending(target($0), at: start) }
        var schedule = AnchorSchedule(interval: hour, heartbeat: AnchorHeartbeat(since: start), open: open, at: start)
        var asked: Set<Int64> = []
        for minute in 0..<4 {
            let actions = schedule.handle(.tick(nil), at: start + .seconds(minute * 60))
            #expect(redemptions(actions) <= AnchorSchedule.redeemedPerTickMax)
            for case .redeem(let anchor) in actions { asked.insert(anchor.target.treeSize) }
        }
        #expect(asked.count == 30)
    }

    @Test("An anchor that was redeemed is stored and asked after no more")
    func redeemed() {
        var schedule = AnchorSchedule(
            interval: hour, heartbeat: AnchorHeartbeat(since: start), open: [pending(target(1), at: start)], at: start)
        _ = schedule.handle(.tick(nil), at: start)
        let done = Anchor(
            kind: .openTimestamps, target: target(1), made: start, proof: [2], state: .attested(height: 5, blockTime: start), isOpen: false)
        let actions = schedule.handle(.redeemed(done), at: start)
        guard case .commit(let anchors, let heartbeat)? = actions.first else {
            Issue.record("not stored")
            return
        }
        #expect(anchors == [done])
        #expect(heartbeat.oldestPending == nil)
        #expect(redemptions(schedule.handle(.tick(nil), at: start + hour * 7)) == 0)
    }

    @Test(
        "A state is stored and read as the same, and only a checked one is proof",
        arguments: [
            (AnchorState.pending(calendars: []), false), (.pending(calendars: ["https://a.example", "https://b.example"]), false),
            (.attested(height: 840_000, blockTime: nil), false), (.attested(height: 1, blockTime: Timestamp(milliseconds: 5_000)), true),
            (.stamped(at: Timestamp(milliseconds: 7)), true),
        ])
    func states(state: AnchorState, isProven: Bool) {
        #expect(AnchorState(json: state.json) == state)
        #expect(state.isProven == isProven)
        #expect(state.description.contains("not checked") == (state == .attested(height: 840_000, blockTime: nil)))
    }

    @Test(
        "What is not a state is none",
        arguments: [
            JSONValue.null, ["state": "proven"], ["state": "pending"], ["state": "pending", "calendars": [1]], ["state": "attested"],
            ["state": "attested", "height": 1, "blockTime": "soon"], ["state": "stamped"],
            ["state": "stamped", "at": "2026-01-01T00:00:00.000Z", "x": 1],
        ])
    func notStates(json: JSONValue) { #expect(AnchorState(json: json) == nil) }
}
