import Appliance
import Central
import Compliance
import Evidence
import Model
import Seal
import Synchronization
import TestSupport
import Wire

/// Questions about an instant to a Central that holds a million bundles of one site, on both databases: 20 hosts with 60 checks each, looked at
/// by two appliances over six years. All of it came in as the appliance API takes it in, signatures and all; only the network is left out.
enum AsOfBenchmark {
    private static let bundles = 1_000_000
    private static let hosts = (0..<20).map { HostID("host-\($0)")! }
    private static let checks = (0..<60).map { CheckID("area.check.c\($0)")! }
    private static let years: Duration = .seconds(6 * 365 * 86_400)

    static func run() async throws -> [Line] {
        let scratch = try ScratchDirectory()
        defer { scratch.remove() }
        let clock = MovingClock()
        let start = clock.now
        var sites: [FilledSite] = []
        for engine in TestEngine.allCases { sites.append(try await FilledSite(engine, scratch.path, clock)) }
        let taken = try await ContinuousClock().measure { try await fill(sites, clock, from: start) }
        var lines = [
            Line(
                what: "a million bundles taken in, on both databases", value: "\(taken.inSeconds.readable) s",
                peer: "\((Double(2 * bundles) / taken.inSeconds).readable) bundles/s, without TLS", isReached: nil)
        ]
        for site in sites {
            lines += try await ask(site, from: start)
            try await site.stop()
        }
        return lines
    }

