import Compliance
import Evidence
import Model
import Testing

/// One host, one check that is due every hour, one day.
@Suite struct CoverageTests {
    static let midnight = History.start
    static let site = SiteID(at: midnight)
    static let box = ApplianceID(at: midnight)
    static let other = ApplianceID(at: midnight + .seconds(1))
    static let ssh = WatchedCheck(host: "front-desk", check: "linux.ssh")

    /// Writes bundles as an appliance does, one after the other.
    struct Chain {
        var appliance = box
        var entries: [ChainEntry] = []
        var offset: Int64? = 0
        var enrolled = Timestamp(milliseconds: 0)
        /// Beside `ended`.
        var receivedAfter: Duration = .seconds(10)

        mutating func add(_ hours: Double, _ content: ChainEntry.Content, from started: Double? = nil) {
            let ended = instant(hours)
            let received = Timestamp(milliseconds: ended.milliseconds - (offset ?? 0)) + receivedAfter
            entries.append(
                ChainEntry(
                    appliance: appliance, sequence: Int64(entries.count), received: received, enrolled: enrolled, host: ssh.host,
                    observed: started.map(instant) ?? ended, started: started.map(instant) ?? ended, ended: ended,
                    clockOffsetMilliseconds: offset, content: content))
        }

        mutating func expect(_ hours: Double, every interval: Int64 = 900, stale: Int64 = 3_600) {
            add(hours, .expectation([ExpectedCheck(check: ssh.check, intervalSeconds: interval, staleAfterSeconds: stale)]))
        }

        mutating func look(_ hours: Double, _ verdict: Verdict = .compliant) {
            add(hours, .looks([ChainEntry.Look(ssh, at: instant(hours), verdict)]))
        }
    }

    static func instant(_ hours: Double) -> Timestamp { midnight + .milliseconds(Int64(hours * 3_600_000)) }

    static func coverage(_ chains: [Chain], days: Int = 1, horizon: Double = 30, statements: [CentralStatement] = []) throws -> Coverage {
        let period = try #require(CoveragePeriod(from: midnight, until: instant(Double(24 * days)), horizon: instant(horizon)))
        var builder = CoverageBuilder(site: site, period: period, statements: statements)
        for chain in chains { for entry in chain.entries { try builder.add(entry) } }
        return builder.finish()
    }

    func figures(_ chain: Chain, horizon: Double = 30, statements: [CentralStatement] = []) throws -> CoverageFigures {
        try Self.coverage([chain], horizon: horizon, statements: statements).total
    }

    /// Expected from midnight on, seen in the given hours.
    func chain(seen hours: some Sequence<Int>, stale: Int64 = 3_600) -> Chain {
        var chain = Chain()
        chain.expect(0, stale: stale)
        for hour in hours { chain.look(Double(hour) + 0.5) }
        return chain
    }

    @Test func seenEveryHourIsWhole() throws {
        let found = try figures(chain(seen: 0..<24))
        #expect(found.required == 24 && found.made == 24 && found.basisPoints == 10_000)
    }

    @Test func nothingExpectedIsNotAll() throws {
        var chain = Chain()
        for hour in 0..<24 { chain.look(Double(hour)) }
        let found = try figures(chain)
        #expect(found.required == 0 && found.basisPoints == nil)
    }

    @Test func touchingMissesAreOneGapAndNothingSaysWhy() throws {
        let coverage = try Self.coverage([chain(seen: [0, 1, 2, 3, 7, 8, 10] + (11..<24))])
        #expect(coverage.total.missing == ["gap.unknown": 4])
        let gaps = coverage.pairs.flatMap(\.gaps)
        #expect(gaps.map(\.slots) == [3, 1])
        #expect(gaps.first?.from == Self.instant(4) && gaps.first?.until == Self.instant(7))
    }

    @Test("The last millisecond of a slot is in it, the first of the next is not")
    func slotEdges() throws {
        var chain = Chain()
        chain.expect(0)
        chain.look(5 - 1 / 3_600_000)
        #expect(try figures(chain).made == 1)
        var late = Chain()
        late.expect(0)
        late.look(0)
        late.look(1)
        #expect(try figures(late).made == 2)
    }

