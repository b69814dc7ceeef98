import ArgumentParser
import Catalog
import Foundation
import Healing
import Laboratory
import Model
import Seal
import UnixSignals

/// `martlet lab`: many hosts that drift, and what becomes of each drift. Simulated, or with `--real` on practice hosts.
struct LabCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab", abstract: "Break hosts in known ways and say what was healed, how fast, and whether anything was harmed.",
        discussion: """
            Simulated by default: a year of a thousand hosts, the same for the same seed. Exits 1 where something was harmed; with --real \
            also where something that can be healed was not. docs/lab.md says what the columns mean.
            """)

    @Flag(help: "On practice hosts, with a real Central and a real appliance.") var real = false
    @Option(help: "Simulated hosts, 2 to 100000 (1000); or real ones beside the clinical device, as many as the scenarios need at least.")
    var hosts: Int?
    @Option(help: "Simulated days, 1 to 3660.") var days = 365
    @Option(help: "The same seed gives the same table.") var seed: UInt64 = 1
    @Option(name: .customLong("scenario"), parsing: .upToNextOption, help: "Only these scenarios; a family means all of it.") var wanted:
        [String] = []
    @Option(help: "The repository's root: its Catalog and scripts are used.") var repository = FileManager.default.currentDirectoryPath
    @Option(help: "0 to 200: keeps this laboratory's hosts apart from those of others on the same machine.") var instance = 101
    @Flag(help: "List the scenarios and do nothing.") var list = false
    @Flag(help: "Print a JSON object.") var json = false

    func validate() throws {
        if real {
            guard (1...20).contains(hosts ?? 1) else { throw ValidationError("--hosts must be within 1 and 20 with --real") }
        } else {
            guard SimulationSetup.hostsRange.contains(hosts ?? 2) else { throw ValidationError("--hosts must be within 2 and 100000") }
        }
        guard SimulationSetup.daysRange.contains(days) else { throw ValidationError("--days must be within 1 and 3660") }
        for name in wanted where !Scenario.all.contains(where: { $0.isNamed(name) }) {
            throw ValidationError("there is no scenario or family \(name); see martlet lab --list")
        }
        guard !real || scenarios.contains(where: { $0.rehearsal != nil }) else {
            throw ValidationError("none of these can be had on practice hosts; see martlet lab --list")
        }
    }

    private var scenarios: [Scenario] {
        Scenario.all.filter { scenario in wanted.isEmpty || wanted.contains(where: scenario.isNamed) }
    }

    func run() async throws {
        if list { return print(Self.list(scenarios)) }
        if real { try await rehearse(scenarios) } else { try simulate(scenarios) }
    }

    private func simulate(_ scenarios: [Scenario]) throws {
        let catalog = try CatalogFolder.load(repository + "/Catalog")
        let setup = SimulationSetup(hosts: hosts ?? 1_000, days: days, seed: seed)
        var simulation = try Simulation(setup, scenarios: scenarios, catalog: catalog, schema: .code())
        let began = ContinuousClock.now
        let report = simulation.run { month in
            // What differs from run to run is told apart from the table.
            complain("month \(month): \((ContinuousClock.now - began).wholeSeconds) s, \((ProcessMemory.resident ?? 0) >> 20) MiB")
        }
        print(json ? String(decoding: try report.json.canonicalBytes(), as: UTF8.self) : report.table)
        if report.total.harm > 0 { throw ExitCode(1) }
    }

    /// Whatever happens, also where somebody interrupts it: no host and no process stays.
    private func rehearse(_ scenarios: [Scenario]) async throws {
        if let obstacle = await PracticeHosts.whyImpossible(repository: repository) {
            complain("This machine cannot run practice hosts (\(obstacle)); nothing was done.")
            throw ExitCode(69)
        }
        let narrator = Narrator(isQuiet: json)
        let folder = try DemoCommand.temporaryFolder()
        let (repository, instance, hosts) = (repository, instance, hosts ?? 1)
        let binaries = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
        let work = Task {
            let lab = try await RealLab.prepare(
                Rota(scenarios, hosts: hosts), directory: folder, repository: repository, binaries: binaries, instance: instance,
                narrator: narrator)
            do {
                let report = try await lab.play()
                await lab.end()
                return report
            } catch {
                await lab.end()
                throw error
            }
        }
        let interruption = Task {
            for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { work.cancel() }
        }
        let outcome = await work.result
        interruption.cancel()
        await PracticeHosts.shutDown(repository: repository, instance: instance)
        switch outcome {
        case .success(let report):
            print(json ? String(decoding: try report.json.canonicalBytes(), as: UTF8.self) : report.table)
            if report.harm > 0 || report.failed > 0 { throw ExitCode(1) }
            try? FileManager.default.removeItem(atPath: folder)
        case .failure(let error):
            complain("The laboratory ended early: \(error)\nLogs: \(folder)")
            throw ExitCode(1)
        }
    }

    private static func list(_ scenarios: [Scenario]) -> String {
        scenarios.map { scenario in
            let world = scenario.rehearsal == nil ? "simulated" : "simulated, real"
            return
                "\(scenario.id)\t\(scenario.title)\t\(scenario.check) \(scenario.code?.description ?? "-")\t\(scenario.ending.text)\t\(world)"
        }.joined(separator: "\n")
    }
}
