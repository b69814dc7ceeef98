import Model
import Testing

@testable import Laboratory

/// The queue of events leaves nothing out: what a model without one counts, it counts.
@Suite struct NaiveModelTests {
    @Test func theQueueAgreesWithAModelThatLooksAtEverythingEverySecond() throws {
        var setup = SimulationSetup(hosts: 6, days: 1, seed: 2)
        setup.hostsPerSite = 3
        setup.haste = 400
        setup.learns = false
        let families: Set<Scenario.Family> = [.service, .permission, .package, .time, .account]
        let scenarios = Scenario.all.filter { families.contains($0.family) && !$0.course.isLeftToL2 }
        let catalog = try LabSetup.catalog.get()
        let world = try SimulatedWorld(scenarios, SiteValues.applied(to: catalog), setup)
        var naive = NaiveModel(setup, scenarios, catalog) { world.lookedBefore($0, on: $1, seed: setup.seed) }
        naive.run()
        let report = try LabSetup.simulate(setup, scenarios)
        #expect(report.total.faults > 30)
        for (scenario, (queued, plain)) in zip(scenarios, zip(report.tallies, naive.tallies)) {
            #expect(queued == plain, "\(scenario.id)")
        }
    }
}