    @Test("Late is within the grace after the slot, to its last millisecond", arguments: [(2.999_99, 1), (3.0, 0)])
    func lateEdges(hour: Double, late: Int) throws {
        // One slot of an hour, two hours of grace: hour 0 may be made until 3:00.
        var chain = Chain()
        chain.expect(0, stale: 10_800)
        chain.add(1.0, .expectation([]))
        chain.look(hour)
        let found = try figures(chain)
        #expect(found.required == 1 && found.late == late && found.missingCount == 1 - late)
    }

    @Test("A slot whose time to be late is not over is left out", arguments: [(2.99, 0), (3.0, 1)])
    func horizon(hour: Double, required: Int) throws {
        var chain = Chain()
        chain.expect(0, stale: 10_800)
        #expect(try figures(chain, horizon: hour).required == required)
    }

    @Test func aSlotInWhichTheHostWasAddedOrRemovedIsNotRequired() throws {
        var chain = Chain()
        chain.expect(0.1)
        chain.add(5.5, .expectation([]))
        chain.expect(6.6)
        chain.add(8, .expectation([]))
        // Hours 1 to 4, then 7.
        #expect(try figures(chain).required == 5)
    }

    @Test func anExpectationThatChangesNothingEndsNoSlot() throws {
        var chain = Chain()
        chain.expect(0)
        chain.expect(4.5)
        chain.expect(6.5, every: 7_200, stale: 7_200)
        // 0 to 6, and slots of two hours from 6: the change cuts hour 6 and the slot from 6 to 8, and excuses neither.
        #expect(try figures(chain).required == 7 + 9)
    }

    @Test func unknownObservesNothingAndIsTheCause() throws {
        var chain = chain(seen: 0..<5)
        chain.look(5.5, .unknown("host.unreachable"))
        chain.look(6.2, .drift("ssh.root_login"))
        let found = try figures(chain, horizon: 7)
        #expect(found.made == 6 && found.missing == ["host.unreachable": 1])
    }

    @Test func aGapBundleNamesTheCauseOfAllItTouches() throws {
        var chain = chain(seen: 0..<3)
        chain.add(9.2, .gap(check: nil, code: GapCause.down.code), from: 3.7)
        for hour in 10..<24 { chain.look(Double(hour)) }
        #expect(try figures(chain).missing == ["gap.down": 7])
    }

