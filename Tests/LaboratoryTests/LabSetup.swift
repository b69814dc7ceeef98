import Catalog
import Healing
import Laboratory
import Model

enum LabSetup {
    /// As it is shipped.
    static let catalog = Result {
        try CatalogLoader.load(
            directory: String(#filePath.dropLast("Tests/LaboratoryTests/LabSetup.swift".utf8.count)) + "Catalog", schema: .code(),
            version: 1)
    }

    static func simulate(_ setup: SimulationSetup, _ scenarios: [Scenario] = Scenario.all) throws -> SimulationReport {
        var simulation = try Simulation(setup, scenarios: scenarios, catalog: catalog.get(), schema: .code())
        return simulation.run()
    }
}
