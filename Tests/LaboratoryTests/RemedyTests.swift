import Model
import Testing

@testable import Laboratory

/// What repairs a simulated fault is what a person's rule says of it, and nothing else.
@Suite struct RemedyTests {
    private let remedies: [ScenarioID: Remedy]

    init() throws {
        let world = try SimulatedWorld(
            Scenario.all, SiteValues.applied(to: LabSetup.catalog.get()), SimulationSetup(hosts: 2, days: 1, seed: 1))
        remedies = Dictionary(
            uniqueKeysWithValues: zip(Scenario.all, world.remedies).compactMap { scenario, remedy in
                remedy.map { (scenario.id, $0) }
            })
    }

    @Test func thereIsOneWhereARuleRepairsAndNoneWhereNoneDoes() {
        for scenario in Scenario.all {
            let isRepaired =
                switch scenario.ending {
                case .healed, .waits: true
                case .handedOver(let code): code.description.hasPrefix("gate.")
                case .unseen, .accepted: false
                }
            #expect((remedies[scenario.id] != nil) == isRepaired, "\(scenario.id)")
        }
    }

    @Test func whatRepairsOneDriftOfACheckRepairsNoOther() {
        #expect(remedies["service.stopped"] != remedies["service.disabled"])
        #expect(remedies["ssh.root_login"] != remedies["ssh.passwords"])
        #expect(remedies["permission.modes"] != remedies["permission.world_writable"])
    }
}
