import Appliance
import Catalog
import Central
import Database
import Evidence
import Foundation
import Learning
import Model
import Seal
import TestSupport
import Testing

/// What a model and a person repaired becomes a rule that the real appliance heals by, with the proof; and is taken back when it fails.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct LearnedRuleStoryTests {
    @Test("From repairs by L2 to a rule in shadow, canary and active that heals this machine; failing, it is demoted by itself")
    func story() async throws {
        let clock = TestClock()
        let central = try LabCentral(clock: clock.clock)
        try await central.start()
        let site = try await central.site()
        let appliance = try await LabAppliance(central, site, clock: clock.clock)
        let (file, programs) = (appliance.temporary.file("secret"), appliance.temporary.file("programs"))
        let program = programs + "/tool"
        try FileManager.default.createDirectory(atPath: programs, withIntermediateDirectories: true)
        for path in [file, program] { FileManager.default.createFile(atPath: path, contents: Data("x".utf8)) }
        chmod(file, 0o640)
        chmod(program, 0o755)
        // No rule knows a set-id program.
        let catalog = LabCatalog.make(version: 1, file: file, searching: programs)
        try await central.publish(catalog)
        let running = Task { try await appliance.process.run(stopOn: []) }
        let learning = await central.services.learning
        let (partner, person) = (try #require(PartnerID(site.scope.organization.description)), central.credential)
        let alice = try LearningDesk.Decision(by: "alice@msp.example", reason: "seen it work")
        let figures = [
            (name: "holdSeconds", value: "3600"), (name: "shadowFirings", value: "5"), (name: "canaryFirings", value: "10"),
            (name: "canaryLimit", value: "600"), (name: "shadowApproval", value: "person"),
        ]
        _ = try await learning.set(figures, of: partner, alice, for: person)
        func evidence() async throws -> [BundleRecord] { try await central.evidence(of: site).map(\.record) }
        func entry() async throws -> LearningDesk.Entry? { try await learning.list(of: partner, for: person).first }
        func stage() async throws -> Stage? { try await entry()?.stage }
        func act(_ act: LearningDesk.Act) async throws {
            let name = try #require(try await entry()).key.name.description
            try await learning.act(act, name, of: partner, alice, for: person)
        }
        func hoursPass(_ what: String, until condition: () async throws -> Bool) async throws {
            try await eventually(what, moving: clock) {
                clock.advance(by: .seconds(300))
                return try await condition()
            }
        }
        try await eventually("compliant", moving: clock) { try await evidence().contains { $0.verdict == .compliant } }
        let digest = try await appliance.process.context.catalog.current()?.catalog.runbookDigests[LabCatalog.runbook]
        let seeds = SeededRepairs(appliance: appliance, clock: clock, program: program, digest: try #require(digest))

        // What L2 did on other machines of this site.
        for number in 0..<6 { try await seeds.tell(host: HostID("seeded-\(number)")!, .l2) }
        try await hoursPass("ready") { try await learning.ready(of: partner, for: person).contains { $0.refusal == nil } }
        try await act(.admit)
        let key = try #require(try await entry()).key
        func inForce(_ stage: SitePolicy.Learned.Stage) async throws {
            try await eventually("\(stage) in force", moving: clock) {
                try await appliance.process.context.catalog.current()?.policy?.policy.learned.map(\.stage) == [stage]
            }
        }
        try await inForce(.shadow)

        // In shadow: it looks on while a person repairs this machine, and while L2 repairs others.
        chmod(program, 0o4755)
        try await eventually("a person is asked", moving: clock) {
            try await evidence().contains { $0.kind == .decision && $0.host == "here" && !$0.shadow.isEmpty }
        }
        let asked = try #require(try await evidence().last { $0.kind == .decision && $0.host == "here" })
        #expect(asked.shadow == [ShadowFiring(pattern: key.signature.digest, version: 1, rule: key.name)])
        _ = try await central.order(
            OrderDraft(
                appliance: appliance.identity.appliance, host: "here", kind: .runbook, runbook: LabCatalog.runbook, check: LabCatalog.check,
                parameters: ["files": .strings(["\(program) 0755 root root"])], requester: "bob", reason: "set-id program"), site)
        try await eventually("repaired by a person", moving: clock) {
            try await evidence().contains { $0.kind == .healing && $0.host == "here" && $0.tier == .l3 }
        }
        let byPerson = try #require(try await evidence().last { $0.kind == .healing && $0.host == "here" })
        #expect(byPerson.outcome.word == "success" && byPerson.plan?.rule == nil && byPerson.plan?.platforms.isEmpty == false)
        for number in 0..<4 { try await seeds.tell(host: HostID("seeded-\(number)")!, .l2, shadow: key) }
        try await hoursPass("canary is earned") { try await entry()?.pattern?.awaiting == .canary }
        #expect(try await entry()?.pattern?.successes == 5)
        try await act(.approve)
        try await inForce(.canary)

        // As a canary it heals this machine by itself, and that is the proof.
        chmod(program, 0o4755)
        func healings() async throws -> [BundleRecord] { try await evidence().filter { $0.kind == .healing && $0.plan?.rule == key.name } }
        try await eventually("healed by the learned rule", moving: clock) { try await healings().count == 1 }
        let healed = try #require(try await healings().first)
        #expect(healed.outcome.word == "success" && healed.tier == .l1 && healed.host == "here" && healed.plan?.ruleVersion == 1)
        #expect(try FileManager.default.attributesOfItem(atPath: program)[.posixPermissions] as? Int == 0o755)
        try await eventually("the proof", moving: clock) {
            try await learning.detail(key.name.description, of: partner, for: person).first != nil
        }
        let proof = try #require(try await learning.detail(key.name.description, of: partner, for: person).first)
        let found = try await central.services.evidence.find(.id(healed.id), for: person)
        #expect(proof.bundle == healed.id && proof.logIndex == found?.logIndex && proof.appliance == appliance.identity.appliance)
        for number in 0..<9 { try await seeds.tell(host: HostID("seeded-\(number)")!, .l1, rule: (key, 1)) }
        try await hoursPass("active is earned") { try await entry()?.pattern?.awaiting == .active }
        try await act(.approve)
        try await inForce(.active)
        chmod(program, 0o4755)
        try await eventually("healed again", moving: clock) { try await healings().contains { $0.host == "here" && $0.id != healed.id } }

        // It fails three times in a row: nobody has to do anything.
        for number in 0..<3 { try await seeds.tell(host: HostID("failing-\(number)")!, .l1, rule: (key, 1), works: false) }
        try await eventually("demoted", moving: clock) { try await stage() == .demoted }
        try await eventually("taken back", moving: clock) {
            try await appliance.process.context.catalog.current()?.policy?.policy.learned == []
        }
        try await act(.revoke)
        for number in 0..<6 { try await seeds.tell(host: HostID("again-\(number)")!, .l2) }
        try await hoursPass("counted") { (try await entry()?.figures?.successes ?? 0) >= 16 }
        #expect(try await stage() == .revoked)
        #expect(try await learning.ready(of: partner, for: person).isEmpty)
        let history = try await learning.history(of: partner, for: person)
        #expect(history.map(\.change.to) == [.shadow, .canary, .active, .demoted, .revoked])
        #expect(history.map(\.change.reason).last { $0 != "promotion.revoked" } == "promotion.failures_in_a_row")
        running.cancel()
        _ = try? await running.value
        #expect(isChain(try await central.evidence(of: site)))
        try await central.stop()
    }
}

/// Repairs that the real appliance's journal tells of, signed and chained as its own: of machines that are not there.
private struct SeededRepairs {
    let appliance: LabAppliance
    let clock: TestClock
    let program: String
    let digest: Digest

    func tell(
        host: HostID, _ tier: Tier, shadow: PatternKey? = nil, rule: (key: PatternKey, version: Int)? = nil, works: Bool = true
    ) async throws {
        let (context, now) = (appliance.process.context, clock.now)
        let incident = IncidentID(at: now)
        let facts = Facts(["files.set_id": .strings([program])])
        func bundle(_ kind: Evidence.Bundle.Kind, _ outcome: Outcome) -> Evidence.Bundle {
            var bundle = context.drafts.bundle(kind, host: host, from: now, to: now, outcome: outcome)
            (bundle.check, bundle.incident) = (LabCatalog.check, incident)
            bundle.shadow = shadow.map { [ShadowFiring(pattern: $0.signature.digest, version: 1, rule: $0.name)] } ?? []
            return bundle
        }
        let platforms = ["linux", "debian"]
        var drift = bundle(.verdict, .observed)
        (drift.verdict, drift.preState, drift.shadow) = (.drift("files.other"), facts, [])
        var decision = bundle(.decision, .alert("rule.none"))
        decision.preState = facts
        decision.plan = PlanRecord(parameters: [:], platforms: platforms, rule: nil, ruleVersion: nil, runbookDigest: nil)
        let look = Observation(host: host, check: LabCatalog.check, verdict: .compliant, facts: Facts(), started: now, ended: now)
        let passing = try #require(PassingRecheck(look, after: now))
        var healing = bundle(.healing, works ? .success(passing) : .failed("check.still_drift"))
        (healing.tier, healing.runbook, healing.preState) = (tier, LabCatalog.runbook, facts)
        healing.verdict = works ? .compliant : .drift("files.other")
        healing.plan = PlanRecord(
            parameters: ["files": .strings(["\(program) 0755 root root"])], platforms: platforms, rule: rule?.key.name,
            ruleVersion: rule?.version, runbookDigest: digest)
        var passes = bundle(.verdict, .observed)
        (passes.verdict, passes.shadow) = (.compliant, [])
        try await context.journal.append([drift] + (rule == nil ? [decision] : []) + [healing] + (works ? [passes] : [])) { _, _ in }
    }
}
