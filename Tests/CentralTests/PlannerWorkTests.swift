import Catalog
import Central
import Conditions
import Database
import Documents
import Evidence
import Foundation
import Healing
import Model
import Planner
import PlannerDouble
import Seal
import TestSupport
import Testing
import Wire

/// What is handed to a person goes to the model first, where there is one: once, within its budgets, and without holding anybody up.
@Suite(.serialized) struct PlannerWorkTests {
    static let check: CheckID = "linux.files.permissions"
    static let runbook: RunbookID = "linux.files.set_mode"

    /// One check and one runbook that no rule calls.
    static func catalog() -> CompiledCatalog {
        let expected = "/etc/practice 0640 root root"
        let definition = CheckDefinition(
            id: check, title: "File permissions", probe: "files", platforms: ["linux"], severity: .high, interval: .seconds(600),
            staleAfter: .seconds(86_400), phiRisk: "low",
            parameters: [
                "files": ParameterDefinition(type: .strings, summary: "Files.", default: .strings([expected])),
                "directories": ParameterDefinition(type: .strings, summary: "Where.", default: .strings(["/etc"])),
            ], notApplicable: [], drift: [Clause(code: "files.wrong", condition: .exists("files.first_wrong_path"))], requires: [],
            controls: [])
        let book = RunbookDefinition(
            id: runbook, title: "Set the mode", checks: [check], platforms: ["linux"],
            parameters: ["files": ParameterDefinition(type: .strings, summary: "Files.")],
            steps: [StepDefinition(verb: "file.set_mode", arguments: ["files": .parameter("files")])], isDisruptive: false,
            needsReboot: false, needsApproval: false, needsWindow: false, timeout: .seconds(60), retries: 0)
        return CompiledCatalog(
            version: 1, digest: .genesis, checks: [check: definition], rules: [], runbooks: [runbook: book], runbookDigests: [:],
            baselines: [
                "strict": BaselineDefinition(
                    id: "strict", title: "Strict", parameters: [check: ["files": .strings(["/etc/practice 0600 root root"])]],
                    documents: [:])
            ])
    }

