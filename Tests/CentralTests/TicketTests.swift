import Catalog
import Central
import Conditions
import Documents
import Evidence
import Foundation
import Model
import Seal
import TestSupport
import Testing
import Wire

/// What automation hands over becomes one ticket for each incident, with its timers, and is told to whom it concerns.
@Suite(.serialized) struct TicketTests {
    private static let check: CheckID = "linux.firewall.ruleset"

    private func say(
        _ kind: Evidence.Bundle.Kind, _ outcome: Outcome, _ incident: IncidentID, _ box: inout Box, _ central: CentralUnderTest,
        host: HostID = "box", runbook: RunbookID? = nil
    ) async throws {
        let bundle = try box.makeBundle(at: central.clock.now) {
            $0.kind = kind
            $0.outcome = outcome
            if outcome.word == "success" { $0.verdict = .compliant }
            $0.incident = incident
            $0.check = Self.check
            $0.host = host
            $0.runbook = runbook
        }
        let reply = try await box.submit([bundle], to: central)
        try #require(reply.refusal == nil)
        // Sent again, as after a lost answer, it is no second event.
        _ = try await box.submit([bundle], to: central)
    }

    private func outcome(_ works: Bool, on host: HostID, at now: Timestamp) throws -> Outcome {
        guard works else { return .failed("check.still_drift") }
        let look = Observation(host: host, check: Self.check, verdict: .compliant, facts: Facts(), started: now, ended: now)
        return .success(try #require(PassingRecheck(look, after: now)))
    }

    /// Each for this check but the last.
    private func publish(_ runbooks: [RunbookID], at central: CentralUnderTest) async throws {
        let checks: [CheckID] = [Self.check, "linux.ssh.hardening"]
        let definitions = checks.map { id in
            CheckDefinition(
                id: id, title: "A title", probe: "firewall", platforms: ["linux"], severity: .high, interval: .seconds(900),
                staleAfter: .seconds(3_600), phiRisk: "low", parameters: [:], notApplicable: [],
                drift: [Clause(code: "firewall.not_loaded", condition: .exists("firewall.table"))], requires: [], controls: [])
        }
        let books = runbooks.map { id in
            RunbookDefinition(
                id: id, title: "A title", checks: [id == runbooks.last ? checks[1] : checks[0]], platforms: ["linux"], parameters: [:],
                steps: [StepDefinition(verb: "service.start", arguments: ["units": .literal(.strings(["nftables.service"]))])],
                isDisruptive: false, needsReboot: false, needsApproval: false, needsWindow: false, timeout: .seconds(60), retries: 0)
        }
        let catalog = CompiledCatalog(
            version: 1, digest: .genesis, checks: Dictionary(uniqueKeysWithValues: definitions.map { ($0.id, $0) }), rules: [],
            runbooks: Dictionary(uniqueKeysWithValues: books.map { ($0.id, $0) }), runbookDigests: [:], baselines: [:])
        let schema = CatalogSchema(
            probes: ["firewall": ["firewall.table": .string]], verbs: ["service.start": VerbSignature(required: ["units": .strings])])
        let signer = try #require(central.services.keys.catalogSigner)
        _ = try await central.services.catalogs.publish(
            CatalogPack.sign(try CatalogPack.encode(catalog, schema: schema), with: signer), by: CentralUnderTest.person)
    }

    private func pass(
        _ box: inout Box, _ central: CentralUnderTest, host: HostID = "box", ending incident: IncidentID? = nil
    ) async throws {
        let bundle = try box.makeBundle(at: central.clock.now) {
            $0.kind = .verdict
            $0.check = Self.check
            $0.verdict = .compliant
            $0.host = host
            $0.incident = incident
        }
        _ = try await box.submit([bundle], to: central)
    }

    private func events(_ incident: IncidentID, _ central: CentralUnderTest) async throws -> [TicketEvent.Kind] {
        try await central.services.tickets.story(incident.description, for: CentralUnderTest.person).events.map(\.kind)
    }

    @Test("An incident handed over is one ticket, with what was tried; a check that passes resolves it", arguments: TestEngine.allCases)
    func lifeOfATicket(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine, hasRecurringWork: false) { central in
            let tickets = central.services.tickets
            let person = CentralUnderTest.person
            var box = try await enrolledBox(at: central)
            let incident = IncidentID(at: central.clock.now)
            try await say(.healing, .failed("verb.failed"), incident, &box, central, runbook: "linux.firewall.restore_baseline")
            // So far nobody is needed.
            #expect(try await tickets.list(for: person).isEmpty)
            try await say(.decision, .alert("gate.attempts"), incident, &box, central)
            try await say(.decision, .alert("gate.flapping"), incident, &box, central)
            let open = try await tickets.list(for: person)
            #expect(open.map(\.incident) == [incident])
            let ticket = try #require(open.first)
            #expect(ticket.state == .open && ticket.priority == .medium && ticket.code == "gate.attempts" && ticket.level == 1)
            #expect(ticket.due == ServiceLevel(.medium).due(from: ticket.opened))
            #expect(try await events(incident, central) == [.attempt, .opened, .decision])
            let story = try await tickets.story(String(incident.description.suffix(6)), for: person)
            #expect(story.attempts.map(\.text) == ["linux.firewall.restore_baseline"])
            #expect(story.attempts.first?.code == "verb.failed")

            // Another host's or another check's word is not about it.
            try await pass(&box, central, host: "other")
            #expect(try await tickets.list(for: person).count == 1)
            // As the appliance says it: with the incident that this verdict ends.
            try await pass(&box, central, ending: incident)
            #expect(try await tickets.list(for: person).isEmpty)
            #expect(try await tickets.list(for: person, all: true).map(\.state) == [.resolved])
            // And what is handed over again is the same ticket.
            central.clock.advance(by: .seconds(7_200))
            try await say(.decision, .alert("gate.attempts"), incident, &box, central)
            let again = try #require(try await tickets.list(for: person).first)
            #expect(again.incident == incident && again.state == .open && again.opened == central.clock.now && again.responded == nil)
            #expect(try await events(incident, central) == [.attempt, .opened, .decision, .resolved, .reopened])
        }
    }

