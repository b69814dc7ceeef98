import Appliance
import Central
import Database
import Evidence
import Foundation
import Healing
import Model
import Seal
import TestSupport
import Testing

/// A plan that needs a second person, from the drift to the evidence, through the real composition roots.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct ApprovalTests {
    let clock = TestClock()
    let bob = SigningKey()

    /// One appliance with a drift whose runbook needs an approval, and Central, which lists the plan.
    private struct Lab {
        let central: LabCentral
        let site: LabSite
        let appliance: LabAppliance
        let file: String
        let running: Task<Void, any Error>

        func mode() throws -> Int? { try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int }
        func waiting() async throws -> [ApprovalStore.Waiting] { try await central.services.approvals.waiting(for: central.credential) }
        func evidence(_ order: OrderID) async throws -> BundleRecord? {
            try await central.evidence(of: site).last { $0.record.order == order && $0.record.kind == .order }?.record
        }

        /// What Central's own checks would refuse is sent all the same: the appliance must not depend on them.
        func send(_ envelope: String, approvers: [Approver]) async throws -> OrderID {
            try await central.order(
                OrderDraft(
                    appliance: appliance.identity.appliance, kind: .approve,
                    parameters: ["approval": .string(envelope), "approvers": .strings(approvers.map(\.description))],
                    // On a busy machine the clock of a test that waits goes far ahead.
                    timeToLive: .seconds(86_400), requester: "carol@msp.example", reason: "test"), site
            ).id
        }

        func stop() async throws {
            running.cancel()
            _ = try? await running.value
            try await central.stop()
        }
    }

    private func lab(repairs: Bool = true, approvers: [Approver] = []) async throws -> Lab {
        let central = try LabCentral(clock: clock.clock)
        try await central.start()
        let site = try await central.site()
        let appliance = try await LabAppliance(central, site, clock: clock.clock, approvers: approvers)
        // As a scanner's program might name it.
        let file = appliance.temporary.file("patient-John-Smith.txt")
        FileManager.default.createFile(atPath: file, contents: Data("x".utf8), attributes: [.posixPermissions: 0o666])
        try await central.publish(LabCatalog.make(version: 1, file: file, repairs: repairs, needsApproval: true))
        let process = appliance.process
        let running = Task { try await process.run(stopOn: []) }
        return Lab(central: central, site: site, appliance: appliance, file: file, running: running)
    }

    private func approval(
        of plan: PlanStatement, by name: String, with key: SigningKey, issued: Duration = .zero, for span: Duration = .seconds(86_400)
    ) -> String {
        var random = SystemRandomNumberGenerator()
        let issued = clock.now + issued
        return Approval(of: plan, approver: name, issued: issued, expires: issued + span, random: &random).signed(with: key)
    }

    @Test("A plan waits, is listed at Central, runs once by another person's signature, and its evidence proves that to a stranger")
    func approvedAndRuns() async throws {
        let lab = try await lab()
        try await eventually("the plan is listed at Central", moving: clock) { try await lab.waiting().count == 1 }
        let waiting = try #require(try await lab.waiting().first)
        #expect(waiting.statement.requester == "rule:L1-LAB-001" && waiting.statement.host == "here")
        // What the person is shown has left the site.
        let shown = waiting.statement.text
        #expect(shown.contains("/patient-[name:") && !shown.contains("Smith"), "\(shown)")
        let asking = try #require(try await lab.appliance.stored().first { $0.record.outcome.code == "gate.approval" }?.record)
        #expect(asking.kind == .decision && asking.outcome.word == "alert" && asking.note.contains(waiting.statement.digest.description))
        let status = try await StatusReport(lab.appliance.configuration, database: lab.appliance.process.context.database, at: clock.now)
        #expect(status.needsAttention && status.text.contains("wanted since"))
        #expect(try await lab.central.services.status.alerts().contains { $0.code == "approval.waiting" })
        #expect(try lab.mode() == 0o666)

        let approver = try #require(Approver(name: "bob@msp.example", key: bob.verifyingKey))
        let approvals = await lab.central.services.approvals
        try await approvals.register(approver, in: lab.site.scope, by: lab.central.credential)
        let envelope = approval(of: waiting.statement, by: approver.name, with: bob)
        let order = try await approvals.deliver(envelope, of: waiting, by: lab.central.credential)
        try await eventually("healed", moving: clock) {
            try await lab.central.evidence(of: lab.site).contains { $0.record.outcome.word == "success" }
        }
        #expect(try lab.mode() == 0o640)
        let bundles = try await lab.central.evidence(of: lab.site)
        let healing = try #require(bundles.first { $0.record.kind == .healing }?.record)
        #expect(healing.approver == approver.name && healing.requester == "rule:L1-LAB-001")
        #expect(healing.note.contains(waiting.statement.digest.description) && healing.note.contains(bob.id.description))

        // A stranger rebuilds what Bob signed from the bundle alone.
        let taken = try #require(try await lab.evidence(order.id))
        #expect(taken.outcome.word == "observed" && taken.approver == approver.name)
        let facts = taken.preState
        func text(_ name: FactName) -> String { if case .string(let text)? = facts[name] { text } else { "" } }
        func instant(_ name: FactName) -> Timestamp? { if case .instant(let instant)? = facts[name] { instant } else { nil } }
        let signed = Approval(
            site: taken.origin.site, appliance: taken.origin.appliance, plan: try #require(Digest(text("approval.plan"))),
            approver: taken.approver ?? "", issued: try #require(instant("approval.issued")),
            expires: try #require(instant("approval.expires")), nonce: text("approval.nonce"))
        let key = try #require([UInt8](hexadecimal: text("approval.key")).flatMap { VerifyingKey(bytes: $0) })
        let signature = try #require([UInt8](hexadecimal: text("approval.signature")))
        #expect(key.isValid(signature, for: try signed.json.canonicalBytes()) && key == bob.verifyingKey)
        #expect(signed.plan == waiting.statement.digest)

        // The same approval again, and the same drift again.
        let again = try await lab.send(envelope, approvers: [approver])
        try await eventually("the replay is refused", moving: clock) {
            try await lab.evidence(again)?.outcome.code == "approval.replayed"
        }
        chmod(lab.file, 0o666)
        try await eventually("another approval is wanted", moving: clock) {
            try await lab.waiting().contains { $0.statement.digest != waiting.statement.digest }
        }
        #expect(try lab.mode() == 0o666)
        try await lab.stop()
    }

    @Test("Unknown keys, broken signatures, other plans, names, boxes and times are refused by the box itself, and nothing runs")
    func refused() async throws {
        let approver = try #require(Approver(name: "bob@msp.example", key: bob.verifyingKey))
        let lab = try await lab()
        try await eventually("the plan waits", moving: clock) { try await lab.waiting().count == 1 }
        let plan = try #require(try await lab.waiting().first?.statement)
        let good = approval(of: plan, by: approver.name, with: bob)
        var other = plan.json
        if case .object(var members) = other {
            members["parameters"] = ["files": ["/etc/shadow 0640 root root"]]
            other = .object(members)
        }
        var elsewhere = plan.json
        if case .object(var members) = elsewhere {
            members["appliance"] = .string(ApplianceID(at: clock.now).description)
            elsewhere = .object(members)
        }
        let cases: [(String, Code)] = [
            (approval(of: plan, by: approver.name, with: SigningKey()), "approval.unknown_key"),
            (good.replacingOccurrences(of: #""signature":""#, with: #""signature":"A"#), "approval.malformed"),
            (
                SignedEnvelope(keyID: bob.id, payload: Array("{}".utf8), signature: bob.sign(Array("[]".utf8))).text,
                "approval.bad_signature"
            ),
            (approval(of: try PlanStatement(json: other), by: approver.name, with: bob), "approval.unknown_plan"),
            (approval(of: try PlanStatement(json: elsewhere), by: approver.name, with: bob), "approval.wrong_appliance"),
            (approval(of: plan, by: "dora@msp.example", with: bob), "approval.wrong_name"),
            (approval(of: plan, by: approver.name, with: bob, issued: .seconds(-7_200), for: .seconds(3_600)), "approval.expired"),
            (approval(of: plan, by: approver.name, with: bob, issued: .seconds(864_000)), "approval.from_future"),
            (approval(of: plan, by: approver.name, with: bob, for: .seconds(8 * 86_400)), "approval.lifetime"),
        ]
        let approvals = await lab.central.services.approvals
        try await approvals.register(approver, in: lab.site.scope, by: lab.central.credential)
        let waiting = try #require(try await lab.waiting().first)
        for (envelope, code) in cases {
            let error = await #expect(throws: CentralError.self) {
                try await approvals.deliver(envelope, of: waiting, by: lab.central.credential)
            }
            #expect(error?.code == code, "Central refuses it too")
            let order = try await lab.send(envelope, approvers: [approver])
            try await eventually("\(code)", moving: clock) { try await lab.evidence(order)?.outcome.code == code }
        }
        #expect(try lab.mode() == 0o666)
        #expect(try await lab.appliance.stored().allSatisfy { $0.record.kind != .healing })
        try await lab.stop()
    }

    @Test("Where the box's own configuration names the approvers, Central's word does not make another")
    func pinned() async throws {
        let own = try #require(Approver(name: "bob@msp.example", key: bob.verifyingKey))
        let lab = try await lab(approvers: [own])
        try await eventually("the plan waits", moving: clock) { try await lab.waiting().count == 1 }
        let plan = try #require(try await lab.waiting().first?.statement)
        let intruder = SigningKey()
        let made = try #require(Approver(name: "bob@msp.example", key: intruder.verifyingKey))
        let refused = try await lab.send(approval(of: plan, by: made.name, with: intruder), approvers: [made])
        try await eventually("refused", moving: clock) { try await lab.evidence(refused)?.outcome.code == "approval.unknown_key" }
        #expect(try lab.mode() == 0o666)
        _ = try await lab.send(approval(of: plan, by: own.name, with: bob), approvers: [])
        try await eventually("healed", moving: clock) {
            try await lab.central.evidence(of: lab.site).contains { $0.record.outcome.word == "success" }
        }
        try await lab.stop()
    }

    @Test("A person's order waits for somebody else than that person, and no longer than it may be begun")
    func orders() async throws {
        let lab = try await lab(repairs: false)
        let parameters: [String: TypedValue] = ["files": .strings(["\(lab.file) 0640 root root"])]
        func order() async throws -> OrderID {
            try await lab.central.order(
                OrderDraft(
                    appliance: lab.appliance.identity.appliance, host: "here", kind: .runbook, runbook: LabCatalog.runbook,
                    check: LabCatalog.check, parameters: parameters, timeToLive: .seconds(86_400), requester: "alice@central-host",
                    reason: "test"), lab.site
            ).id
        }
        // Before its drift is seen or after: it is the same plan.
        let (first, alice) = (try await order(), SigningKey())
        try await eventually("the order waits", moving: clock) { try await lab.waiting().contains { $0.statement.order == first } }
        let plan = try #require(try await lab.waiting().first { $0.statement.order == first }?.statement)
        try await eventually("the drift is seen", moving: clock) {
            try await lab.central.evidence(of: lab.site).contains { $0.record.verdict == .drift("files.wrong") }
        }
        let asker = try #require(Approver(name: "Alice", key: alice.verifyingKey))
        let other = try #require(Approver(name: "bob", key: bob.verifyingKey))
        let own = try await lab.send(approval(of: plan, by: "Alice", with: alice), approvers: [asker, other])
        try await eventually("her own approval is refused", moving: clock) {
            try await lab.evidence(own)?.outcome.code == "approval.same_person"
        }
        #expect(try lab.mode() == 0o666)
        _ = try await lab.send(approval(of: plan, by: "bob", with: bob), approvers: [asker, other])
        try await eventually("healed", moving: clock) {
            try await lab.central.evidence(of: lab.site).contains { $0.record.order == first && $0.record.outcome.word == "success" }
        }
        let healing = try #require(try await lab.central.evidence(of: lab.site).last { $0.record.kind == .healing }?.record)
        #expect(healing.approver == "bob" && healing.requester == "order:alice@central-host" && healing.tier == .l3)

        chmod(lab.file, 0o666)
        let second = try await order()
        try await eventually("the second waits", moving: clock) { try await lab.waiting().contains { $0.statement.order == second } }
        clock.advance(by: .seconds(86_400))
        try await eventually("it expired", moving: clock) { try await lab.evidence(second)?.outcome.word == "expired" }
        try await eventually("nothing waits", moving: clock) { try await lab.waiting().isEmpty }
        #expect(try lab.mode() == 0o666)
        try await lab.stop()
    }

    @Test("By the commands: a key, a name, the plan, a signature on another machine, the order; and the brake for all boxes")
    func commands() async throws {
        let lab = try await lab()
        try await eventually("the plan waits", moving: clock) { try await lab.waiting().count == 1 }
        let plan = try #require(try await lab.waiting().first?.statement)
        let environment = await lab.central.environment
        let (key, document, signed) = (
            lab.central.directory.file("bob.key"), lab.central.directory.file("plan.json"), lab.central.directory.file("approval.json")
        )
        func run(_ arguments: [String]) async throws -> Int32 {
            let program = try LabProgram(
                "martlet", arguments, environment: environment, log: lab.central.directory.file("command.log"))
            try await program.ended()
            return program.process.terminationStatus
        }
        #expect(try await run(["key", "create", key]) == 0)
        #expect(try await run(["key", "create", key]) == 1, "a key is never overwritten")
        let text = try SigningKey(contentsOf: key).verifyingKey.bytes.base64
        #expect(try await run(["central", "approver", "add", "Practice", "bob@msp.example", text]) == 0)
        #expect(try await run(["central", "approver", "add", "Practice", "Bob", text]) == 1, "one key, one name")
        #expect(try await run(["central", "approver", "add", "Practice", "bob", SigningKey().verifyingKey.bytes.base64]) == 1)
        #expect(try await run(["central", "approver", "list", "Practice"]) == 0)
        #expect(try await run(["central", "approvals"]) == 0)
        let digest = plan.digest.description
        #expect(try await run(["central", "approvals", "--plan", String(digest.prefix(12)), "--output", document]) == 0)
        // The program's clock is the machine's, the lab's was moved on: so far that a day's approval must still hold.
        #expect(try await run(["approve", document, "--key", key, "--as", "bob@msp.example", "--lifetime", "7d", "--output", signed]) == 0)
        #expect(try await run(["central", "approve", digest, "--signed", signed]) == 0)
        try await eventually("healed", moving: clock) {
            try await lab.central.evidence(of: lab.site).contains { $0.record.approver == "bob@msp.example" && $0.record.kind == .healing }
        }
        #expect(try await run(["central", "approver", "remove", "Practice", "bob@msp.example"]) == 0)
        #expect(try await run(["central", "approver", "remove", "Practice", "bob@msp.example"]) == 1)

        #expect(try await run(["central", "pause", "--reason", "a storm"]) == 0)
        try await eventually("paused, and seen at Central", moving: clock) {
            try await lab.central.services.appliances.list(for: lab.central.credential).allSatisfy(\.isPaused)
        }
        let status = try await StatusReport(lab.appliance.configuration, database: lab.appliance.process.context.database, at: clock.now)
        #expect(status.text.contains("PAUSED by an order from Central"))
        #expect(try await run(["central", "resume", "--site", "Main street", "--reason", "over"]) == 0)
        try await eventually("repair goes on", moving: clock) {
            try await lab.central.services.appliances.list(for: lab.central.credential).allSatisfy { !$0.isPaused }
        }
        try await lab.stop()
    }
}
