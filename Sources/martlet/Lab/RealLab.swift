import Catalog
import Central
import Database
import Evidence
import Foundation
import Healing
import Hosts
import Laboratory
import Model
import Reports
import Seal

/// The scenarios on practice hosts with a real Central and a real appliance; nothing is simulated but what a container has not.
struct RealLab {
    private let directory: String
    private let repository: String
    private let instance: Int
    private let rota: Rota
    private let narrator: Narrator
    private let steps: [RunbookID: Int]
    private let central: DemoCentral
    private let practice: PracticeHosts
    private let box: PracticeBox
    private let board = EvidenceBoard()

    // MARK: Life

    static func prepare(
        _ rota: Rota, directory: String, repository: String, binaries: String, instance: Int, narrator: Narrator
    ) async throws -> RealLab {
        let catalog = try CatalogLoader.load(directory: repository + "/Catalog", schema: .code(), version: 1)
        guard let firewall = catalog.baselines["default"]?.documents["nftables.ruleset"] else {
            throw DemoFailure("the default baseline has no nftables.ruleset")
        }
        // Always there: it is the others' time server, and the catalog may be tried on it, but nothing is repaired on it.
        let names = rota.ordinary.indices.map { HostID("ward-\($0 + 1)") ?? "ward" } + ["imaging"]
        let practice = try await PracticeHosts.boot(
            names, repository: repository, instance: instance, firewall: firewall, state: directory + "/ssh")
        narrator.tell("\(names.count) hosts boot Debian under their own systemd; the last is a clinical device")
        let server = practice["imaging"].address.host
        let shared = try String(contentsOfFile: repository + "/scripts/lab/practice.sh", encoding: .utf8)
        let own = try String(contentsOfFile: repository + "/Deploy/demo/laboratory.sh", encoding: .utf8)
        for (index, name) in names.enumerated().reversed() {
            let hand = LabHand(repository: repository, instance: instance, number: index + 1, host: name)
            try await hand.run(shared)
            try await hand.run(own, [name == "imaging" ? "serve" : server])
        }
        try FileManager.default.createDirectory(
            atPath: directory + "/central", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let central = try await DemoCentral(directory: directory + "/central", databaseURL: nil, binaries: binaries)
        let lab = RealLab(
            directory: directory, repository: repository, instance: instance, rota: rota, narrator: narrator,
            steps: catalog.runbooks.mapValues(\.steps.count), central: central, practice: practice,
            box: PracticeBox(directory: directory, binaries: binaries))
        do {
            try await lab.join(
                SiteValues.applied(to: catalog, others: ["host.time.sync": ["servers": .strings([server])]]))
        } catch {
            await lab.end()
            throw error
        }
        return lab
    }

    private init(
        directory: String, repository: String, instance: Int, rota: Rota, narrator: Narrator, steps: [RunbookID: Int],
        central: DemoCentral, practice: PracticeHosts, box: PracticeBox
    ) {
        self.directory = directory
        self.repository = repository
        self.instance = instance
        self.rota = rota
        self.narrator = narrator
        self.steps = steps
        self.central = central
        self.practice = practice
        self.box = box
    }

    func end() async {
        box.process.stop()
        central.stop()
        central.witness.stop()
        await central.services.database.close()
        for member in practice.members { await member.host.disconnect() }
    }

    private func join(_ catalog: CompiledCatalog) async throws {
        try await central.start()
        guard let signer = central.services.keys.catalogSigner else { throw CentralError.notFound("catalog key") }
        _ = try await central.publish(CatalogPack.sign(CatalogPack.encode(catalog, schema: .code()), with: signer))
        let isClosed = rota.ordinary.joined().contains { $0.place == .outsideWindow }
        try configure(window: isClosed ? PracticeBox.closedWindow(at: WallClock.system.now()) : "00:00-24:00")
        try await box.enrol(at: central.enrollmentURL, with: central.makeClaimCode())
        try await central.findAppliance()
        try box.process.start()
        narrator.tell("Central (pid \(central.identifier ?? 0)) and the appliance (pid \(box.process.identifier ?? 0)) run")
        try await firstLook(checks: catalog.checks.count)
    }

    private func configure(window: String) throws {
        try box.configure(
            PracticeBox.Settings(
                window: window, clinical: ["imaging"],
                // More in an hour than a practice sees in a month; the hosts' clock is this machine's, and nobody is asked for it.
                more: "healing: {actionsPerHourMax: 200, unknownClock: allow}\nevidence: {heartbeat: 1m}"), practice.members)
    }

    /// Every check has a verdict everywhere, and what drifts from the beginning is a person's.
    private func firstLook(checks: Int) async throws {
        try await eventually("a verdict of every check on every host", within: .seconds(180)) {
            await board.add(try await central.newEvidence())
            let (verdicts, handedOver) = (await board.verdicts, await board.handedOver)
            return verdicts.count >= checks * practice.members.count
                && verdicts.allSatisfy { $0.value.word != "drift" || handedOver.contains($0.key) }
        }
        let verdicts = await board.verdicts
        let places = zip(practice.members, rota.ordinary + [rota.clinical]).flatMap { member, list in
            list.map { "\(member.id) \($0.check)" }
        }
        let wrong = Set(places.filter { verdicts[$0] != .compliant }).sorted()
        guard wrong.isEmpty else {
            throw DemoFailure("not at the baseline before anything was broken: \(wrong.joined(separator: ", "))")
        }
        narrator.tell("the first look: \(verdicts.count) verdicts; every check that is tried passes")
    }

    // MARK: Playing

    /// Each host's scenarios one after another, all hosts at once. What waits for the window comes first, while it is closed.
    func play() async throws -> RealLabReport {
        let lists = rota.ordinary + [rota.clinical]
        let closed = WindowGate(waiting: Set(lists.joined().filter { $0.place == .outsideWindow }.map(\.id)))
        let signal = LookSignal()
        signal.aim(at: box.process.identifier)
        var results = try await withThrowingTaskGroup(of: [RehearsalRun.Result].self) { group in
            for (index, list) in lists.enumerated() {
                let runs = list.compactMap { run($0, on: index, signal, closed) }
                let narrator = narrator
                group.addTask { [board] in
                    let results = await Self.play(runs, closed, narrator)
                    await board.finish()
                    return results
                }
            }
            // Central and the box are this task's; the others see evidence only.
            while await board.finished < lists.count {
                try Task.checkCancellation()
                await board.add(try await central.newEvidence())
                if await closed.isDue {
                    signal.aim(at: nil)
                    box.process.stop()
                    try configure(window: "00:00-24:00")
                    try box.process.start()
                    try await box.process.hangUp()
                    signal.aim(at: box.process.identifier)
                    await closed.open()
                    narrator.tell("the maintenance window opens", .note)
                }
                try await Task.sleep(for: .milliseconds(200))
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        for (member, list) in zip(practice.members, lists) {
            for scenario in list where !results.contains(where: { $0.scenario.id == scenario.id }) {
                results.append(RehearsalRun.Result(scenario: scenario, host: member.id, failure: "not played"))
            }
        }
        let order = Dictionary(uniqueKeysWithValues: Scenario.all.enumerated().map { ($1.id, $0) })
        results.sort { order[$0.scenario.id, default: 0] < order[$1.scenario.id, default: 0] }
        return RealLabReport(results: results, bundles: try await verifiedBundles())
    }

    private func run(_ scenario: Scenario, on index: Int, _ signal: LookSignal, _ window: WindowGate) -> RehearsalRun? {
        guard let rehearsal = scenario.rehearsal else { return nil }
        let member = practice.members[index]
        let hand = LabHand(repository: repository, instance: instance, number: index + 1, host: member.id)
        return RehearsalRun(
            scenario: scenario, rehearsal: rehearsal, hand: hand, host: member.host, board: board, signal: signal,
            steps: steps, openWindow: { try await window.pass(scenario.id) })
    }

    private static func play(_ runs: [RehearsalRun], _ window: WindowGate, _ narrator: Narrator) async -> [RehearsalRun.Result] {
        var results: [RehearsalRun.Result] = []
        for run in runs where !Task.isCancelled {
            if run.scenario.place != .outsideWindow { guard (try? await window.pass(nil)) != nil else { break } }
            let result = await run.play()
            // Also where it came to nothing: the others wait for it.
            await window.arrive(run.scenario.id)
            narrator.tell(RealLabReport.line(result), result.isGood ? .done : .refused)
            results.append(result)
        }
        return results
    }

    /// How many bundles an auditor's program verifies in the site's kit, without Central.
    private func verifiedBundles() async throws -> Int {
        await board.add(try await central.newEvidence())
        let path = directory + "/laboratory.zip"
        let summary = try await central.packet(to: path)
        let report = await KitVerifier(trust: .keyID(summary.manifestKey), workers: ProcessInfo.processInfo.activeProcessorCount).verify(
            path)
        guard report.exitCode == 0 else { throw DemoFailure("the kit does not verify:\n\(report.table)") }
        return report.appliances.reduce(0) { $0 + $1.verified }
    }
}

/// Opens when all that wait for it have come.
actor WindowGate {
    private var waiting: Set<ScenarioID>
    private(set) var isOpen: Bool

    init(waiting: Set<ScenarioID>) {
        self.waiting = waiting
        isOpen = waiting.isEmpty
    }

    var isDue: Bool { !isOpen && waiting.isEmpty }
    func open() { isOpen = true }
    func arrive(_ scenario: ScenarioID) { waiting.remove(scenario) }

    nonisolated func pass(_ scenario: ScenarioID?) async throws {
        if let scenario { await arrive(scenario) }
        try await eventually("the maintenance window to open", within: .seconds(600)) { await self.isOpen }
    }
}
