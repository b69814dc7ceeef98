import Catalog
import Compliance
import Evidence
import Foundation
import Model
import Seal
import TestSupport
import Testing

@testable import Appliance
@testable import Central

/// Months in the life of a real site under a real Central, both by the test's clock: whatever was not seen is there, with its cause.
@Suite struct MissedTimesTests {
    private typealias Site = ContinuityTests.Site

    /// One site with its appliance and Central, hour by hour.
    private final class Life {
        let site: Site
        let services: CentralServices
        let owner: LabSite
        var hours = 0

        init() async throws {
            site = try await Site(at: ContinuityTests.midnight, interval: .seconds(900))
            services = await site.central.services
            owner = site.owner
        }

        var now: Timestamp { site.clock.now }

        /// - Parameter isReached: whether Central can be reached.
        func live(hours: Int, isReached: Bool = true) async throws {
            for _ in 0..<hours {
                try await site.look()
                _ = await site.process.detect.turn()
                _ = await site.process.continuity.turn()
                if isReached { try await send() }
                site.clock.advance(by: .seconds(3_600))
                try await keepHouse()
            }
        }

        /// What waits for the next hour's turn comes with it.
        func send() async throws {
            await site.process.detect.attestWaiting()
            let poll = PollService(site.process.context, clockService: ClockService(site.process.context))
            _ = await poll.turn()
            _ = await PushService(site.process.context).turn()
        }

        func keepHouse() async throws { try await services.silences.turn(isWanted: false) }

        func coverage(days: Int) async throws -> Coverage {
            let from = ContinuityTests.midnight
            let period = try #require(CoveragePeriod(from: from, until: from + .seconds(86_400 * days), horizon: now))
            let all = try await services.tenants.sites(for: site.central.credential)
            let found = try #require(all.first { $0.id == owner.site })
            return try await services.coverage.coverage(of: found, during: period, for: site.central.credential)
        }

        func gaps() async throws -> [GapStatement] {
            try await services.coverage.statements(of: owner.site, in: owner.scope).compactMap { statement in
                guard case .gap(let gap) = statement else { return nil }
                return gap
            }
        }
    }

    @Test(
        "Cut off, switched off, excepted and revoked in three months: what was missed is named with its cause, and nothing else is missed")
    func months() async throws {
        let life = try await Life()
        do { try await months(of: life) } catch {
            try? await life.site.stop()
            throw error
        }
        try await life.site.stop()
    }

