import Central
import Compliance
import Database
import Evidence
import Foundation
import Model
import Reports
import Seal
import TestSupport
import Testing
import Wire

/// What is said of a time whose evidence is gone after its term: never that nothing was required, and never that all was well.
@Suite struct PrunedBeginningTests {
    private static let subject = WatchedCheck(host: "front-desk", check: "linux.ssh")

    private struct Place {
        let central: CentralUnderTest
        let tenant: CentralUnderTest.Tenant
        let appliance: ApplianceID
        /// Midnight before it all.
        let day: Timestamp
        func at(_ hour: Int, _ minute: Int) -> Timestamp { day + .seconds(hour * 3_600 + minute * 60) }
        var site: Site {
            get async throws {
                try #require(await central.services.tenants.sites(for: CentralUnderTest.person).first { $0.id == tenant.site })
            }
        }
        var period: CoveragePeriod { CoveragePeriod(from: day, until: day + .seconds(86_400), horizon: central.clock.now)! }
    }

    /// A chain whose expectation, of 8:30, and whose looks of 9:30 and 10:31 were received by 10:32 and are gone; what was seen at 11:30,
    /// 12:30 and 14:30 came at 14:40 and is kept.
    private static func run(_ engine: TestEngine, keepsLater: Bool = true, _ body: (Place) async throws -> Void) async throws {
        let day = Timestamp(hour: (WallClock.system.now().hour / 24 - 100) * 24)
        let clock = TestClock(at: day + .seconds(8 * 3_600 + 1_800))
        try await CentralUnderTest.run(
            engine, clock: clock,
            change: {
                $0.clientCertificateLifetime = .seconds(800 * 86_400)
                $0.serverCertificateLifetime = .seconds(397 * 86_400)
            }, hasRecurringWork: false
        ) { central in
            let tenant = try await central.makeTenant()
            var box = try await enrolledBox(at: central, tenant)
            let place = Place(central: central, tenant: tenant, appliance: try #require(box.grant).appliance, day: day)
            func look(_ hour: Int, _ minute: Int, _ verdict: Verdict) throws -> SignedBundle {
                try box.makeBundle(at: place.at(hour, minute)) { bundle in
                    (bundle.kind, bundle.host, bundle.check, bundle.verdict) = (.verdict, subject.host, subject.check, verdict)
                }
            }
            let expected = [ExpectedCheck(check: subject.check, intervalSeconds: 3_600, staleAfterSeconds: 3_600)]
            var first = [
                try box.makeBundle(at: clock.now) { bundle in
                    (bundle.kind, bundle.host, bundle.expected) = (.expectation, subject.host, expected)
                }
            ]
            _ = try await box.submit(first, to: central)
            clock.advance(by: place.at(10, 32) - clock.now)
            first = [try look(9, 30, .compliant), try look(10, 31, .drift("ssh.root_login"))]
            _ = try await box.submit(first, to: central)
            _ = try await central.services.archive.pass(isImmediate: true)
            if keepsLater {
                clock.advance(by: place.at(14, 40) - clock.now)
                let later = [
                    try look(11, 30, .drift("ssh.root_login")), try look(12, 30, .drift("ssh.root_login")), try look(14, 30, .compliant),
                ]
                _ = try await box.submit(later, to: central)
                _ = try await central.services.archive.pass(isImmediate: true)
            }
            clock.advance(by: place.at(12, 0) + .seconds(2_190 * 86_400) - clock.now)
            #expect(try await central.services.retention.pass().bundles == 3)
            try await body(place)
        }
    }

    @Test(
        "What was expected by pruned bundles is required from the kept evidence on, and before it is pruned", arguments: TestEngine.allCases
    )
    func coverage(engine: TestEngine) async throws {
        try await Self.run(engine) { place in
            let services = place.central.services
            let coverage = try await services.coverage.coverage(of: place.site, during: place.period, for: CentralUnderTest.person)
            let span = PrunedSpan(
                appliance: place.appliance, from: place.at(8, 30), until: place.at(10, 32) + .milliseconds(1), lastSequence: 2)
            #expect(coverage.pruned == [span])
            // 11 to 23: seen at 11, 12 and 14.
            #expect(coverage.total.required == 13 && coverage.total.made == 3 && coverage.total.missingCount == 10, "\(coverage.total)")
            #expect(coverage.pairs.map(\.subject) == [Self.subject])
            let text = String(decoding: coverage.canonicalBytes, as: UTF8.self)
            let json = try JSONValue(parsing: Array(text.utf8), limits: JSONLimits(bytesMax: 1 << 20))
            #expect(try json["pruned"] == .array([span.json]) && String(decoding: json.canonicalBytes(), as: UTF8.self) == text)

            let statement = try await services.coverage.continuity(of: place.site, during: place.period, for: CentralUnderTest.person)
            #expect(statement.pruned == [span] && statement.json["pruned"] == .array([span.json]))
            #expect(statement.total.required == 13)

            // A period after it has nothing to say of it, and requires all day.
            let next = try #require(
                CoveragePeriod(
                    from: place.day + .seconds(86_400), until: place.day + .seconds(2 * 86_400), horizon: place.central.clock.now))
            let after = try await services.coverage.coverage(of: place.site, during: next, for: CentralUnderTest.person)
            #expect(after.pruned == [] && after.total.required == 24 && after.total.made == 0)
            #expect(!String(decoding: after.canonicalBytes, as: UTF8.self).contains("pruned"))
        }
    }

