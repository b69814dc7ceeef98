import Compliance
import Model
import TestSupport
import Testing

@Suite struct SilenceTests {
    private func instant(_ hours: Double) -> Timestamp { CoverageTests.instant(hours) }

    /// Asked once every quarter of an hour, as long as there is something to do; instants are hours.
    private struct Said: Equatable, CustomStringConvertible {
        let from: Double
        let until: Double
        let cause: GapCause
        var description: String { "\(from)-\(until) \(cause.rawValue)" }
    }

    private func said(
        heard: [Double], revoked: Double? = nil, replaced: Double? = nil, listening: Double = 0, wanted: [Double] = [], until end: Double
    ) -> (said: [Said], isOpen: Bool) {
        var open: Silence?
        var said: [Said] = []
        func hours(_ instant: Timestamp) -> Double { Double(instant.milliseconds - self.instant(0).milliseconds) / 3_600_000 }
        for quarter in 0...Int(end * 4) {
            let hour = Double(quarter) / 4
            let now = instant(hour)
            while true {
                let contact = Silence.Contact(
                    heard: instant(heard.last { $0 <= hour } ?? 0),
                    heardAgain: open.flatMap { open in heard.first { instant($0) > open.since && $0 <= hour } }.map(instant),
                    revoked: revoked.flatMap { $0 <= hour ? instant($0) : nil }, isWatching: replaced.map { hour < $0 } ?? true)
                guard
                    let step = Silence.next(
                        open, contact, listening: instant(listening), isWanted: wanted.contains(hour), now: now)
                else { break }
                if let gap = step.gap {
                    said.append(Said(from: hours(gap.span.lowerBound), until: hours(gap.span.upperBound), cause: gap.cause))
                }
                open = step.open
            }
        }
        return (said, open != nil)
    }

    @Test func whoIsHeardEveryTwoHoursIsNeverSilent() {
        #expect(said(heard: [0, 2, 4, 6], until: 8).said.isEmpty)
        #expect(said(heard: [0, 2, 4, 6], until: 8.25).said.first == Said(from: 6, until: 8.25, cause: .silent))
    }

    @Test func aSilenceIsSaidWhenItIsNoticedEachDayItLastsAndWhenItEnds() {
        let found = said(heard: [0, 1, 60.1], until: 70)
        #expect(
            found.said == [
                Said(from: 1, until: 3.25, cause: .silent), Said(from: 3.25, until: 27.25, cause: .silent),
                Said(from: 27.25, until: 51.25, cause: .silent), Said(from: 51.25, until: 60.1, cause: .silent),
                // The next one: it was heard once only.
                Said(from: 60.1, until: 62.25, cause: .silent),
            ])
    }

    @Test func whoAsksHearsAllOfItButNotTwiceInAnHour() {
        let found = said(heard: [0], wanted: [10, 10.5, 11], until: 12)
        #expect(found.said.map(\.until) == [2.25, 10, 11] && found.isOpen)
    }

    @Test func revocationHasACauseOfItsOwnFromItsInstantOn() {
        #expect(said(heard: [0, 1, 2], revoked: 2.5, until: 4).said == [Said(from: 2.5, until: 2.75, cause: .revoked)])
        let silentBefore = said(heard: [0, 1], revoked: 10, until: 10.25).said
        #expect(silentBefore.map(\.cause) == [.silent, .silent] && silentBefore.map(\.until) == [3.25, 10])
        let later = said(heard: [0, 1], revoked: 10, until: 40).said
        #expect(later.last == Said(from: 10, until: 34, cause: .revoked))
        // Noticed only after both.
        let late = said(heard: [0], revoked: 5, listening: 5, until: 5.5).said
        #expect(late == [Said(from: 0, until: 5, cause: .silent)])
    }

    @Test func anApplianceThatWatchesNothingMissesNothing() {
        #expect(said(heard: [0], replaced: 0, until: 100).said.isEmpty)
        let replaced = said(heard: [0], revoked: 1, replaced: 5, until: 100)
        #expect(replaced.said.map(\.until) == [1.25, 5] && !replaced.isOpen)
    }

    @Test func whileCentralItselfWasOffNothingNewIsNoticed() {
        #expect(said(heard: [0], listening: 50, until: 52).said.isEmpty)
        #expect(said(heard: [0], listening: 50, until: 52.25).said == [Said(from: 0, until: 52.25, cause: .silent)])
    }

    @Test func whatIsSaidTouchesAndNeverOverlaps() {
        for seed in UInt64(1)...200 {
            var random = SeededGenerator(seed: seed)
            let heard = (0..<6).map { _ in Double(Int.random(in: 0...480, using: &random)) / 4 }.sorted()
            let revoked: Double? = random.chance(30) ? heard.last! + 0.25 : nil
            let found = said(heard: [0] + heard, revoked: revoked, wanted: [33, 77], until: 150).said
            for (before, after) in zip(found, found.dropFirst()) { #expect(before.until <= after.from, "seed \(seed): \(found)") }
            #expect(found.allSatisfy { $0.from < $0.until }, "seed \(seed): \(found)")
        }
    }
}