    static func model(_ address: String, _ limits: PlannerSettings = PlannerSettings()) throws -> ModelSettings.Model {
        let price = try #require(ProviderConfiguration.Price(input: 1_000_000, output: 5_000_000))
        return ModelSettings.Model(
            provider: try ProviderConfiguration(
                kind: .anthropic, endpoint: address, model: "model-1", key: try #require(APIKey("secret-key-1")), price: price),
            limits: limits)
    }

    /// A Central that asks the double, with a channel that nobody answers, and the catalog published.
    static func run(
        _ engine: TestEngine = .sqlite, _ double: ModelDouble, _ limits: PlannerSettings = PlannerSettings(),
        _ body: (CentralUnderTest) async throws -> Void
    ) async throws {
        let model = try model(double.address, limits)
        try await CentralUnderTest.run(
            engine,
            change: {
                $0.planner = model
                $0.notifications.channels = [
                    NotificationChannel(
                        name: "nobody", way: .webhook(url: "http://127.0.0.1:9/", secret: Secret("0123456789abcdef"), authorityPath: nil))
                ]
            }, hasRecurringWork: false
        ) { central in
            let signer = try #require(central.services.keys.catalogSigner)
            let pack = CatalogPack.sign(try CatalogPack.encode(catalog(), schema: .code()), with: signer)
            _ = try await central.services.catalogs.publish(pack, by: CentralUnderTest.person)
            try await body(central)
        }
    }

    /// The box finds the drift and hands it over.
    @discardableResult
    static func handOver(
        _ box: inout Box, _ central: CentralUnderTest, code: Code = "rule.none", host: HostID = "front-desk", baseline: String? = nil
    ) async throws -> IncidentID {
        let incident = IncidentID(at: central.clock.now)
        let facts = Facts(["files.first_wrong_path": .string("/etc/practice"), "files.wrong": .strings(["/etc/practice is 0666"])])
        var bundles: [SignedBundle] = []
        bundles.append(
            try box.makeBundle(at: central.clock.now) {
                $0.kind = .verdict
                $0.host = host
                $0.check = check
                $0.verdict = .drift("files.wrong")
                $0.preState = facts
                $0.incident = incident
            })
        bundles.append(
            try box.makeBundle(at: central.clock.now) {
                $0.kind = .decision
                $0.host = host
                $0.check = check
                $0.outcome = .alert(code)
                $0.incident = incident
                $0.preState = facts
                $0.plan = PlanRecord(
                    baseline: baseline, parameters: [:], platforms: ["debian", "linux"], rule: nil, ruleVersion: nil, runbookDigest: nil)
            })
        let reply = try await box.submit(bundles, to: central)
        try #require(reply.refusal == nil)
        return incident
    }

    static let good = JSONValue.object(["files": ["value-1"], "confidence": 1, "reason": "it fits"])

    private func events(_ incident: IncidentID, _ central: CentralUnderTest) async throws -> [TicketEvent] {
        try await central.services.tickets.story(incident.description, for: CentralUnderTest.person).events
    }

    private func told(_ incident: IncidentID, _ central: CentralUnderTest) async throws -> Timestamp? {
        try await central.services.deliveries.list().first { $0.incident == incident }?.next
    }

    /// The proposal that waits for the box, as the box will read it.
    private func proposals(_ box: Box, _ central: CentralUnderTest) async throws -> [Proposal] {
        let grant = try #require(box.grant)
        let authenticator = OrderAuthenticator(
            site: grant.site, appliance: grant.appliance, keys: [central.services.keys.orders.verifyingKey])
        return try await box.checkin(at: central).orders.map { text in
            let order = try authenticator.authenticate(text, lastSequence: 0, isNonceSeen: { _ in false }, at: central.clock.now).order
            #expect(order.kind == .proposal && order.requester == "model:model-1")
            guard case .string(let proposal)? = order.parameters[Order.proposalParameter] else { throw ProposalRefusal.mismatch }
            return try Proposal(parsing: proposal)
        }
    }

    @Test(
        "A drift that no rule answers is asked about once; the choice is a signed order, and nobody is told before two minutes",
        arguments: TestEngine.allCases)
    func choice(engine: TestEngine) async throws {
        try await withModelDouble({ _ in .call("linux_files_set_mode", Self.good) }) { double in
            try await Self.run(engine, double) { central in
                var box = try await enrolledBox(at: central)
                let opened = central.clock.now
                let incident = try await Self.handOver(&box, central)
                #expect(try await events(incident, central).map(\.kind) == [.opened, .asked])
                #expect(try await told(incident, central) == opened + .seconds(120))
                await central.process.takeTurn(of: .planner)
                await central.process.takeTurn(of: .planner)
                #expect(double.questions.count == 1)
                let shown = try await events(incident, central)
                #expect(shown.map(\.kind) == [.opened, .asked, .answered])
                #expect(shown.last?.code == "planner.choice" && shown.last?.text == Self.runbook.description)
                #expect(try await told(incident, central) == opened + .seconds(120))

                let proposal = try #require(try await proposals(box, central).first)
                #expect(proposal.incident == incident && proposal.code == "files.wrong" && proposal.host == "front-desk")
                #expect(proposal.choice?.parameters == ["files": .strings(["/etc/practice 0640 root root"])])
                let kept = try await central.services.planner.exchanges(of: incident)
                #expect(kept.map(\.record) == [proposal.exchange] && kept.first?.order != nil)
                #expect(proposal.exchange.cost == 1_000 && proposal.exchange.prompt?.contains("files.first_wrong_path") == true)
                // The person's clock runs from the opening.
                let ticket = try #require(try await central.services.tickets.list(for: CentralUnderTest.person).first)
                #expect(ticket.due == ServiceLevel(.high).due(from: opened))
                // Handed over again: nobody is asked again.
                central.clock.advance(by: .seconds(30))
                let again = try box.makeBundle(at: central.clock.now) {
                    $0.kind = .decision
                    $0.host = "front-desk"
                    $0.check = Self.check
                    $0.outcome = .alert("gate.attempts")
                    $0.incident = incident
                }
                _ = try await box.submit([again], to: central)
                await central.process.takeTurn(of: .planner)
                #expect(double.questions.count == 1)
            }
        }
    }

    @Test("A host is asked about under the baseline that its appliance names; a choice by another one is refused where it arrives")
    func baselines() async throws {
        try await withModelDouble({ _ in .call("linux_files_set_mode", Self.good) }) { double in
            try await Self.run(.sqlite, double) { central in
                let catalog = try CatalogPack.decode(try CatalogPack.encode(Self.catalog(), schema: .code()), schema: nil)
                let definition = try #require(catalog.checks[Self.check])
                let strict = catalog.parameters(of: definition, baseline: catalog.baselines["strict"])
                var box = try await enrolledBox(at: central)
                var taken: [Result<[String: TypedValue], ProposalRefusal>] = []
                for baseline in [nil, "default", "strict"] {
                    let incident = try await Self.handOver(&box, central, host: HostID(baseline ?? "none")!, baseline: baseline)
                    await central.process.takeTurn(of: .planner)
                    let proposal = try #require(try await proposals(box, central).first { $0.incident == incident })
                    let known = Incident(
                        id: incident, host: proposal.host, check: Self.check, code: "files.wrong", severity: .high, state: .escalated,
                        opened: central.clock.now, lastSeen: central.clock.now,
                        facts: Facts(["files.first_wrong_path": .string("/etc/practice")]))
                    do throws(ProposalRefusal) {
                        taken.append(
                            .success(
                                try proposal.plan(
                                    for: known, catalog: catalog, platforms: ["debian", "linux"], parameters: strict,
                                    id: PlanID(at: central.clock.now), at: central.clock.now
                                ).parameters))
                    } catch { taken.append(.failure(error)) }
                }
                #expect(
                    taken == [
                        .failure(.notOffered), .failure(.notOffered), .success(["files": .strings(["/etc/practice 0600 root root"])]),
                    ])
            }
        }
    }