    private func months(of life: Life) async throws {
        let appliance = life.site.process.context.identity.appliance
        try await life.live(hours: 48)
        #expect(try await life.gaps().isEmpty)

        // Cut off for two days and a half: it looks, and all of it comes later.
        let cut = life.now
        try await life.live(hours: 60, isReached: false)
        let during = try await life.coverage(days: 90)
        #expect(during.total.missing.keys.map { $0 } == [GapCause.silent.code], "\(during.total)")
        #expect(during.total.missingCount == during.total.required - during.total.made)
        try await life.live(hours: 24)
        let spoken = try await life.gaps()
        #expect(spoken.count == 4 && spoken.allSatisfy { $0.cause == .silent && $0.appliance == appliance && $0.note == Silence.note })
        // One after the other without hole or overlap, from the last that was heard to the first.
        #expect(zip(spoken, spoken.dropFirst()).allSatisfy { $0.until == $1.from })
        #expect(cut - spoken[0].from <= .seconds(3_600) && spoken.last!.until - cut >= .seconds(59 * 3_600))
        let afterwards = try await life.coverage(days: 90)
        #expect(afterwards.total.missing.isEmpty && afterwards.total.made == afterwards.total.required)

        // Switched off for eight days: what it says itself when it comes back goes before what Central heard.
        let off = life.now
        try await life.site.restart(after: .seconds(192 * 3_600))
        try await life.keepHouse()
        let absent = try await life.coverage(days: 90)
        #expect(Array(absent.total.missing.keys) == [GapCause.silent.code], "\(absent.total)")
        try await life.live(hours: 24)
        let back = try await life.coverage(days: 90)
        #expect(Array(back.total.missing.keys) == [GapCause.down.code], "\(back.total)")
        // 192 slots, of which the check's 23 hours of grace save the last.
        #expect((168...170).contains(back.total.missingCount) && (22...24).contains(back.total.late), "\(back.total)")
        let gap = try #require(back.pairs.first?.gaps.first)
        #expect(gap.from - off <= .seconds(3_600) && gap.slots == back.total.missingCount)

        // Excepted for two days, switched off for three of them.
        let register = life.services.exceptions
        let added = try await register.add(
            ExceptionRegister.Draft(
                host: "here", until: life.now + .seconds(48 * 3_600), reason: "moved", requestedBy: "alice", approvedBy: "bob"),
            site: life.owner.site, in: life.owner.scope)
        try await life.site.restart(after: .seconds(72 * 3_600))
        try await life.live(hours: 24)
        let moved = try await life.coverage(days: 90)
        #expect(
            (46...48).contains(moved.total.excepted) && (0...2).contains(moved.total.missingCount - back.total.missingCount),
            "\(moved.total)")
        // What is excepted afterwards was not excepted.
        _ = try await register.add(
            ExceptionRegister.Draft(
                from: off, until: life.now + .seconds(3_600), reason: "late", requestedBy: "alice", approvedBy: "bob"),
            site: life.owner.site, in: life.owner.scope)
        #expect(try await life.coverage(days: 90).total == moved.total)
        #expect(added.state(at: life.now) == "over")

        // Revoked: from then on nothing is taken, and that is said each day.
        try await life.live(hours: 5)
        let revoked = life.now
        try await life.services.appliances.revoke(appliance, in: life.owner.scope)
        for _ in 0..<60 {
            life.site.clock.advance(by: .seconds(12 * 3_600))
            try await life.keepHouse()
        }
        let end = try await life.coverage(days: 90)
        // 720 slots, of which the last could still be seen late.
        #expect((695...699).contains(end.total.missing[GapCause.revoked.code] ?? 0), "\(end.total)")
        #expect(Set(end.total.missing.keys) == [GapCause.down.code, GapCause.revoked.code], "\(end.total)")
        let statements = try await life.gaps().filter { $0.cause == .revoked }
        #expect(statements.first?.from == revoked && (29...33).contains(statements.count))

        let figures = end.total
        #expect(figures.required == figures.made + figures.late + figures.excepted + figures.missingCount)
        let posture = try await life.services.postures.posture(of: life.owner.site, at: life.now, in: life.owner.scope)
        #expect(posture.map(\.answer.verdict) == [.unknown("stale")] && posture[0].answer.proof.isEmpty)
        let then = try await life.services.postures.posture(of: life.owner.site, at: cut + .seconds(3_600 * 30), in: life.owner.scope)
        #expect(then.map(\.answer.verdict) == [.compliant])
        let whileOff = try await life.services.postures.posture(of: life.owner.site, at: off + .seconds(3_600 * 100), in: life.owner.scope)
        #expect(whileOff.map(\.answer.verdict) == [.unknown("stale")])
        #expect(try await RunRebuild(life.services).run(life.owner.site, for: life.site.central.credential).allSatisfy(\.isSame))

