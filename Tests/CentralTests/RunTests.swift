import Compliance
import Database
import Evidence
import Model
import Seal
import TestSupport
import Testing
import Wire

@testable import Central

/// What Central keeps at intake to answer questions about instants.
@Suite struct RunTests {
    private static let hosts: [HostID] = ["front-desk", "x-ray"]
    private static let checks: [CheckID] = ["linux.ssh", "backup.age", "patch.level"]

    /// What an appliance of a site with trouble says in some days: verdicts that change, a clock that is wrong and put right, hosts that
    /// come and go.
    private static func chain(_ box: inout Box, from start: Timestamp, _ random: inout SeededGenerator) throws -> [SignedBundle] {
        var bundles: [SignedBundle] = []
        var now = start
        var error: Int64 = 0
        var offset: Int64? = 0
        func expected(_ random: inout SeededGenerator) -> [ExpectedCheck] {
            checks.filter { _ in random.chance(80) }.sorted().map {
                ExpectedCheck(check: $0, intervalSeconds: 900, staleAfterSeconds: Int64.random(in: 1...40_000, using: &random))
            }
        }
        func verdict(_ random: inout SeededGenerator) -> Verdict {
            switch Int.random(in: 0..<8, using: &random) {
            case 0: .drift("ssh.root_login")
            case 1: .unknown("host.unreachable")
            case 2: .notApplicable("ssh.not_installed")
            default: .compliant
            }
        }
        for number in 0..<120 {
            now = now + .seconds(Int.random(in: 60...3_000, using: &random))
            if random.chance(5) {
                error = random.chance(50) ? 0 : Int64.random(in: -20_000_000...20_000_000, using: &random)
                offset = random.chance(70) ? error : nil
            }
            let shown = now + .milliseconds(error)
            let host = hosts.randomElement(using: &random)!
            let (list, word) = (expected(&random), verdict(&random))
            let looks = checks.map { check in
                Bundle.Attested(
                    check: check, verdict: verdict(&random),
                    observed: shown - .milliseconds(Int64.random(in: 0...900_000, using: &random)), factsDigest: .genesis)
            }
            let kind = number < 2 ? 0 : Int.random(in: 0..<10, using: &random)
            let isEmpty = random.chance(20)
            bundles.append(
                try box.makeBundle(at: now) { bundle in
                    (bundle.observed, bundle.started, bundle.ended) = (shown, shown, shown)
                    bundle.clock = ClockReading(offsetMilliseconds: offset, source: "test")
                    bundle.host = number < 2 ? hosts[number] : host
                    switch kind {
                    case 0:
                        bundle.kind = .expectation
                        bundle.expected = isEmpty ? [] : list
                    case 1: break
                    case 2...4:
                        bundle.kind = .verdict
                        bundle.check = checks[0]
                        bundle.verdict = word
                    default:
                        bundle.kind = .attestation
                        bundle.attested = looks
                    }
                })
        }
        return bundles
    }

    /// A year ago, so that a clock that is ahead is ahead of Central too.
    private static func run(_ engine: TestEngine, _ body: (CentralUnderTest) async throws -> Void) async throws {
        let clock = TestClock(at: WallClock.system.now() - .seconds(300 * 86_400))
        try await CentralUnderTest.run(
            engine, clock: clock,
            change: {
                $0.clientCertificateLifetime = .seconds(800 * 86_400)
                $0.serverCertificateLifetime = .seconds(397 * 86_400)
            }, body)
    }

