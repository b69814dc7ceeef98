import Catalog
import Conditions
import Detection
import Foundation
import Glibc
import Healing
import Hosts
import Model
import RootHands
import Seal
import Synchronization
import TestSupport

/// A machine with two files to be kept at mode 0640, and a `martlet-hands` with its own files, keys and socket.
final class Box: Sendable {
    static let check: CheckID = "linux.files.permissions"
    static let runbook: RunbookID = "linux.files.set_mode"
    let directory: TemporaryDirectory
    let catalogKey = SigningKey()
    let clock: WallClock
    private let running = Mutex<HandsProcess?>(nil)
    let log = Mutex<[String]>([])

    init(clock: WallClock = .system) throws {
        directory = try TemporaryDirectory()
        self.clock = clock
        for path in paths { try Data("x".utf8).write(to: URL(filePath: path)) }
        drift()
        try Data(catalogKey.verifyingKey.pem.utf8).write(to: URL(filePath: configuration.catalogKey))
        chmod(configuration.catalogKey, 0o644)
    }

    deinit { running.withLock { $0?.stop() } }

    var paths: [String] { ["one", "two"].map(directory.file) }
    var socket: String { directory.file("hands.sock") }
    var entries: [String] { paths.map { "\($0) 0640 root root" } }
    func drift() { for path in paths { chmod(path, 0o666) } }
    var modes: [UInt32] {
        paths.map { path in
            var status = stat()
            lstat(path, &status)
            return status.st_mode & 0o7777
        }
    }

    var configuration: HandsConfiguration {
        var configuration = HandsConfiguration()
        configuration.user = "root"
        configuration.host = "here"
        configuration.catalogKey = directory.file("catalog.pem")
        configuration.socket = socket
        configuration.stateDirectory = directory.file("hands")
        configuration.pauseFiles = [directory.file("pause")]
        return configuration
    }

    /// Listens from the moment of return on.
    func start(_ change: (inout HandsConfiguration) -> Void = { _ in }) throws {
        var configuration = configuration
        change(&configuration)
        let process = try HandsProcess.build(configuration, environment: [:], clock: clock) { [weak self] line in
            self?.log.withLock { $0.append(line) }
        }
        running.withLock { $0 = process }
        let thread = Thread { process.run() }
        thread.start()
    }

    func stop() {
        running.withLock { $0?.stop() }
        unlink(socket)
    }

    /// One check of both files, and a runbook of a step for each.
    func catalog(version: Int64 = 1, retitled: String = "Set the modes") -> CompiledCatalog {
        let files = ParameterDefinition(type: .strings, summary: "Files.", default: .strings(entries))
        let directories = ParameterDefinition(type: .strings, summary: "Where to search.", default: .strings([paths[0]]))
        let definition = CheckDefinition(
            id: Self.check, title: "File permissions", probe: "files", platforms: ["linux"], severity: .high, interval: .seconds(60),
            staleAfter: .seconds(600), phiRisk: "low", parameters: ["files": files, "directories": directories], notApplicable: [],
            drift: [Clause(code: "files.wrong", condition: .exists("files.first_wrong_path"))], requires: [], controls: [])
        let one = ParameterDefinition(
            type: .strings, summary: "The first.", pattern: "/tmp/martlet-test-[A-Za-z0-9]{6}/[a-z]+ 0640 root root")
        let two = ParameterDefinition(type: .strings, summary: "The second.", default: .strings([entries[1]]))
        let book = RunbookDefinition(
            id: Self.runbook, title: retitled, checks: [Self.check], platforms: ["linux"], parameters: ["one": one, "two": two],
            steps: ["one", "two"].map { StepDefinition(verb: "file.set_mode", arguments: ["files": .parameter($0)]) },
            isDisruptive: false, needsReboot: false, needsApproval: false, needsWindow: false, timeout: .seconds(60), retries: 0)
        return CompiledCatalog(
            version: version, digest: .genesis, checks: [Self.check: definition], rules: [], runbooks: [Self.runbook: book],
            runbookDigests: [:], baselines: [:])
    }

    func pack(_ catalog: CompiledCatalog, by key: SigningKey? = nil) throws -> [UInt8] {
        CatalogPack.sign(try CatalogPack.encode(catalog, schema: .code()), with: key ?? catalogKey)
    }

    /// The appliance's side: its verified catalog, and this machine through the socket.
    func client(_ catalog: CompiledCatalog? = nil, by key: SigningKey? = nil) throws -> Client {
        let pack = try pack(catalog ?? self.catalog(), by: key)
        let opened = try CatalogPack.open(pack, keys: [(key ?? catalogKey).verifyingKey], schema: .code())
        return Client(
            catalog: opened,
            host: HandsHost(
                id: "here", socket: socket, baseline: "default", catalog: .init(digest: { opened.digest }, pack: { pack })),
            box: self)
    }
}

struct Client: Sendable {
    let catalog: CompiledCatalog
    let host: HandsHost
    let box: Box

    var runbook: RunbookDefinition { catalog.runbooks[Box.runbook]! }

    func look(on other: (any Hosts.Host)? = nil) async -> Observation {
        let scanner = Scanner(parameters: { catalog.parameters(of: $0, baseline: nil) }, clock: box.clock)
        let request = Scanner.Request(host: other ?? host, checks: [catalog.checks[Box.check]!])
        return await scanner.scan(request)[0]
    }

    func plan(
        host: HostID = "here", check: CheckID = Box.check, runbook: RunbookID = Box.runbook, digest: Digest? = nil,
        parameters: [String: TypedValue]? = nil
    ) -> Plan {
        Plan(
            id: PlanID(at: box.clock.now()), host: host, check: check, incident: nil, order: nil, tier: .l1, proposer: "rule:T",
            runbook: runbook, runbookDigest: digest ?? catalog.runbookDigests[Box.runbook]!,
            parameters: parameters ?? ["one": .strings([box.entries[0]])], isDisruptive: false, made: box.clock.now())
    }

    func call(_ plan: Plan, _ number: Int = 0, files: [String]? = nil) -> StepCall {
        StepCall(
            plan: plan, number: number,
            step: Intent.Step(verb: "file.set_mode", arguments: ["files": .strings(files ?? [box.entries[number]])]),
            deadline: Deadline(in: .seconds(60), by: box.clock))
    }

    func executor(_ intents: any IntentStore) -> Executor {
        Executor(verbs: VerbRegistry(), intents: intents, clock: box.clock, documents: [:])
    }

    func heal(_ intents: any IntentStore, through other: (any Hosts.Host)? = nil) async -> HealingResult {
        let plan = plan()
        return await executor(intents).run(
            plan, runbook: runbook, runbookDigest: plan.runbookDigest, on: other ?? host, preState: Facts(), recheck: { await look() })
    }
}

/// Intents as the appliance keeps them: canonical bytes.
final class KeptIntents: IntentStore {
    private let rows = Mutex<[PlanID: [UInt8]]>([:])

    func save(_ intent: Intent) async throws {
        let bytes = try intent.json.canonicalBytes()
        rows.withLock { $0[intent.plan.id] = bytes }
    }

    func unfinished() async throws -> [Intent] {
        try rows.withLock { rows in
            try rows.values.map { try Intent(json: JSONValue(parsing: $0, limits: JSONLimits(bytesMax: 4 << 20))) }
        }
    }

    var text: String { rows.withLock { $0.values.map { String(decoding: $0, as: UTF8.self) }.joined() } }
}