    @Test("A person takes it, notes, decides, resolves and opens it again; what its state forbids changes nothing")
    func peoplesActs() async throws {
        try await CentralUnderTest.run(.sqlite, hasRecurringWork: false) { central in
            let tickets = central.services.tickets
            let person = CentralUnderTest.person
            var box = try await enrolledBox(at: central)
            let incident = IncidentID(at: central.clock.now)
            try await say(.decision, .alert("rule.none"), incident, &box, central)
            let id = incident.description
            #expect(try await tickets.act(.acknowledge, on: id, by: person).state == .acknowledged)
            #expect(try await tickets.list(for: person).first?.assignee == person.name)
            #expect(try await tickets.act(.assign(to: "bob@msp.example"), on: id, by: person).assignee == "bob@msp.example")
            let refused: [TicketStore.Act] = [
                .acknowledge, .reopen("why"), .note(""), .resolve("\u{1b}[2J"), .note(String(repeating: "x", count: 2_001)),
            ]
            for act in refused {
                await #expect(throws: CentralError.self) { try await tickets.act(act, on: id, by: person) }
            }
            await #expect(throws: CentralError.self) {
                try await tickets.act(.acknowledge, on: "incd_0000000000000000000000000", by: person)
            }
            await #expect(throws: CentralError.self) { try await tickets.act(.acknowledge, on: "%%%%%%", by: person) }
            try await tickets.act(.note("called the practice"), on: id, by: person)
            try await tickets.act(.resolve("an unplugged cable"), on: id, by: person)
            await #expect(throws: CentralError.self) { try await tickets.act(.assign(to: "carol"), on: id, by: person) }
            #expect(try await tickets.act(.reopen("it is loose again"), on: id, by: person).state == .open)
            #expect(
                try await events(incident, central)
                    == [.opened, .acknowledged, .assigned, .noted, .resolved, .reopened])

