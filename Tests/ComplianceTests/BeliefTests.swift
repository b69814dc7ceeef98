import Compliance
import Evidence
import Model
import Testing

/// What somebody who holds an appliance's key could say of times that are over, and what it is worth.
@Suite struct BeliefTests {
    typealias Chain = CoverageTests.Chain
    let ssh = CoverageTests.ssh

    func instant(_ hours: Double) -> Timestamp { CoverageTests.instant(hours) }
    func figures(_ chains: Chain..., days: Int = 1) throws -> CoverageFigures {
        try CoverageTests.coverage(chains, days: days, horizon: Double(24 * days + 6)).total
    }

    /// Hourly until 6, off until 18, then again.
    func outage() -> Chain {
        var chain = Chain()
        chain.expect(0)
        for hour in 0..<6 { chain.look(Double(hour) + 0.5) }
        return chain
    }

    func looks(_ hours: [Double]) -> ChainEntry.Content { .looks(hours.map { ChainEntry.Look(ssh, at: instant($0), .compliant) }) }

    // MARK: Before enrolment

    @Test func nothingIsSeenOrExpectedBeforeEnrolment() throws {
        var chain = Chain()
        chain.enrolled = instant(12)
        chain.offset = 12 * 3_600_000
        chain.expect(12)
        chain.offset = 0
        chain.add(12.1, looks((0..<12).map { Double($0) + 0.5 }))
        let found = try figures(chain)
        #expect(found.required == 12 && found.made == 0)
        let effective = try CoverageTests.coverage([chain]).ledger.entries.map(\.effective)
        #expect(effective == [instant(12)])
    }

    @Test("A look counts from the instant of enrolment on", arguments: [(12.0, 1), (11.999_99, 0)])
    func enrolmentEdge(hour: Double, made: Int) throws {
        var chain = Chain()
        chain.enrolled = instant(hour + 0.0)
        chain.expect(12)
        chain.enrolled = instant(12)
        chain.add(12.5, looks([hour]))
        #expect(try figures(chain).made == made)
    }

    // MARK: Listed afterwards

    @Test func anAttestationDoesNotFillAnOldHole() throws {
        var chain = outage()
        chain.look(18.5)
        chain.add(19.5, looks((6..<18).map { Double($0) + 0.5 } + [19.5]))
        let found = try figures(chain)
        // 17:30 is two hours before.
        #expect(found.made == 9)
    }

    @Test func oneBundleListsNoMoreThanOneOldLook() throws {
        var chain = outage()
        chain.add(18.5, looks((6..<16).map { Double($0) + 0.25 }))
        #expect(try figures(chain).made == 7)
    }

    @Test("A look made before the last word on its check counts up to two hours", arguments: [(7.5, 1), (7.499_99, 0)])
    func listedEdge(hour: Double, made: Int) throws {
        var chain = Chain()
        chain.expect(7)
        chain.look(9, .unknown("host.unreachable"))
        chain.add(9.5, looks([hour]))
        #expect(try figures(chain).made == made)
    }

    @Test func aLookFromBeforeAPowerCutIsListedDaysLater() throws {
        var chain = Chain()
        chain.expect(0, every: 86_400, stale: 172_800)
        chain.add(23, .looks([ChainEntry.Look(ssh, at: instant(-1), .compliant)]))
        chain.add(90, .gap(check: nil, code: "gap.down"), from: 23.9)
        chain.add(90.1, looks([23.8]))
        #expect(try CoverageTests.coverage([chain], days: 1, horizon: 96).total.made == 1)
    }

    @Test func aMonthOfflineIsSeenWhole() throws {
        var chain = Chain()
        chain.receivedAfter = .seconds(30 * 86_400)
        chain.offset = nil
        chain.expect(0)
        for hour in 0..<(24 * 30) { chain.look(Double(hour) + 0.5) }
        let found = try figures(chain, days: 30)
        #expect(found.required == 720 && found.made == 720)
    }

    @Test func noLookCountsWhereTheApplianceSaidBeforeThatItCouldNotLook() throws {
        var chain = outage()
        chain.add(18, .gap(check: nil, code: "gap.down"), from: 6)
        chain.add(18.1, looks([17.9]))
        chain.add(18.2, looks([16.5]))
        // 17:54 lies in the last minutes of the gap: its hour is not whole in what is sure.
        let found = try figures(chain)
        #expect(found.made == 7 && found.missing["gap.down"] == 11)
    }

