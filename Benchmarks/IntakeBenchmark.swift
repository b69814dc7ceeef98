import Appliance
import Central
import Database
import Evidence
import Logging
import Model
import Seal
import ServiceLifecycle
import TestSupport
import TransparencyLog
import Wire

/// A whole Central in this process: evidence over mutual TLS until its receipt, on both databases; and its log.
///
/// The senders share the machine with it, and their bundles were made before: what is measured is less than Central could do alone.
enum IntakeBenchmark {
    private static let senders = 32
    private static let batch = 50

    static func run() async throws -> [Line] {
        var lines: [Line] = []
        for engine in TestEngine.allCases { lines += try await run(engine) }
        return lines
    }

    private static func run(_ engine: TestEngine) async throws -> [Line] {
        let scratch = try ScratchDirectory()
        defer { scratch.remove() }
        let database = try await TestDatabase(engine)
        let central = try await RunningCentral(scratch.path, databaseURL: engine == .sqlite ? nil : database.url)
        var boxes: [Sender] = []
        for number in 0..<senders { boxes.append(try await central.enroll(scratch.path + "/box\(number)")) }

        let most = try boxes.indices.map { try boxes[$0].seal(batches: 30, of: batch) }
        let clock = ContinuousClock()
        let all = boxes
        let taken = try await clock.measure {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (box, work) in zip(all, most) {
                    group.addTask { for bundles in work { try await box.submit(bundles) } }
                }
                try await group.waitForAll()
            }
        }
        let rate = Double(senders * 30 * batch) / taken.inSeconds