            // The same drift elsewhere: how it was solved before is at hand.
            let other = IncidentID(at: central.clock.now)
            try await say(.decision, .alert("rule.none"), other, &box, central, host: "second")
            let story = try await tickets.story(other.description, for: person)
            #expect(story.similar.map(\.incident) == [incident])
            #expect(story.lastSolution == "an unplugged cable")
        }
    }

    @Test("What is recommended: an approval that is waited for, what ended the same before, what was not tried yet, a person's hands")
    func recommended() async throws {
        try await CentralUnderTest.run(.sqlite, hasRecurringWork: false) { central in
            var box = try await enrolledBox(at: central)
            func advice(_ incident: IncidentID) async throws -> Recommendation {
                try await central.services.tickets.story(incident.description, for: CentralUnderTest.person).recommended
            }
            let first = IncidentID(at: central.clock.now)
            try await say(.decision, .alert("rule.none"), first, &box, central)
            #expect(try await advice(first).basis == .byHand)

            let books: [RunbookID] = ["linux.firewall.restore_baseline", "linux.firewall.start", "linux.other"]
            try await publish(books, at: central)
            #expect(try await advice(first).basis == .catalog)
            #expect(try await advice(first).runbooks == Array(books.prefix(2)))
            // What failed here is not recommended here.
            try await say(.healing, .failed("verb.failed"), first, &box, central, runbook: books[0])
            #expect(try await advice(first).runbooks == [books[1]])

            // Elsewhere it helped twice of three times, and the other once of two.
            for (host, runbook, works) in [
                ("a", books[0], true), ("b", books[0], true), ("c", books[0], false), ("d", books[1], true), ("e", books[1], false),
            ] as [(HostID, RunbookID, Bool)] {
                let incident = IncidentID(at: central.clock.now)
                try await say(.decision, .alert("rule.none"), incident, &box, central, host: host)
                try await say(
                    .healing, try outcome(works, on: host, at: central.clock.now), incident, &box, central, host: host, runbook: runbook)
            }
            let other = try await advice(first)
            #expect(other.basis == .solvedBefore && other.runbooks == [books[1]])
            let second = IncidentID(at: central.clock.now)
            try await say(.decision, .alert("rule.none"), second, &box, central, host: "second")
            let found = try await advice(second)
            #expect(found.basis == .solvedBefore && found.runbooks == [books[0]] && found.attempts == 4 && found.successes == 2)

            try await say(.decision, .alert("gate.approval"), second, &box, central, host: "second")
            #expect(try await advice(second).basis == .approval)
            // Approved, and tried: no plan waits any more.
            try await say(.healing, .failed("verb.failed"), second, &box, central, host: "second", runbook: books[0])
            #expect(try await advice(second).basis == .solvedBefore)
            #expect(try await advice(second).runbooks == [books[1]])
            try await say(.decision, .alert("gate.clinical_device"), second, &box, central, host: "second")
            #expect(try await advice(second).basis == .byHand)
        }
    }

    @Test("Another appliance's word about an incident changes no ticket")
    func strangersWord() async throws {
        try await CentralUnderTest.run(.sqlite, hasRecurringWork: false) { central in
            var box = try await enrolledBox(at: central)
            var stranger = try await enrolledBox(at: central, central.makeTenant("Other Clinic"))
            let incident = IncidentID(at: central.clock.now)
            try await say(.decision, .alert("rule.none"), incident, &box, central)
            try await say(.decision, .alert("gate.attempts"), incident, &stranger, central)
            try await pass(&stranger, central)
            #expect(try await events(incident, central) == [.opened])
            #expect(try await central.services.tickets.list(for: CentralUnderTest.person).map(\.state) == [.open])
        }
    }

    @Test(
        "Each time limit is said once when it is over, to the millisecond, and begins anew with a new opening",
        arguments: TestEngine.allCases)
    func timers(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine, hasRecurringWork: false) { central in
            let tickets = central.services.tickets
            var box = try await enrolledBox(at: central)
            let incident = IncidentID(at: central.clock.now)
            try await say(.decision, .alert("rule.none"), incident, &box, central)
            let opened = try #require(try await tickets.list(for: CentralUnderTest.person).first).opened
            func said(at span: Duration) async throws -> [TicketEvent.Kind] {
                central.clock.advance(by: opened + span - central.clock.now)
                await central.process.takeTurn(of: .tickets)
                await central.process.takeTurn(of: .tickets)
                return Array(try await events(incident, central).dropFirst())
            }
            let minute: Duration = .seconds(60)
            #expect(try await said(at: minute * 240 - .milliseconds(1)) == [])
            #expect(try await said(at: minute * 240) == [.responseLate])
            try await tickets.act(.acknowledge, on: incident.description, by: CentralUnderTest.person)
            #expect(try await said(at: minute * 360 - .milliseconds(1)).count == 2)
            #expect(try await said(at: minute * 360).last == .escalated)
            #expect(try await said(at: minute * 480).last == .resolutionLate)
            // A level each 360 minutes from then on, and no higher than the highest.
            #expect(try await said(at: minute * 720).last == .escalated)
            #expect(try await said(at: minute * 1_080).last == .escalated)
            let all = try await said(at: minute * 10_000)
            #expect(all == [.responseLate, .acknowledged, .escalated, .resolutionLate, .escalated, .escalated])
            #expect(try await tickets.list(for: CentralUnderTest.person).first?.level == 4)
            try await tickets.act(.resolve("done"), on: incident.description, by: CentralUnderTest.person)
            #expect(try await said(at: minute * 20_000).last == .resolved)
            try await tickets.act(.reopen("again"), on: incident.description, by: CentralUnderTest.person)
            #expect(try await said(at: minute * 20_240).last == .responseLate)
        }
    }

    @Test(
        "Times to answer, go up and solve, by priority",
        arguments: [(Severity.critical, 15, 30, 60), (.high, 60, 120, 240), (.medium, 240, 360, 480), (.low, 480, 720, 1_440)])
    func levels(priority: Severity, respond: Int, escalate: Int, resolve: Int) {
        let due = ServiceLevel(priority).due(from: Timestamp(milliseconds: 0))
        #expect(
            [due.respond, due.escalate, due.resolve].map(\.milliseconds) == [respond, escalate, resolve].map { Int64($0) * 60_000 })
    }

    // MARK: Telling

    @Test("Mail and signed webhooks tell what happens, again until it is taken; what is given up is an alert")
    func tells() async throws {
        let lab = try LabNotify()
        defer { lab.stop() }
        func hook(_ name: String, _ way: String, secret: String? = nil, _ priority: Severity = .low) -> NotificationChannel {
            NotificationChannel(
                name: name,
                way: .webhook(
                    url: lab.webhookURL + way, secret: Secret(secret ?? lab.secret), authorityPath: lab.authority), priorityMin: priority)
        }
        try await CentralUnderTest.run(
            .sqlite,
            change: { configuration in
                configuration.notifications.mailServer = .init(
                    url: lab.mailURL, from: "martlet@msp.example", login: Secret("lab:lab"), authorityPath: lab.authority)
                configuration.notifications.channels = [
                    hook("console", "ok"), hook("slow", "twice"), hook("gone", "no"), hook("pager", "ok", .high),
                    hook("thief", "ok", secret: "another secret altogether"),
                    NotificationChannel(name: "team", way: .mail(to: ["oncall@msp.example", "bob@msp.example"])),
                    NotificationChannel(name: "wrong", way: .mail(to: ["bounce-nobody@msp.example"])),
                ]
            }, hasRecurringWork: false
        ) { central in
            let deliveries = central.services.deliveries
            func states(_ channel: String) async throws -> [String] {
                try await deliveries.list().filter { $0.channel == channel }.map(\.state)
            }
            var box = try await enrolledBox(at: central, central.makeTenant("Praxis Grünwald"))
            let incident = IncidentID(at: central.clock.now)
            try await say(.decision, .alert("gate.attempts"), incident, &box, central)
            await central.process.takeTurn(of: .deliveries)
            #expect(try await states("console") == ["sent"])
            #expect(try await states("team") == ["sent"])
            #expect(try await states("pager") == [])
            for name in ["slow", "gone", "thief", "wrong"] { #expect(try await states(name) == ["waiting"], "\(name)") }

            let told = try #require(lab.received("hooks", "json").first)
            let json = try JSONValue(parsing: Array(told.utf8), limits: JSONLimits(bytesMax: 65_536))
            #expect(json["event"]?.string == "opened")
            #expect(json["ticket"]?["incident"]?.string == incident.description)
            #expect(json["ticket"]?["code"]?.string == "gate.attempts")
            let mail = try #require(lab.received("mail", "eml").first)
            #expect(mail.contains("From: martlet@msp.example\r\n") && mail.contains("bob@msp.example"))
            #expect(mail.contains("Message-ID: <\(incident)-1@msp.example>\r\n"))
            let body = try #require(mail.components(separatedBy: "\r\n\r\n").last).filter { !$0.isWhitespace }
            let text = String(decoding: try #require([UInt8](base64: body)), as: UTF8.self)
            #expect(text.contains("linux.firewall.ruleset on box at Main Street") && text.contains("martlet central ticket show"))

            // Two refusals, then it is taken: 15 and 30 seconds later.
            for wait in [15, 30] {
                central.clock.advance(by: .seconds(wait))
                await central.process.takeTurn(of: .deliveries)
            }
            #expect(try await states("slow") == ["sent"])
            let reasons = try await deliveries.list().compactMap(\.failure)
            #expect(reasons.contains("it answered 500") && reasons.contains("it answered 401"))
            #expect(reasons.contains { $0.contains("550") })
            #expect(try await central.services.status.alerts().allSatisfy { $0.code != "notification.undelivered" })

            central.clock.advance(by: .seconds(86_400))
            await central.process.takeTurn(of: .deliveries)
            #expect(try await states("gone") == ["dead"])
            let alerts = try await central.services.status.alerts().filter { $0.code == "notification.undelivered" }
            #expect(alerts.map(\.subject) == ["gone", "thief", "wrong"])
            #expect(try await deliveries.revive() == 3)
            #expect(try await states("gone") == ["waiting"])
        }
    }

    @Test("A mail server without TLS gets neither mail nor password")
    func refusesOpenMail() async throws {
        let lab = try LabNotify()
        defer { lab.stop() }
        try await CentralUnderTest.run(
            .sqlite,
            change: { configuration in
                configuration.notifications.mailServer = .init(
                    url: lab.openMailURL, from: "martlet@msp.example", login: Secret("lab:lab"), authorityPath: nil)
                configuration.notifications.channels = [
                    NotificationChannel(name: "team", way: .mail(to: ["bob@msp.example"]))
                ]
            }, hasRecurringWork: false
        ) { central in
            var box = try await enrolledBox(at: central)
            try await say(.decision, .alert("rule.none"), IncidentID(at: central.clock.now), &box, central)
            await central.process.takeTurn(of: .deliveries)
            #expect(try await central.services.deliveries.list().map(\.state) == ["waiting"])
            #expect(try lab.received("open", "eml").isEmpty)
            #expect(try lab.received("open", "login").isEmpty)
        }
    }

    @Test(
        "What could not be told is refused before anything starts",
        arguments: [
            "webhooks: [{name: a, url: \"http://msp.example/\", secret: sixteen-bytes-or-more}]",
            "webhooks: [{name: a, url: \"https://msp.example/\", secret: short}]",
            "webhooks: [{name: a, url: \"https://msp.example/\", secret: sixteen-bytes-or-more, priority: urgent}]",
            "mail: [{name: a, to: [bob@msp.example]}]",
            "{mail: [{name: a, to: [\"bob@msp.example, eve@evil.example\"]}], smtp: {url: \"smtp://mail:587\", from: a@b.example}}",
            "{mail: [{name: a, to: [bob@b.example]}], smtp: {url: \"http://mail\", from: a@b.example}}",
            "{mail: [{name: a, to: [bob@b.example]}], smtp: {url: \"smtp://mail:587\", from: \"a@b.example>\"}}",
        ])
    func refusesConfiguration(text: String) throws {
        let directory = try TemporaryDirectory()
        let file = directory.file("central.yaml")
        let body = text.hasPrefix("{") ? text : "{\(text)}"
        try "notifications: \(body)\n".write(toFile: file, atomically: true, encoding: .utf8)
        #expect { _ = try CentralConfiguration(file: file, environment: [:]) } throws: { error in
            (error as? CentralError)?.code == "notifications.invalid"
        }
    }
}
