import Catalog
import Healing
import Laboratory

/// A simulated year of a thousand hosts: how long it takes, and whether it holds more at its end than after its first month.
enum LabBenchmark {
    static func run() throws -> [Line] {
        let catalog = try CatalogLoader.load(directory: "Catalog", schema: .code(), version: 1)
        var simulation = try Simulation(SimulationSetup(hosts: 1_000, days: 365, seed: 1), catalog: catalog, schema: .code())
        var resident: [Int] = []
        let clock = ContinuousClock()
        let began = clock.now
        let report = simulation.run { _ in resident.append(ProcessMemory.resident ?? 0) }
        let seconds = (clock.now - began).inSeconds
        let (first, last) = (Double(resident.first ?? 0) / 1_048_576, Double(resident.last ?? 0) / 1_048_576)
        return [
            Line(
                what: "a year of 1,000 hosts, simulated", value: "\(seconds.readable) s",
                peer: "\(report.events) events, \(report.total.faults) faults, harm \(report.total.harm)",
                isReached: seconds < 300 && report.total.harm == 0),
            Line(
                what: "memory after the first month and the twelfth", value: "\(first.readable) MiB", peer: "\(last.readable) MiB",
                isReached: last <= first * 1.1 + 4),
        ]
    }
}