        // Half of what is asked for, evenly: each sender has its own place in a round.
        let even = try boxes.indices.map { try boxes[$0].seal(batches: 6, of: batch) }
        let settled = boxes
        let gap = Duration.seconds(Double(batch) / 3_000)
        let start = clock.now
        let latencies = try await withThrowingTaskGroup(of: [Double].self) { group in
            for (number, (box, work)) in zip(settled, even).enumerated() {
                group.addTask {
                    var waited: [Double] = []
                    for (round, bundles) in work.enumerated() {
                        let due = start + gap * (round * senders + number)
                        try await clock.sleep(until: due)
                        try await box.submit(bundles)
                        // From when it was due, not from when it could be sent.
                        waited.append((clock.now - due).inSeconds * 1_000)
                    }
                    return waited
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let sorted = latencies.sorted()
        let p99 = sorted[sorted.count * 99 / 100]
        for box in boxes { await box.close() }
        let leaves = try await central.logRate()
        try await central.stop()
        withExtendedLifetime(database) {}
        return [
            Line(
                what: "\(engine): bundles taken in until their receipt", value: "\(rate.readable)/s",
                peer: "\(senders) senders over mutual TLS, \(batch) each time", isReached: rate >= 6_000),
            Line(
                what: "\(engine): p99 of a submission at 3,000 bundles/s", value: "\(p99.readable) ms",
                peer: "median \(sorted[sorted.count / 2].readable) ms", isReached: p99 < 500),
            Line(
                what: "\(engine): leaves into the log, from row to checkpoint", value: "\(leaves.readable)/s",
                peer: "rows, tiles and checkpoint durable", isReached: leaves >= 50_000),
        ]
    }
}

/// As `martlet-central` runs it.
final class RunningCentral: Sendable {
    let process: CentralProcess
    private let group: ServiceGroup
    private let task: Task<Void, any Error>
    private let web: Int
    static let person = OperatorCredential(localUser: "bench")

    /// - Parameters:
    ///   - hasRecurringWork: whether it archives, prunes and watches beside its requests.
    ///   - certificateLifetime: of appliances.
    init(
        _ directory: String, databaseURL: String?, clock: WallClock = .system, hasRecurringWork: Bool = true,
        certificateLifetime: Duration? = nil
    ) async throws {
        var configuration = CentralConfiguration(dataDirectory: directory + "/central", databaseURL: databaseURL)
        configuration.webPort = 0
        configuration.appliancePort = 0
        configuration.names = ["127.0.0.1"]
        _ = try CentralKeys.create(in: configuration.dataDirectory, at: WallClock.system.now())
        var logger = Logger(label: "central")
        // A clock that is moved by years makes alerts that mean nothing.
        logger.logLevel = hasRecurringWork ? .error : .critical
        if let certificateLifetime { configuration.clientCertificateLifetime = certificateLifetime }
        let process = try await CentralProcess.build(configuration, clock: clock, logger: logger)
        self.process = process
        let services = process.run.filter { hasRecurringWork || !($0 is RecurringWork) }
        let group = ServiceGroup(configuration: .init(services: services, logger: logger))
        self.group = group
        task = Task { try await group.run() }
        web = await process.ports().web
    }

    func enroll(_ directory: String) async throws -> Sender {
        let organization = try await process.services.tenants.createOrganization("Practice \(directory)", by: Self.person)
        let scope = TenantScope(Self.person, organization: organization.id)
        return try await enroll(directory, at: try await process.services.tenants.createSite("Main street", in: scope), scope)
    }

    func enroll(_ directory: String, at site: Site, _ scope: TenantScope) async throws -> Sender {
        let services = process.services
        let claim = ClaimCode(authority: Digest(of: services.keys.authority.der))
        try await services.claims.create(
            secret: claim.secret, site: site.id, scope: scope, lifetime: .seconds(3_600), by: Self.person)
        let configuration = ApplianceConfiguration(directory: StateDirectory(directory))
        try configuration.directory.prepare()
        let database = try SQLiteDatabase(path: configuration.directory.database, readers: 0)
        try await ApplianceSchema.migrator.migrate(database, now: WallClock.system.now)
        let enrollment = Enrollment(directory: configuration.directory, database: database, hostname: "bench", softwareVersion: "0.1.0")
        let identity = try await enrollment.run(central: "https://127.0.0.1:\(web)", code: claim.text)
        await database.close()
        let key = try SigningKey(contentsOf: configuration.directory.evidenceKey)
        return Sender(
            identity: identity, key: key,
            link: CentralLink(
                identity: identity, configuration: configuration, enrollmentURL: nil, evidenceKey: key, clock: .system, faults: .none))
    }

    /// Leaves per second, with rows of 4,096 at a time as a busy intake makes them.
    func logRate() async throws -> Double {
        try await process.integrateLog()
        let count = 65_536
        let signer = Digest(of: [1])
        let entries = (0..<count).map { LogEntry(document: Digest(of: Array("document \($0)".utf8)), signerDigest: signer) }
        let taken = try await ContinuousClock().measure {
            for start in stride(from: 0, to: count, by: 4_096) {
                let some = Array(entries[start..<(start + 4_096)])
                _ = try await process.services.database.write { try LogSequence.append(some, in: $0) }
            }
            try await process.integrateLog()
        }
        return Double(count) / taken.inSeconds
    }

    func stop() async throws {
        await group.triggerGracefulShutdown()
        try await task.value
    }
}

/// An enrolled appliance's chain and its connection.
struct Sender {
    let identity: Identity
    let key: SigningKey
    fileprivate let link: CentralLink
    private var next = ChainLink(sequence: 0, previous: .genesis)

    fileprivate init(identity: Identity, key: SigningKey, link: CentralLink) {
        (self.identity, self.key, self.link) = (identity, key, link)
    }

    mutating func seal(batches: Int, of count: Int) throws -> [[SignedBundle]] {
        let sealer = BundleSealer(key: key)
        // Of now, when this key is valid.
        let now = WallClock.system.now()
        let sample = Samples.bundle(at: now)
        return try (0..<batches).map { _ in
            try (0..<count).map { _ in
                var bundle = sample
                bundle.id = BundleID(at: now)
                bundle.origin.site = identity.site
                bundle.origin.appliance = identity.appliance
                let (signed, digest) = try sealer.seal(bundle, at: next)
                next = ChainLink(sequence: next.sequence + 1, previous: digest)
                return signed
            }
        }
    }

    func submit(_ bundles: [SignedBundle]) async throws {
        let reply = try await link.client().submit(EvidenceSubmission(bundles: bundles))
        guard reply.refusal == nil, reply.receipt != nil else {
            throw BenchmarkFault("Central refused: \(String(describing: reply.refusal))")
        }
    }

    func close() async { await link.close() }
}