    @Test("A refusal of any kind reaches the person at once, and the appliance as evidence")
    func refusals() async throws {
        let answers: [(ModelDouble.Answer, Code)] = [
            (.call("escalate", ["confidence": 1, "reason": "unclear"]), "planner.escalated"), (.refusal, "planner.declined"),
            (.error(500), "planner.status"), (.hangUp, "planner.unreachable"),
            (.call("linux_host_reboot", ["confidence": 1, "reason": "unlisted"]), "planner.unlisted"),
            (
                .call("linux_files_set_mode", ["files": ["/etc/shadow 0777 root root"], "confidence": 1, "reason": "x"]),
                "planner.parameter"
            ),
        ]
        for (answer, code) in answers {
            try await withModelDouble({ _ in answer }) { double in
                try await Self.run(.sqlite, double) { central in
                    var box = try await enrolledBox(at: central)
                    let incident = try await Self.handOver(&box, central)
                    await central.process.takeTurn(of: .planner)
                    #expect(try await told(incident, central) == central.clock.now)
                    #expect(try await events(incident, central).last?.code == code)
                    let proposal = try #require(try await proposals(box, central).first)
                    #expect(proposal.choice == nil && proposal.exchange.outcome == code)
                }
            }
        }
    }

    @Test("A model that says nothing holds a notification for no more than two minutes, whatever its deadline")
    func silence() async throws {
        var limits = PlannerSettings()
        limits.deadline = .seconds(90)
        try await withModelDouble({ _ in .silence }) { double in
            try await Self.run(.sqlite, double, limits) { central in
                var box = try await enrolledBox(at: central)
                let opened = central.clock.now
                let incident = try await Self.handOver(&box, central)
                async let turn: Void = central.process.takeTurn(of: .planner)
                try await eventually("asked") { double.questions.count == 1 }
                #expect(try await told(incident, central) == opened + .seconds(120))
                try await eventually("given up", moving: central.clock) {
                    try await events(incident, central).last?.code == "planner.timed_out"
                }
                await turn
                let told = try #require(try await told(incident, central))
                #expect(told <= opened + .seconds(120))
            }
        }
    }