    @Test("What is kept is what follows from the bundles, however they came in", arguments: TestEngine.allCases)
    func follows(engine: TestEngine) async throws {
        try await Self.run(engine) { central in
            var random = SeededGenerator(seed: engine == .sqlite ? 11 : 12)
            // A clock that is put right takes back what it had dated wrongly, in some chains nearly all.
            var runs = 0
            for _ in 0..<2 {
                let tenant = try await central.makeTenant("Practice \(random.next())")
                let start = central.clock.now
                var entries: [ChainEntry] = []
                var boxes: [(box: Box, chain: [SignedBundle])] = []
                for _ in 0..<2 {
                    var box = try await enrolledBox(at: central, tenant)
                    let chain = try Self.chain(&box, from: start, &random)
                    boxes.append((box, chain))
                }
                // In pieces of any size, some of them twice, the appliances one after the other.
                for (box, chain) in boxes {
                    var sent = 0
                    while sent < chain.count {
                        let count = min(Int.random(in: 1...25, using: &random), chain.count - sent)
                        central.clock.advance(by: .seconds(Int.random(in: 1...20_000, using: &random)))
                        let again = random.chance(20) ? min(3, sent) : 0
                        _ = try await box.submit(Array(chain[(sent - again)..<(sent + count)]), to: central)
                        sent += count
                    }
                }
                let held = try await SiteEvidence(of: tenant.site, services: central.services, for: CentralUnderTest.person)
                try await held.forEach { entries.append(ChainEntry($0.bundle, received: $0.received)) }

                let rebuild = RunRebuild(central.services)
                let findings = try await rebuild.run(tenant.site, for: CentralUnderTest.person)
                #expect(findings.count == 2 && findings.allSatisfy(\.isSame), "\(findings)")
                runs += findings.reduce(0) { $0 + $1.runs }
                try await expectAnswers(of: tenant, central, start: start, entries)
            }
            #expect(runs > 50)
        }
    }