    /// Each chain goes to every database, and is written while the other is signed.
    private static func fill(_ sites: [FilledSite], _ clock: MovingClock, from start: Timestamp) async throws {
        let batch = 2_000
        let count = bundles / 2
        let step = years / bundles
        let chains = (0..<2).map { part in
            sites.map { Chain(sender: $0.boxes[part], hosts: hosts.filter { hosts.firstIndex(of: $0)! % 2 == part }) }
        }
        for first in stride(from: 0, to: count, by: batch) {
            // What a bundle says is never newer than when it is received.
            clock.move(to: start + step * (2 * (first + batch)))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for part in chains {
                    for (site, chain) in zip(sites, part) {
                        group.addTask {
                            let made = try (first..<(first + batch)).map { try chain.next($0, at: start + step * (2 * $0)) }
                            let reply = try await site.central.process.take(made, from: chain.sender.identity.appliance)
                            guard reply.refusal == nil, reply.receipt != nil else {
                                throw BenchmarkFault("Central refused: \(String(describing: reply.refusal))")
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    private static func ask(_ site: FilledSite, from start: Timestamp) async throws -> [Line] {
        let postures = site.central.process.services.postures
        var random = SplitMix(state: 11)
        // Not the first weeks, in which not every check was seen.
        func instant() -> Timestamp {
            let whole = years.components.seconds
            return start + .seconds(Int64.random(in: whole / 50..<whole, using: &random))
        }
        var (posture, changes, since): ([Double], [Double], [Double]) = ([], [], [])
        var proofs = 0
        func timed(_ figures: inout [Double], _ ask: () async throws -> Void) async throws {
            let taken = try await ContinuousClock().measure { try await ask() }
            figures.append(taken.inSeconds * 1_000)
        }
        for _ in 0..<200 {
            let at = instant()
            try await timed(&posture) {
                let items = try await postures.posture(of: site.site.id, at: at, in: site.scope)
                guard items.count == hosts.count * checks.count, items.allSatisfy({ !$0.answer.proof.isEmpty }) else {
                    throw BenchmarkFault("a posture of \(items.count) checks")
                }
                proofs += items.reduce(0) { $0 + $1.answer.proof.count }
            }
            let (one, other) = (instant(), instant())
            try await timed(&changes) {
                _ = try await postures.changes(of: site.site.id, from: min(one, other), until: max(one, other), in: site.scope)
            }
            let subject = WatchedCheck(host: hosts.randomElement(using: &random)!, check: checks.randomElement(using: &random)!)
            try await timed(&since) { _ = try await postures.failing(subject, of: site.site.id, at: at, in: site.scope) }
        }
        func line(_ what: String, _ figures: [Double], below limit: Double?) -> Line {
            let sorted = figures.sorted()
            let p99 = sorted[sorted.count * 99 / 100]
            return Line(
                what: "\(site.engine): \(what), p99", value: "\(p99.readable) ms", peer: "median \(sorted[sorted.count / 2].readable) ms",
                isReached: limit.map { p99 < $0 })
        }
        precondition(proofs > 0, "nothing was proven")
        return [
            line("posture of 1,200 checks with proofs", posture, below: 200),
            line("what changed between two instants", changes, below: 400),
            line("since when a check fails", since, below: 200),
        ]
    }
}

/// Moves on as the evidence does. It begins now: until the site is enrolled, certificates are looked at.
private final class MovingClock: Sendable {
    private let instant = Mutex(WallClock.system.now())

    var now: Timestamp { instant.withLock { $0 } }
    var clock: WallClock { WallClock(now: { [self] in now }, sleep: { try await ContinuousClock().sleep(for: $0) }) }
    func move(to later: Timestamp) { instant.withLock { $0 = max($0, later) } }
}

/// A running Central with one site and two appliances.
private struct FilledSite: Sendable {
    let engine: TestEngine
    let central: RunningCentral
    let site: Site
    let scope: TenantScope
    let boxes: [Sender]
    private let database: TestDatabase

    init(_ engine: TestEngine, _ directory: String, _ clock: MovingClock) async throws {
        self.engine = engine
        database = try await TestDatabase(engine)
        let place = "\(directory)/\(engine)"
        // On the file system that is measured, not where tests have theirs.
        let url = engine == .sqlite ? nil : database.url
        central = try await RunningCentral(
            place, databaseURL: url, clock: clock.clock, hasRecurringWork: false, certificateLifetime: .seconds(20 * 365 * 86_400))
        let tenants = central.process.services.tenants
        let organization = try await tenants.createOrganization("Practice", by: RunningCentral.person)
        scope = TenantScope(RunningCentral.person, organization: organization.id)
        site = try await tenants.createSite("Main street", in: scope)
        boxes = [
            try await central.enroll(place + "/box0", at: site, scope), try await central.enroll(place + "/box1", at: site, scope),
        ]
    }

    func stop() async throws {
        for box in boxes { await box.close() }
        try await central.stop()
    }
}

/// What one appliance says of its hosts: every check in turn, another verdict each fourth time, and from time to time what it looks at.
private final class Chain: Sendable {
    let sender: Sender
    private let hosts: [HostID]
    private let sealer: BundleSealer
    private let expected: [ExpectedCheck]
    private let link = Mutex(ChainLink(sequence: 0, previous: .genesis))
    /// A catalog of every month and a half.
    private static let between = 12_500

    init(sender: Sender, hosts: [HostID]) {
        self.sender = sender
        self.hosts = hosts
        sealer = BundleSealer(key: sender.key)
        expected = AsOfBenchmark.expected
    }

    func next(_ number: Int, at now: Timestamp) throws -> SignedBundle {
        var bundle = Samples.bundle(at: now)
        bundle.id = BundleID(at: now)
        bundle.origin.site = sender.identity.site
        bundle.origin.appliance = sender.identity.appliance
        bundle = Self.bare(bundle)
        let cycle = number % Self.between
        if cycle < hosts.count {
            (bundle.kind, bundle.host, bundle.expected) = (.expectation, hosts[cycle], expected)
        } else {
            let look = number / hosts.count
            let round = look / expected.count
            bundle.host = hosts[number % hosts.count]
            bundle.check = expected[look % expected.count].check
            bundle.kind = .verdict
            bundle.verdict = (round / 4 + look) % 2 == 0 ? .compliant : .drift("ssh.root_login")
        }
        let sealed = bundle
        return try link.withLock { link in
            let (signed, digest) = try sealer.seal(sealed, at: link)
            link = ChainLink(sequence: link.sequence + 1, previous: digest)
            return signed
        }
    }

    /// Without what only a repair has.
    private static func bare(_ bundle: Bundle) -> Bundle {
        Bundle(
            id: bundle.id, kind: .verdict, origin: bundle.origin, host: bundle.host, observed: bundle.observed, started: bundle.observed,
            ended: bundle.observed, clock: bundle.clock, outcome: .observed, note: "")
    }
}

extension AsOfBenchmark {
    fileprivate static let expected = checks.sorted().map { ExpectedCheck(check: $0, intervalSeconds: 86_400, staleAfterSeconds: 864_000) }
}