    @Test("Two processes that take one question ask it once, and the answer of the one that asked counts", arguments: TestEngine.allCases)
    func twoProcesses(engine: TestEngine) async throws {
        try await withModelDouble({ _ in .call("linux_files_set_mode", Self.good) }) { double in
            try await Self.run(engine, double) { central in
                let next = try await central.again(hasRecurringWork: false)
                var box = try await enrolledBox(at: central)
                for number in 0..<4 {
                    let incident = try await Self.handOver(&box, central, host: HostID("host-\(number)")!)
                    async let one: Void = central.process.takeTurn(of: .planner)
                    async let other: Void = next.process.takeTurn(of: .planner)
                    _ = await (one, other)
                    try await eventually("answered") {
                        await central.process.takeTurn(of: .planner)
                        return try await events(incident, central).last?.code == "planner.choice"
                    }
                }
                // An answer from memory is no question.
                #expect(double.questions.count <= 2)
                try await next.stop()
            }
        }
    }

    @Test("A site that asks a lot waits for itself")
    func turns() async throws {
        try await withModelDouble({ _ in .refusal }) { double in
            try await Self.run(.sqlite, double) { central in
                var flood = try await enrolledBox(at: central, central.makeTenant("Flood"))
                for number in 0..<5 { try await Self.handOver(&flood, central, host: HostID("host-\(number)")!) }
                central.clock.advance(by: .seconds(1))
                var other = try await enrolledBox(at: central, central.makeTenant("Hillside"))
                let asked = try await Self.handOver(&other, central)
                await central.process.takeTurn(of: .planner)
                #expect(try await events(asked, central).last?.code == "planner.declined")
            }
        }
    }

