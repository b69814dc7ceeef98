import Appliance
import Catalog
import Central
import Compliance
import Database
import Evidence
import Foundation
import Model
import Seal
import TestSupport
import Testing

/// A check that a person switches off, and a rule that was learned: from Central's row to the machine, and back into every report.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct SitePolicyStoryTests {
    @Test("A check that is switched off is not run, not required and never compliant, with who and why; a learned rule that acts fires")
    func story() async throws {
        let clock = TestClock()
        let central = try LabCentral(clock: clock.clock)
        try await central.start()
        let site = try await central.site()
        let appliance = try await LabAppliance(central, site, clock: clock.clock)
        let file = appliance.temporary.file("secret")
        FileManager.default.createFile(atPath: file, contents: Data("x".utf8), attributes: [.posixPermissions: 0o640])
        // No rule of the catalog answers.
        let lab = LabCatalog.make(version: 1, file: file)
        try await central.publish(
            CompiledCatalog(
                version: 1, digest: .genesis, checks: lab.checks, rules: [], runbooks: lab.runbooks, runbookDigests: [:], baselines: [:]))
        let running = Task { try await appliance.process.run(stopOn: []) }
        func evidence() async throws -> [VerifiedBundle] { try await central.evidence(of: site) }
        func looks() async throws -> Int { try await appliance.stored().count { $0.record.kind == .verdict } }
        try await eventually("compliant", moving: clock) { try await evidence().contains { $0.record.verdict == .compliant } }

        // Switched off: from then on nothing is looked at, and every report says who and why.
        try await central.change(.check, LabCatalog.check.description, isEnabled: false, at: site)
        try await eventually("no longer expected", moving: clock) {
            try await evidence().last { $0.record.kind == .expectation }?.record.expected == []
        }
        let off = try #require(try await evidence().first { $0.record.check == LabCatalog.check && $0.record.kind == .system }?.record)
        #expect(off.requester == "alice@msp.example" && off.note.contains("the vendor is at it"))
        let order = try await central.order(
            OrderDraft(appliance: appliance.identity.appliance, kind: .check, check: LabCatalog.check, requester: "bob", reason: "look"),
            site)
        let before = try await looks()
        chmod(file, 0o666)
        try await eventually("the order is refused", moving: clock) {
            try await evidence().contains { $0.record.order == order.id && $0.record.outcome.code == "gate.check_disabled" }
        }
        let past = clock.now
        try await eventually("a day passed", moving: clock) {
            clock.advance(by: .seconds(3_600))
            return clock.now - past > .seconds(30 * 3_600)
        }
        #expect(try await looks() == before)
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode == 0o666)
        let services = await central.services
        let posture = try await services.postures.posture(of: site.site, at: clock.now, in: site.scope)
        #expect(posture.map(\.answer.verdict) == [.unknown("disabled")])
        let found = try #require(try await services.tenants.sites(for: central.credential).first { $0.id == site.site })
        let today = Timestamp(hour: clock.now.hour / 24 * 24)
        let period = try #require(
            CoveragePeriod(from: today - .seconds(3 * 86_400), until: today + .seconds(86_400), horizon: clock.now))
        let continuity = try await services.coverage.continuity(of: found, during: period, for: central.credential)
        #expect(continuity.gaps == [])
        #expect(continuity.switchedOff.map(\.statement.by) == ["alice@msp.example"])
        #expect(continuity.switchedOff.map(\.statement.reason) == ["the vendor is at it"])
        #expect(continuity.switchedOff.map(\.until) == [nil])

        // A rule that was learned only looks on at first.
        let rule = RuleDefinition(
            id: "LRN-lab", title: "Learned", priority: 500, check: LabCatalog.check, codes: ["files.wrong"], platforms: ["linux"],
            condition: nil, runbook: LabCatalog.runbook, parameters: ["files": .literal(.strings(["\(file) 0640 root root"]))],
            cooldown: .seconds(1), attemptsMax: 1)
        func learn(_ stage: SitePolicy.Learned.Stage) async throws {
            let entry = SitePolicy.Learned(pattern: Digest(of: [1]), version: 4, stage: stage, rule: rule)
            let version = appliance.process.context.catalog.stamp.policyVersion ?? 0
            try await services.database.write { try services.policies.setLearned([entry], of: site.site, in: site.scope, $0) }
            try await eventually("in force", moving: clock) {
                (appliance.process.context.catalog.stamp.policyVersion ?? 0) > version
            }
        }
        try await learn(.shadow)
        // On again: it is looked at, and a person is asked.
        try await central.change(.check, LabCatalog.check.description, isEnabled: true, at: site)
        try await eventually("a person is asked", moving: clock) {
            try await evidence().contains { $0.record.kind == .decision && $0.record.outcome.code == "rule.none" }
        }
        let asked = try #require(try await evidence().last { $0.record.kind == .decision }?.record)
        #expect(asked.shadow == [ShadowFiring(pattern: Digest(of: [1]), version: 4, rule: "LRN-lab")])
        // A look takes seconds on a busy machine, in which the clock of a test that waits goes on by more than a date may go back
        // (`DateTrust.offsetMax`): then it is not believed, and the next one is.
        try await eventually("the posture says so", moving: clock) {
            let again = try await services.postures.posture(of: site.site, at: clock.now, in: site.scope)
            return again.map(\.answer.verdict) == [.drift("files.wrong")]
        }
        chmod(file, 0o640)
        try await eventually("compliant again", moving: clock) {
            try await evidence().last { $0.record.kind == .verdict }?.record.verdict == .compliant
        }

        try await learn(.active)
        chmod(file, 0o666)
        try await eventually("repaired by the learned rule", moving: clock) {
            try await evidence().contains { $0.record.kind == .healing }
        }
        let repaired = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(repaired == 0o640)
        let healing = try #require(try await evidence().last { $0.record.kind == .healing }?.record)
        #expect(healing.outcome.word == "success" && healing.tier == .l1 && healing.requester == "rule:LRN-lab")
        #expect(healing.plan?.rule == "LRN-lab" && healing.plan?.ruleVersion == 4)
        let stamp = appliance.process.context.catalog.stamp
        #expect(healing.origin.policyVersion == "1+\(stamp.policyVersion ?? 0)" && healing.origin.rulesetDigest == stamp.digest)
        running.cancel()
        _ = try? await running.value
        #expect(isChain(try await evidence()))
        try await central.stop()
    }
}