    @Test func centralsWordComesAfterTheAppliances() throws {
        var chain = chain(seen: 0..<3)
        chain.add(6, .gap(check: nil, code: GapCause.disk.code), from: 3)
        let said = try #require(
            GapStatement(
                site: Self.site, appliance: Self.box, from: Self.instant(3), until: Self.instant(12), cause: .silent,
                issued: Self.instant(13)))
        #expect(try figures(chain, statements: [.gap(said)]).missing == ["gap.disk": 3, "gap.silent": 6, "gap.unknown": 12])
    }

    func exception(from: Double, until: Double, issued: Double, host: HostID? = nil) throws -> CentralStatement {
        .exception(
            try ExceptionStatement(
                id: "E-1", site: Self.site, host: host, from: Self.instant(from), until: Self.instant(until), reason: "moving house",
                requestedBy: "alice", approvedBy: "bob", issued: Self.instant(issued)))
    }

    @Test func anExceptionCoversWholeSlotsFromWhenItWasMade() throws {
        let chain = chain(seen: 0..<4)
        #expect(try figures(chain, statements: [exception(from: 4, until: 10, issued: 0)]).excepted == 6)
        #expect(try figures(chain, statements: [exception(from: 4, until: 9.9, issued: 0)]).excepted == 5)
        #expect(try figures(chain, statements: [exception(from: 4, until: 10, issued: 7.1)]).excepted == 2)
        #expect(try figures(chain, statements: [exception(from: 4, until: 10, issued: 0, host: "x-ray")]).excepted == 0)
        // What was seen although it need not have been was seen.
        #expect(try figures(chain, statements: [exception(from: 0, until: 10, issued: 0)]).made == 4)
    }

    @Test func anotherApplianceTakesOverAndTheOldOneEndsNothingMore() throws {
        var old = chain(seen: 0..<6)
        old.add(20, .expectation([]))
        var new = Chain(appliance: Self.other)
        new.expect(6)
        for hour in 6..<24 { new.look(Double(hour) + 0.2) }
        let found = try Self.coverage([old, new]).total
        #expect(found.required == 24 && found.made == 24)
    }

    @Test("A date after the time at which Central received it, and five minutes, does not count", arguments: [(300, 1), (301, 0)])
    func ahead(seconds: Int, made: Int) throws {
        var chain = Chain()
        chain.expect(0)
        chain.receivedAfter = .seconds(-seconds)
        chain.look(5.5)
        #expect(try figures(chain).made == made)
    }

    @Test func aClockThatWasAheadGivesNothingAway() throws {
        var chain = chain(seen: 0..<4)
        // At 4:00 it jumps to 10:00, nobody to ask and nothing received until the evening; at 6:30 it is put right.
        chain.offset = nil
        chain.receivedAfter = .seconds(50_000)
        for hour in [10.1, 11.1, 12.1] { chain.look(hour) }
        #expect(try figures(chain).made == 7)
        chain.offset = 0
        chain.look(6.5)
        let found = try figures(chain)
        #expect(found.made == 5, "hours 0 to 3 and 6")
    }

    @Test func aClockThatIsBehindFillsNoHoursInWhichItWasOff() throws {
        var chain = chain(seen: 0..<4)
        // Off from 4:00 to 12:00; it comes up showing 5:00, and learns at 12:20 that it is seven hours behind.
        chain.offset = nil
        chain.receivedAfter = .seconds(26_000)
        chain.look(5)
        chain.look(6.1)
        #expect(try figures(chain).made == 6)
        chain.offset = -25_200_000
        chain.receivedAfter = .seconds(10)
        chain.add(6.2, .looks([]))
        #expect(try figures(chain).made == 4)
        // Put right: a look of before is listed again, and is not believed; a new one is.
        chain.offset = 0
        chain.add(13.6, .looks([ChainEntry.Look(Self.ssh, at: Self.instant(5), .compliant)]))
        #expect(try figures(chain).made == 4)
        chain.look(13.7)
        #expect(try figures(chain).made == 5)
    }

    @Test func aClockThatGoesBackUnreadCountsOnlyOnceItIsPastWhereItWas() throws {
        var chain = chain(seen: 0..<8)
        chain.offset = nil
        for hour in [3.5, 5.5, 8.5] { chain.look(hour) }
        let coverage = try Self.coverage([chain])
        #expect(coverage.total.made == 9)
    }

    @Test func aBackdatedRemovalTakesNothingBack() throws {
        var chain = chain(seen: 0..<6)
        chain.add(12.5, .looks([]))
        chain.offset = nil
        chain.add(6, .expectation([]))
        // In force from the newest date that counted: hours 6 to 11 stay required.
        let found = try figures(chain)
        #expect(found.required == 12 && found.missingCount == 6)
    }

    @Test func millionsOfInventedChecksAreRefused() throws {
        let period = try #require(CoveragePeriod(from: Self.midnight, until: Self.instant(24), horizon: Self.instant(30)))
        var builder = CoverageBuilder(site: Self.site, period: period)
        #expect(throws: CoverageError.tooManyChecks(limit: CoverageBuilder.pairsMax)) {
            for number in 0...Int64(CoverageBuilder.pairsMax) {
                var chain = Chain()
                chain.add(
                    1, .looks([ChainEntry.Look(WatchedCheck(host: "h", check: CheckID("c\(number)")!), at: Self.instant(1), .compliant)]))
                let entry = chain.entries[0]
                try builder.add(
                    ChainEntry(
                        appliance: entry.appliance, sequence: number, received: entry.received, enrolled: entry.enrolled, host: entry.host,
                        observed: entry.observed, started: entry.started, ended: entry.ended, clockOffsetMilliseconds: 0,
                        content: entry.content))
            }
        }
    }

    @Test(
        "A period is whole days, one to 366 of them",
        arguments: [(0, 0, false), (0, 24, true), (0, 25, false), (0, 24 * 366, true), (0, 24 * 367, false), (1, 25, false)])
    func period(from: Int, until: Int, isOne: Bool) {
        let period = CoveragePeriod(from: Self.instant(Double(from)), until: Self.instant(Double(until)), horizon: Self.midnight)
        #expect((period != nil) == isOne)
    }
}