    @Test("What a rule or a guardrail gives to a person, and what is switched off, is asked of nobody")
    func notAsked() async throws {
        try await withModelDouble({ _ in .refusal }) { double in
            try await Self.run(.sqlite, double) { central in
                let desk = central.services.planner
                let tenant = try await central.makeTenant()
                var box = try await enrolledBox(at: central, tenant)
                for code: Code in ["rule.escalates", "gate.flapping", "gate.clinical_device", "gate.approval"] {
                    let incident = try await Self.handOver(&box, central, code: code)
                    #expect(try await events(incident, central).map(\.kind) == [.opened])
                    #expect(try await told(incident, central) == central.clock.now)
                }
                try await desk.switch.set(false, site: tenant.site, by: "alice", reason: "the practice asked for it")
                let off = try await Self.handOver(&box, central)
                #expect(try await events(off, central).map(\.kind) == [.opened])
                // Another site is asked about; then nobody is.
                var other = try await enrolledBox(at: central, central.makeTenant("Hillside"))
                let asked = try await Self.handOver(&other, central)
                #expect(try await events(asked, central).map(\.kind) == [.opened, .asked])
                try await desk.switch.set(false, site: nil, by: "alice", reason: "odd answers")
                await central.process.takeTurn(of: .planner)
                #expect(double.questions.isEmpty)
                #expect(try await events(asked, central).last?.code == "planner.off")
                try await desk.switch.set(true, site: nil, by: "bob", reason: "looked at")
                #expect(try await desk.switch.inForce().map(\.isOn) == [true, false])
                #expect(try await desk.switch.history().map(\.person) == ["bob", "alice", "alice"])
                await #expect(throws: CentralError.self) { try await desk.switch.set(false, site: nil, by: "", reason: "x") }
                await #expect(throws: CentralError.self) {
                    try await desk.switch.set(false, site: SiteID(at: central.clock.now), by: "x", reason: "x")
                }
            }
        }
    }

    @Test(
        "A process that dies over a question has asked once: the next one counts it in full, and gives it to the person",
        arguments: TestEngine.allCases)
    func interrupted(engine: TestEngine) async throws {
        var limits = PlannerSettings()
        limits.callsPerHourMax = 1
        try await withModelDouble({ _ in .silence }) { double in
            try await Self.run(engine, double, limits) { central in
                let tenant = try await central.makeTenant()
                var box = try await enrolledBox(at: central, tenant)
                let incident = try await Self.handOver(&box, central)
                async let turn: Void = central.process.takeTurn(of: .planner)
                try await eventually("asked") { double.questions.count == 1 }
                // Another process over the same data: beside it while the model may still answer, then as after a sudden end.
                let next = try await central.again(hasRecurringWork: false)
                await next.process.takeTurn(of: .planner)
                #expect(try await events(incident, central).last?.kind == .asked)
                try await central.services.database.write { _ = try $0.execute("UPDATE planner_question SET asked_at = asked_at - 45000") }
                await next.process.takeTurn(of: .planner)
                #expect(try await events(incident, central).last?.kind == .asked)
                try await central.services.database.write { _ = try $0.execute("UPDATE planner_question SET asked_at = asked_at - 1") }
                await next.process.takeTurn(of: .planner)
                #expect(try await events(incident, central).last?.code == "planner.interrupted")
                let kept = try #require(try await next.services.planner.exchanges(of: incident).first)
                #expect(kept.record.outcome == "planner.interrupted" && kept.record.cost > 10_000 && kept.order != nil)
                #expect(try await proposals(box, central).map(\.exchange) == [kept.record])
                // And its budget is not new.
                let second = try await Self.handOver(&box, next, host: "back-office")
                await next.process.takeTurn(of: .planner)
                #expect(try await events(second, central).last?.code == "planner.call_budget")
                #expect(double.questions.count == 1)
                #expect(try await next.services.planner.use().map(\.callsInTheHour) == [1])
                central.clock.advance(by: .seconds(60))
                await turn
                try await next.stop()
                // What the dead process would still have written changes nothing that was said.
                #expect(try await events(incident, central).count { $0.kind == .answered } == 1)
            }
        }
    }

    @Test(
        "martlet-central killed at any step of a question: asked at most once, counted, one answer in the end, one order",
        arguments: [CentralDurableStep.plannerAfterReserve, .plannerAfterAnswer, .plannerBeforeCommit, .plannerAfterCommit])
    func killed(step: CentralDurableStep) async throws {
        try await withModelDouble({ _ in .call("linux_files_set_mode", Self.good) }) { double in
            try await Self.run(.sqlite, double) { central in
                var box = try await enrolledBox(at: central)
                let incident = try await Self.handOver(&box, central)
                let key = central.configuration.dataDirectory + "/model.key"
                try PrivateFile.create(key, Array("secret-key-1".utf8))
                var program = MartletProgram(central.configuration, named: "martlet-central")
                program.environment.merge([
                    "MARTLET_WEB_PORT": "0", "MARTLET_APPLIANCES_PORT": "0", "MARTLET_PLANNER_PROVIDER": "anthropic",
                    "MARTLET_PLANNER_ADDRESS": double.address, "MARTLET_PLANNER_MODEL": "model-1", "MARTLET_PLANNER_KEY_FILE": key,
                    "MARTLET_PLANNER_PRICE_INPUT": "1", "MARTLET_PLANNER_PRICE_OUTPUT": "5",
                ]) { $1 }
                let end = try await program.run("--crash-at", step.rawValue)
                try #require(end.wasKilled, "\(end.errors)")
                // That process had the real time.
                central.clock.advance(by: .seconds(300))
                await central.process.takeTurn(of: .planner)
                await central.process.takeTurn(of: .planner)
                #expect(double.questions.count == (step == .plannerAfterReserve ? 0 : 1))
                let expected: Code = step == .plannerAfterCommit ? "planner.choice" : "planner.interrupted"
                let kept = try await central.services.planner.exchanges(of: nil)
                #expect(kept.map(\.record.outcome) == [expected] && kept.allSatisfy { $0.record.cost > 0 })
                #expect(try await events(incident, central).filter { $0.kind == .answered }.map(\.code) == [expected])
                #expect(try await proposals(box, central).map(\.exchange) == kept.map(\.record))
                #expect(try await central.services.planner.use().map(\.callsInTheHour) == [1])
            }
        }
    }

    @Test("The accuracy of a model is a table: right, wrong, timid, failed, cost and time")
    func score() async throws {
        try await withModelDouble(ModelDouble.obliging) { double in
            let directory = try TemporaryDirectory()
            try PrivateFile.create(directory.file("key"), Array("secret-key-1".utf8))
            let program = MartletProgram(CentralConfiguration(dataDirectory: directory.path))
            func score(_ more: String...) async throws -> MartletProgram.Answer {
                try await program.run(
                    [
                        "planner", "score", "--incidents", repositoryRoot + "/Tests/PlannerTests/Incidents.json", "--catalog",
                        repositoryRoot + "/Catalog", "--provider", "anthropic", "--address", double.address, "--model", "model-1",
                        "--key-file", directory.file("key"), "--input-price", "1", "--output-price", "5",
                    ] + more)
            }
            let answer = try await score("--json")
            let rows = try JSONValue(parsing: Array(answer.output.utf8), limits: JSONLimits(bytesMax: 1 << 16)).array ?? []
            let row = try #require(rows.first, "\(answer.errors)")
            func count(_ name: String) -> Int64 { row[name]?.integer ?? -1 }
            #expect(rows.count == 1 && count("asked") == 22)
            #expect(count("right") + count("wrong") + count("timid") + count("failed") == 22 && count("right") > 5 && count("wrong") > 0)
            // A thousand millionths for each question that was asked.
            #expect(count("inputTokens") == 700 * Int64(double.questions.count))
            #expect(row["dollars"]?.string == Dollars.text(Int64(double.questions.count) * 1_000))
            let table = try await score("--model", "model-2")
            #expect(table.status == 0 && table.output.contains("model-1") && table.output.contains("model-2"))
            #expect(!table.output.contains("secret-key-1"))
            chmod(directory.file("key"), 0o644)
            #expect(try await score().status != 0)
        }
    }

    @Test("The command line shows the model, its cost and every exchange, and switches it off with who and why")
    func commands() async throws {
        try await withModelDouble({ _ in .call("linux_files_set_mode", Self.good) }) { double in
            try await Self.run(.sqlite, double) { central in
                var box = try await enrolledBox(at: central)
                let incident = try await Self.handOver(&box, central)
                await central.process.takeTurn(of: .planner)
                let program = MartletProgram(central.configuration)
                let exchanges = try await program.run("central", "planner", "exchanges", "--incident", incident.description, "--json")
                #expect(exchanges.status == 0 && exchanges.output.contains("martlet.planner-exchange/v1"))
                #expect(!exchanges.output.contains("secret-key-1"))
                let off = try await program.run("central", "planner", "off", "--by", "alice", "--reason", "odd answers")
                #expect(off.status == 0 && off.output.contains("everywhere") && off.output.contains("odd answers"))
                let status = try await program.run("central", "status")
                #expect(status.output.contains("odd answers"))
                let planner = try await program.run("central", "planner")
                #expect(planner.output.contains("planner.choice") && planner.output.contains("0.001"))
                #expect(try await program.run("central", "planner", "on", "--by", "alice").status != 0)
            }
        }
    }
}