    /// The database and what is computed in memory from the same bundles answer alike.
    private func expectAnswers(
        of tenant: CentralUnderTest.Tenant, _ central: CentralUnderTest, start: Timestamp, _ entries: [ChainEntry]
    ) async throws {
        var history = RunHistory()
        var runs: VerdictRuns?
        let day = Timestamp(hour: start.hour / 24 * 24)
        let period = try #require(CoveragePeriod(from: day, until: day + .seconds(86_400 * 9), horizon: central.clock.now))
        var builder = CoverageBuilder(site: tenant.site, period: period)
        for entry in entries {
            if runs?.appliance != entry.appliance { runs = VerdictRuns(appliance: entry.appliance) }
            history.apply(runs!.apply(entry), of: entry.appliance)
            try builder.add(entry)
        }
        history.sort()
        let ledger = builder.finish().ledger
        let postures = central.services.postures
        var words: Set<String> = []
        for step in 0..<12 {
            let instant = start + .seconds(step * 16_000 - 9_000)
            let wanted = history.posture(at: instant, ledger: ledger)
            let found = try await postures.posture(of: tenant.site, at: instant, in: tenant.scope)
            #expect(found.map(\.subject) == wanted.keys.sorted())
            for item in found {
                words.insert(item.answer.verdict.word)
                #expect(item.answer.verdict == wanted[item.subject]?.verdict)
                #expect(item.answer.proof.map(\.sequence) == wanted[item.subject]?.proof.map(\.sequence))
                #expect(item.answer.proof.allSatisfy { $0.digest != nil && $0.logIndex != nil })
                let failing = try await postures.failing(item.subject, of: tenant.site, at: instant, in: tenant.scope)
                let expected = AsOf.failingSince(history.runs(of: item.subject), at: instant)
                #expect(failing.since?.instant == expected?.since && failing.since?.proof.sequence == expected?.proof.sequence)
                #expect(failing.answer == item.answer)
            }
            let changes = try await postures.changes(of: tenant.site, from: start + .seconds(20_000), until: instant, in: tenant.scope)
            #expect(
                changes.map(\.subject)
                    == history.changes(from: start + .seconds(20_000), to: instant, ledger: ledger).map(\.subject))
        }
        #expect(words.isSuperset(of: ["compliant", "unknown"]))
        let other = try await central.makeTenant("Other \(start) \(entries.count) \(tenant.site)")
        await #expect(throws: CentralError.notFound("site")) {
            try await postures.posture(of: tenant.site, at: start, in: other.scope)
        }
    }

    @Test("The proof is the bundle that is held, at its place in the log")
    func proves() async throws {
        try await Self.run(.sqlite) { central in
            let tenant = try await central.makeTenant()
            var box = try await enrolledBox(at: central, tenant)
            let now = central.clock.now
            let first = try box.makeBundle(at: now) { bundle in
                (bundle.kind, bundle.check, bundle.verdict) = (.verdict, "linux.ssh", .drift("ssh.root_login"))
            }
            _ = try await box.submit([first], to: central)
            let found = try await central.services.postures.posture(of: tenant.site, at: now, in: tenant.scope)
            let proof = PostureReader.Proof(
                appliance: try #require(box.grant?.appliance), sequence: 0, digest: Digest(of: first.bytes), logIndex: 0, isPruned: false)
            #expect(found.map(\.answer) == [PostureReader.Answer(verdict: .drift("ssh.root_login"), proof: [proof])])
            // To the millisecond, and not beyond what a look reaches.
            func words(_ instant: Timestamp) async throws -> [String] {
                try await central.services.postures.posture(of: tenant.site, at: instant, in: tenant.scope).map(\.answer.verdict.word)
            }
            #expect(try await words(now - .milliseconds(1)) == [])
            #expect(try await words(now + .seconds(7_200)) == ["drift"])
            #expect(try await words(now + .seconds(7_200) + .milliseconds(1)) == [])
            let never = WatchedCheck(host: "box", check: "never.seen")
            let failing = try await central.services.postures.failing(never, of: tenant.site, at: now, in: tenant.scope)
            #expect(failing.since == nil && failing.answer.verdict == .unknown("stale"))
        }
    }

    @Test("A table that somebody changed, or lost, is noticed and made anew", arguments: TestEngine.allCases)
    func rebuilds(engine: TestEngine) async throws {
        try await Self.run(engine) { central in
            var random = SeededGenerator(seed: 5)
            let tenant = try await central.makeTenant()
            var box = try await enrolledBox(at: central, tenant)
            let chain = try Self.chain(&box, from: central.clock.now, &random)
            central.clock.advance(by: .seconds(86_400 * 10))
            _ = try await box.submit(chain, to: central)
            func rebuild() async throws -> RunRebuild.Finding {
                let found = try await RunRebuild(central.services).run(tenant.site, for: CentralUnderTest.person)
                return try #require(found.first)
            }
            #expect(try await rebuild().isSame)
            let faults: [(SQL, missing: Int?, strange: Int?)] = [
                ("UPDATE verdict_run SET verdict = 'compliant', code = NULL WHERE verdict = 'drift'", nil, nil),
                ("DELETE FROM verdict_run WHERE is_open = 1", nil, 0),
                ("UPDATE expectation SET effective_at = effective_at + 1 WHERE sequence = 0", 1, 1),
                ("UPDATE run_state SET floor_at = 1", 1, 1),
                ("DELETE FROM expectation", nil, 0), ("DELETE FROM run_subject", 0, 0),
            ]
            for (fault, missing, strange) in faults {
                try await central.services.database.write { try $0.execute(fault) }
                let found = try await rebuild()
                #expect(found.missing == missing ?? found.missing && found.strange == strange ?? found.strange, "\(fault.text)")
                #expect(!found.isSame || missing == 0, "\(fault.text)")
                #expect(try await rebuild().isSame, "\(fault.text)")
            }
        }
    }

    @Test("Bundles from before there were runs are followed by housekeeping, and intake waits for it", arguments: TestEngine.allCases)
    func catchesUp(engine: TestEngine) async throws {
        try await Self.run(engine) { central in
            var random = SeededGenerator(seed: 6)
            let tenant = try await central.makeTenant()
            var box = try await enrolledBox(at: central, tenant)
            let chain = try Self.chain(&box, from: central.clock.now, &random)
            central.clock.advance(by: .seconds(86_400 * 10))
            _ = try await box.submit(Array(chain[..<60]), to: central)
            try await central.services.database.write { transaction in
                for table: SQL in [
                    "DELETE FROM verdict_run", "DELETE FROM run_state", "DELETE FROM run_subject", "DELETE FROM expectation",
                ] { try transaction.execute(table) }
            }
            _ = try await box.submit(Array(chain[60...]), to: central)
            let count = try await central.services.database.read { try $0.query("SELECT count(*) FROM verdict_run")[0].integer(0) }
            #expect(count == 0)
            try await RunCatchUp(database: central.services.database).turn()
            let found = try await RunRebuild(central.services).run(tenant.site, for: CentralUnderTest.person)
            #expect(found.count == 1 && found.allSatisfy { $0.isSame && $0.bundles == 120 && $0.runs > 0 }, "\(found)")
        }
    }
}
