import Laboratory
import Model
import Seal
import Testing

@Suite struct SimulationTests {
    private func setup(hosts: Int = 50, days: Int = 30, seed: UInt64 = 1) -> SimulationSetup {
        SimulationSetup(hosts: hosts, days: days, seed: seed)
    }

    @Test func aMonthOfFiftyHostsHarmsNothingAndHealsWhatCanBeHealed() throws {
        var setup = setup(days: 90)
        setup.haste = 3
        let report = try LabSetup.simulate(setup)
        #expect(report.harms.isEmpty)
        #expect(report.total.harm == 0)
        for (scenario, tally) in zip(report.scenarios, report.tallies) {
            #expect(tally.faults == tally.asExpected + tally.otherwise + tally.alone + tally.open, "\(scenario.id)")
            #expect(tally.faults == tally.byL1 + tally.byL2 + tally.byPerson + tally.alone + tally.open, "\(scenario.id)")
            if !scenario.isHealable {
                #expect(tally.healed == 0, "\(scenario.id)")
                #expect(tally.attempts == 0 || scenario.keepsComingBack, "\(scenario.id)")
            }
        }
        #expect(report.total.faults > 1_000)
        #expect(try #require(report.healable.healRate) > 900)
        // All guardrails had something to do.
        for code in [
            "gate.outside_window", "gate.cooldown", "gate.blast_radius", "gate.clinical_device", "gate.flapping", "gate.daily",
            "gate.clock_offset",
        ]
            as [Code]
        {
            #expect(report.answers[code, default: 0] > 0, "\(code)")
        }
    }

    @Test func whatMustNotBeRepairedIsLeftAlone() throws {
        var setup = setup(days: 120)
        setup.haste = 5
        let report = try LabSetup.simulate(setup, Scenario.all.filter { !$0.isHealable })
        for (scenario, tally) in zip(report.scenarios, report.tallies) where tally.faults > tally.alone + tally.open {
            #expect(tally.otherwise == 0, "\(scenario.id)")
        }
        #expect(report.total.asExpected > 50)
        #expect(report.total.harm == 0)
    }

    @Test func theSameSeedGivesTheSameTableByteForByte() throws {
        let (first, second) = (try LabSetup.simulate(setup(hosts: 40, days: 20)), try LabSetup.simulate(setup(hosts: 40, days: 20)))
        #expect(first.table == second.table)
        #expect(try first.json.canonicalBytes() == second.json.canonicalBytes())
        #expect(try LabSetup.simulate(setup(hosts: 40, days: 20, seed: 2)).table != first.table)
    }

    @Test func nothingGrowsWithTime() throws {
        let report = try LabSetup.simulate(setup(hosts: 30, days: 361))
        #expect(report.pending.count == 12)
        let (first, last) = (try #require(report.pending.first), try #require(report.pending.last))
        #expect(last < first * 2, "\(report.pending)")
    }

    @Test func whatL2DoesWellBecomesARule() throws {
        var setup = setup(hosts: 200, days: 240)
        setup.haste = 2
        let left = Scenario.all.filter(\.course.isLeftToL2)
        let report = try LabSetup.simulate(setup, left)
        #expect(report.promotions > 0)
        #expect(report.total.byL1 > 0)
        #expect(report.total.byL2 > 0)
        #expect(report.total.harm == 0)
        setup.learns = false
        #expect(try LabSetup.simulate(setup, left).total.byL1 == 0)
    }
}