    @Test func aGapOfAClockThatWasAheadClosesNothing() throws {
        var chain = Chain()
        chain.expect(0)
        chain.offset = nil
        chain.receivedAfter = .seconds(200_000)
        chain.add(20, .gap(check: nil, code: "gap.down"), from: 1)
        chain.offset = 0
        for hour in 1..<24 { chain.look(Double(hour) + 0.5) }
        #expect(try figures(chain).made == 23)
    }

    // MARK: Less is asked for

    @Test("What asks for less takes effect an hour before Central heard of it", arguments: [0, 12 * 3_600_000] as [Int64])
    func anOutageStaysRequired(offset: Int64) throws {
        var chain = outage()
        chain.offset = offset
        chain.add(18, .expectation([]), from: 6)
        chain.offset = 0
        chain.expect(18.1)
        for hour in 18..<24 { chain.look(Double(hour) + 0.5) }
        chain.entries[7].self = ChainEntry(
            appliance: chain.entries[7].appliance, sequence: 7, received: instant(18) + .seconds(10), enrolled: chain.enrolled,
            host: ssh.host, observed: chain.entries[7].observed, started: chain.entries[7].started, ended: chain.entries[7].ended,
            clockOffsetMilliseconds: offset, content: .expectation([]))
        let found = try figures(chain)
        #expect(found.required >= 22 && found.missingCount >= 10)
    }

    @Test func moreIsAskedForFromTheInstantItIsSaid() throws {
        var chain = Chain()
        chain.receivedAfter = .seconds(10 * 86_400)
        chain.expect(0, every: 86_400)
        chain.expect(6)
        #expect(try CoverageTests.coverage([chain], horizon: 400).ledger.entries.map(\.effective) == [instant(0), instant(6)])
        chain.expect(12, every: 86_400)
        let last = try CoverageTests.coverage([chain], horizon: 400).ledger.entries.last
        #expect(last?.effective == instant(12) + .seconds(10 * 86_400) - .seconds(3_600))
    }

    // MARK: Change for change's sake

    @Test func aRuleThatAlternatesIsRequiredAllTheSame() throws {
        var chain = Chain()
        for half in 0..<48 { chain.expect(Double(half) / 2, stale: 7_200 + 3_600 * Int64(half % 2)) }
        #expect(try figures(chain).missingCount == 24)
        var lengths = Chain()
        for half in 0..<48 { lengths.expect(Double(half) / 2, every: half % 2 == 0 ? 900 : 31_622_400) }
        #expect(try figures(lengths).missingCount == 24)
    }

    @Test func aHostRemovedForAMomentIsNotAway() throws {
        var chain = Chain()
        for hour in 0..<24 {
            chain.expect(Double(hour))
            chain.add(Double(hour) + 0.5, .expectation([]))
            chain.expect(Double(hour) + 0.51)
        }
        #expect(try figures(chain).missingCount == 24)
    }

    @Test func aChangeAtTheEndOfAnHourIsNoMissedSlot() throws {
        var chain = Chain()
        chain.expect(0, every: 86_400, stale: 86_400)
        chain.look(0.5)
        chain.expect(10.99)
        for hour in 11..<24 { chain.look(Double(hour) + 0.01) }
        let found = try figures(chain)
        #expect(found.missingCount == 0 && found.required == 15 && found.late == 1)
    }

    // MARK: Taking over

    @Test func aTakeoverIsNamedAndShortensNothingThatDay() throws {
        var chain = Chain()
        chain.expect(0)
        for hour in 0..<24 { chain.look(Double(hour) + 0.5) }
        var other = Chain()
        other.appliance = CoverageTests.other
        other.expect(6, every: 31_622_400)
        let coverage = try CoverageTests.coverage([chain, other], days: 2, horizon: 60)
        #expect(coverage.total.required == 24 && coverage.total.made == 24)
        #expect(coverage.takeovers.map(\.at) == [instant(6)] && coverage.takeovers.map(\.before) == [CoverageTests.box])
    }

    @Test func aReplacedApplianceThatIsQuietIsNotNamed() throws {
        var chain = outage()
        var other = Chain()
        other.appliance = CoverageTests.other
        other.expect(6)
        for hour in 6..<24 { other.look(Double(hour) + 0.5) }
        chain.entries.removeLast(0)
        let coverage = try CoverageTests.coverage([chain, other])
        #expect(coverage.total.required == 24 && coverage.total.made == 24 && coverage.takeovers.isEmpty)
    }
}