    @Test("Where all of a site is pruned, what was expected last is required still", arguments: TestEngine.allCases)
    func nothingLeft(engine: TestEngine) async throws {
        try await Self.run(engine, keepsLater: false) { place in
            let services = place.central.services
            let coverage = try await services.coverage.coverage(of: place.site, during: place.period, for: CentralUnderTest.person)
            #expect(coverage.total.required == 13 && coverage.total.missingCount == 13 && coverage.pruned.count == 1)
            let findings = try await RunRebuild(services).run(place.tenant.site, for: CentralUnderTest.person)
            #expect(findings.map(\.appliance) == [place.appliance] && findings.allSatisfy { $0.isPruned && !$0.isSame && !$0.isDifferent })
        }
    }

    @Test("A posture that only pruned bundles show is unknown (pruned)", arguments: TestEngine.allCases)
    func posture(engine: TestEngine) async throws {
        try await Self.run(engine) { place in
            let postures = place.central.services.postures
            func answer(_ hour: Int, _ minute: Int) async throws -> PostureReader.Answer? {
                let found = try await postures.posture(of: place.tenant.site, at: place.at(hour, minute), in: place.tenant.scope)
                let failing = try await postures.failing(
                    Self.subject, of: place.tenant.site, at: place.at(hour, minute), in: place.tenant.scope)
                if let item = found.first { #expect(failing.answer == item.answer) }
                return found.first?.answer
            }
            #expect(try await answer(8, 0) == nil)
            let early = try #require(try await answer(9, 45))
            #expect(early.verdict == .unknown("pruned") && early.proof.allSatisfy { $0.isPruned && $0.digest != nil })
            #expect(try await answer(10, 32)?.verdict == .unknown("pruned"))
            let kept = try #require(try await answer(11, 45))
            #expect(kept.verdict == .drift("ssh.root_login") && kept.proof.map(\.isPruned) == [true, false])
            #expect(try await answer(14, 35)?.verdict == .compliant)

            let since = try await postures.failing(Self.subject, of: place.tenant.site, at: place.at(12, 45), in: place.tenant.scope).since
            #expect(since?.instant == place.at(10, 31) && since?.proof.isPruned == true)
            let never = try await postures.failing(
                WatchedCheck(host: "front-desk", check: "never.seen"), of: place.tenant.site, at: place.at(9, 45), in: place.tenant.scope)
            #expect(never.answer.verdict == .unknown("pruned") && never.since == nil)
            let changes = try await postures.changes(
                of: place.tenant.site, from: place.at(9, 45), until: place.at(14, 35), in: place.tenant.scope)
            #expect(changes.map { $0.before?.verdict } == [.unknown("pruned")] && changes.map { $0.after?.verdict } == [.compliant])
            #expect(try await postures.pruned(of: place.tenant.site, at: place.at(9, 45), in: place.tenant.scope).count == 1)
            #expect(try await postures.pruned(of: place.tenant.site, at: place.at(11, 0), in: place.tenant.scope) == [])
        }
    }

    @Test("The commands say what was pruned, and rebuild-runs ends with 2", arguments: TestEngine.allCases)
    func commands(engine: TestEngine) async throws {
        try await Self.run(engine) { place in
            let program = MartletProgram(place.central.configuration)
            let site = place.tenant.site.description
            let rebuilt = try await program.run("central", "rebuild-runs", site)
            #expect(rebuilt.status == 2 && rebuilt.output.contains("1 of 1 appliances could not be compared"), "\(rebuilt)")
            let days = ["--from", String("\(place.day)".prefix(10)), "--until", String("\(place.day + .seconds(86_400))".prefix(10))]
            for command in ["coverage", "continuity"] {
                let answer = try await program.run(["central", command, site] + days)
                #expect(answer.status == 0 && answer.output.contains("pruned  \(place.appliance)"), "\(answer)")
                #expect(answer.output.contains("all but what was pruned  13 required, 3 made, 10 missing"), "\(answer)")
            }
            let posture = try await program.run("central", "posture", site, "--at", "\(place.at(9, 45))")
            #expect(posture.output.contains("unknown (pruned)") && posture.output.contains("pruned  \(place.appliance)"), "\(posture)")
            let since = try await program.run(
                "central", "since", site, "--host", "front-desk", "--check", "linux.ssh", "--at", "\(place.at(9, 45))")
            #expect(since.output.contains("Whether it fails then is not known."), "\(since)")
        }
    }

    @Test("A kit over what is left requires what pruned bundles expected, and verifies")
    func kit() async throws {
        try await Self.run(.sqlite) { place in
            let directory = try TemporaryDirectory()
            let packets = PacketService(place.central.services, place.central.configuration)
            let days = try #require(PacketService.Days(from: place.day, until: place.day + .seconds(86_400)))
            let summary = try await packets.write(
                place.tenant.site, days: days, to: directory.file("kit.zip"), for: CentralUnderTest.person)
            let trust = KitTrust.keyID(summary.manifestKey)
            let report = await KitVerifier(trust: trust, workers: 2).verify(directory.file("kit.zip"))
            #expect(report.findings == [] && report.figures?.required == 13 && report.figures?.made == 3, "\(report)")
            let other = try runCommand(
                "/usr/bin/env", ["python3", repositoryRoot + "/scripts/verify_kit.py", directory.file("kit.zip")])
            #expect(other.contains("entries from before these bundles"), "\(other)")
        }
    }
}