        try await expectReferenceAgrees(life)
    }

    /// The commands, as programs of their own, print what the independent reference computes from what is held.
    private func expectReferenceAgrees(_ life: Life) async throws {
        let environment = await life.site.central.environment
        let program = binaries.appendingPathComponent("martlet").path
        func command(_ words: [String]) throws -> String {
            try runCommand(program, ["central"] + words, environment: environment).trimmingCharacters(in: .newlines)
        }
        let end = ContinuityTests.midnight + .seconds(90 * 86_400)
        let site = life.owner.site.description
        let period = [site] + ["--from", "\(ContinuityTests.midnight)".prefix(10), "--until", "\(end)".prefix(10)].map { String($0) }
        // By the system's clock: what came after the test's is silence, and stated now.
        let coverage = try command(["coverage"] + period + ["--json"])
        let continuity = try command(["continuity"] + period + ["--json"])
        let question = try await question(life, like: try JSONValue(parsing: Array(coverage.utf8), limits: JSONLimits(bytesMax: 1 << 24)))
        let file = life.site.directory.path + "/question"
        let controls = try JSONValue(parsing: Array(continuity.utf8), limits: JSONLimits(bytesMax: 1 << 24))
        try Data(question.canonicalBytes() + [10]).write(to: URL(fileURLWithPath: file))
        let answer = try runCommand("/usr/bin/env", ["python3", "\(repositoryRoot)/scripts/coverage_reference.py", file])
        let reference = try JSONValue(parsing: Array(answer.utf8), limits: JSONLimits(bytesMax: 1 << 26))
        #expect(try String(decoding: #require(reference["coverage"]).canonicalBytes(), as: UTF8.self) == coverage)
        for member in ["total", "gaps", "exceptions", "controls", "from", "until"] {
            #expect(try #require(reference["continuity"])[member] == controls[member], "\(member)")
        }
        for text in [try command(["coverage"] + period), try command(["continuity"] + period)] {
            #expect(text.split(separator: "\n").allSatisfy { $0.count <= 100 }, "\(text)")
            #expect(text.contains("gap.down") && text.contains("gap.revoked"))
        }
        let posture = try command(["posture", site, "--at", "\(ContinuityTests.midnight + .seconds(86_400))"])
        #expect(posture.contains("compliant") && posture.split(separator: "\n").allSatisfy { $0.count <= 100 }, "\(posture)")
        #expect(try command(["exception", "list", site]).contains("EX-1"))
        #expect(try command(["rebuild-runs", site]).contains("yes"))
    }

    private func question(_ life: Life, like coverage: JSONValue) async throws -> JSONValue {
        let held = try await SiteEvidence(of: life.owner.site, services: life.services, for: life.site.central.credential)
        var bundles: [JSONValue] = []
        try await held.forEach { item in
            var members = try JSONValue(parsing: item.bundle.signed.bytes, limits: JSONLimits(bytesMax: 1 << 18)).object ?? [:]
            members["received"] = .string(item.received.description)
            members["enrolled"] = .string(item.bundle.enrolled.description)
            bundles.append(.object(members))
        }
        let statements = try await life.services.coverage.statements(of: life.owner.site, in: life.owner.scope)
        return [
            "site": .string(life.owner.site.description), "from": try #require(coverage["from"]), "until": try #require(coverage["until"]),
            "horizon": try #require(coverage["horizon"]), "prior": [], "statements": .array(statements.map(\.json)), "controls": [:],
            "bundles": .array(bundles), "instants": [],
            "sample": ["nonce": "sixteen bytes or more", "root": .string(Digest.genesis.description), "count": 1],
        ]
    }

    @Test("Killed before or after a statement of silence is written, Central says it once", arguments: ["Before", "After"])
    func killed(moment: String) async throws {
        let life = try await Life()
        try await life.live(hours: 4)
        let environment = await life.site.central.environment
        // To the program, whose clock is the system's, the appliance has been silent for a year.
        func coverage(_ more: [String]) async throws -> LabProgram {
            let words = ["central", "coverage", life.owner.site.description] + more
            let program = try LabProgram("martlet", words, environment: environment, log: life.site.directory.path + "/log")
            try await program.ended()
            return program
        }
        let dead = try await coverage(["--crash-at", "statement\(moment)Commit"])
        #expect(dead.wasKilled, "\(dead.log)")
        #expect(try await life.gaps().count == (moment == "After" ? 1 : 0))
        let second = try await coverage([])
        #expect(!second.wasKilled && second.process.terminationStatus == 0, "\(second.log)")
        #expect(try await life.gaps().count == 1)
        try await life.site.stop()
    }
}
