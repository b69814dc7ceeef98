import Compliance
import Evidence
import Model
import Testing

@Suite struct VerdictRunTests {
    typealias Chain = CoverageTests.Chain
    private let subject = CoverageTests.ssh
    private func instant(_ hours: Double) -> Timestamp { CoverageTests.instant(hours) }

    private func history(_ chain: Chain) -> RunHistory {
        var runs = VerdictRuns(appliance: chain.appliance)
        var history = RunHistory()
        for entry in chain.entries { history.apply(runs.apply(entry), of: chain.appliance) }
        history.sort()
        return history
    }

    private func answer(_ chain: Chain, at hours: Double) -> AsOf.Answer {
        AsOf.answer(history(chain).runs(of: subject), at: instant(hours))
    }

    /// Seen each hour; fails from 3:30, not seen from 5:00, passes at 9:00.
    private var chain: Chain {
        var chain = Chain()
        chain.expect(0)
        for hour in [0.5, 1.5, 2.5] { chain.look(hour) }
        chain.look(3.5, .drift("ssh.root_login"))
        chain.look(4.5, .drift("ssh.no_crypto"))
        chain.look(5, .unknown("host.unreachable"))
        chain.look(8, .drift("ssh.root_login"))
        chain.look(9)
        return chain
    }

    @Test func theSameVerdictIsOneRunHoweverOftenItIsSeen() {
        let runs = history(chain).runs
        #expect(runs.map(\.verdict.word) == ["compliant", "drift", "drift", "unknown", "drift", "compliant"])
        #expect(runs[0].firstSequence == 1 && runs[0].lastSequence == 3 && runs[0].last == instant(2.5))
    }

    @Test func anAnswerNamesWhatProvesItAndBeyondItsReachNothingIsKnown() {
        #expect(answer(chain, at: 2).verdict == .compliant)
        #expect(answer(chain, at: 2).proof.map(\.sequence) == [1, 3])
        #expect(answer(chain, at: 0.4).verdict == .unknown("stale"))
        #expect(answer(chain, at: 6).verdict == .unknown("host.unreachable"))
        #expect(answer(chain, at: 7).verdict == .unknown("host.unreachable"))
        // Two slots of an hour are the reach.
        #expect(answer(chain, at: 7.01).verdict == .unknown("stale"))
        #expect(answer(chain, at: 11).verdict == .compliant && answer(chain, at: 11.01).proof.isEmpty)
    }

    @Test func whatNobodySawPassFailsSinceItsBegin() throws {
        let runs = history(chain).runs(of: subject)
        let found = try #require(AsOf.failingSince(runs, at: instant(8.5)))
        #expect(found.since == instant(3.5) && found.proof.sequence == 4)
        #expect(AsOf.failingSince(runs, at: instant(9.5)) == nil)
        #expect(AsOf.failingSince(runs, at: instant(6)) == nil, "unknown is not a failure")
    }

    @Test func changesBetweenTwoInstantsAreThoseOfTheAnswers() throws {
        let history = history(chain)
        let ledger = try CoverageTests.coverage([chain]).ledger
        let changes = history.changes(from: instant(2), to: instant(4), ledger: ledger)
        #expect(changes.map(\.subject) == [subject])
        #expect(changes[0].before?.verdict == .compliant && changes[0].after?.verdict == .drift("ssh.root_login"))
        #expect(history.changes(from: instant(1), to: instant(2), ledger: ledger).isEmpty)
        // Watched and never seen is not the same as not watched.
        let before = history.changes(from: instant(-1), to: instant(0.1), ledger: ledger)
        #expect(before.count == 1 && before[0].before == nil && before[0].after?.verdict == .unknown("stale"))
    }

    @Test func whatIsListedAgainChangesNoRow() {
        var runs = VerdictRuns(appliance: CoverageTests.box)
        var chain = Chain()
        chain.expect(0)
        chain.look(0.5)
        chain.add(1.5, .looks([ChainEntry.Look(subject, at: instant(0.5), .compliant)]))
        let changes = chain.entries.map { runs.apply($0).count }
        #expect(changes == [1, 1, 0])
        #expect(runs.apply(chain.entries[1]).isEmpty, "a bundle that came before")
    }

    @Test func aStoreMayGiveBackOnlyWhatABundleNeeds() {
        var whole = VerdictRuns(appliance: CoverageTests.box)
        var history = RunHistory()
        for entry in chain.entries {
            // What a store would load for this bundle, from its rows.
            let open = VerdictRuns.needs(entry).compactMap { subject in history.runs(of: subject).last }
            var loaded = VerdictRuns(
                appliance: CoverageTests.box, trust: whole.trust, lastSequence: whole.lastSequence, open: open,
                newestRun: history.runs.map(\.last).max(),
                expected: ["front-desk": [ExpectedCheck(check: subject.check, intervalSeconds: 900, staleAfterSeconds: 3_600)]])
            let changes = whole.apply(entry)
            #expect(loaded.apply(entry) == changes)
            history.apply(changes, of: CoverageTests.box)
            history.sort()
        }
    }

    @Test func aClockThatWasAheadIsTakenOutOfThePast() {
        var chain = Chain()
        chain.expect(0)
        chain.look(1)
        chain.offset = nil
        chain.receivedAfter = .seconds(50_000)
        chain.look(10, .drift("ssh.root_login"))
        #expect(answer(chain, at: 10.5).verdict == .drift("ssh.root_login"))
        chain.offset = 0
        chain.look(2)
        #expect(answer(chain, at: 10.5).verdict == .unknown("stale"))
        #expect(answer(chain, at: 2).verdict == .compliant)
    }
}
