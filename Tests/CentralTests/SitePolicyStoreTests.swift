import Catalog
import Central
import Compliance
import Conditions
import Database
import Documents
import Evidence
import Model
import Seal
import TestSupport
import Testing
import Wire

@Suite struct SitePolicyStoreTests {
    private static let check: CheckID = "box.disk"

    private func publish(at central: CentralUnderTest) async throws {
        let check = CheckDefinition(
            id: Self.check, title: "Disk", probe: "disk", platforms: ["linux"], severity: .high, interval: .seconds(3_600),
            staleAfter: .seconds(7_200), phiRisk: "none", parameters: [:], notApplicable: [],
            drift: [
                Clause(
                    code: "disk.full",
                    condition: .compare(Comparison(fact: "disk.full", operator: .equals, operand: .literal(.boolean(true)))))
            ],
            requires: [], controls: [])
        let rule = RuleDefinition(
            id: "L1-DISK", title: "Ask", priority: 100, check: Self.check, codes: ["disk.full"], platforms: [], condition: nil,
            runbook: nil,
            parameters: [:], cooldown: .seconds(600), attemptsMax: 1)
        let catalog = CompiledCatalog(
            version: 1, digest: .genesis, checks: [check.id: check], rules: [rule], runbooks: [:], runbookDigests: [:], baselines: [:])
        let schema = CatalogSchema(probes: ["disk": ["disk.full": .boolean]], verbs: [:])
        let signer = try #require(central.services.keys.catalogSigner)
        let pack = CatalogPack.sign(try CatalogPack.encode(catalog, schema: schema), with: signer)
        _ = try await central.services.catalogs.publish(pack, by: CentralUnderTest.person)
    }

    private func draft(
        _ kind: EnablementStatement.Kind, _ id: String, on isEnabled: Bool = false, at appliance: ApplianceID? = nil
    ) -> EnablementRegister.Draft {
        .init(appliance: appliance, kind: kind, id: id, isEnabled: isEnabled, by: "alice@msp.example", reason: "the vendor is at it")
    }

    private func policy(_ box: Box, at central: CentralUnderTest, inForce: Int64 = 0) async throws -> SitePolicy? {
        let request = CheckinRequest(
            sent: central.clock.now, softwareVersion: "0.1.0", catalogVersion: 1, chainHead: -1, queued: 0, openIncidents: 0,
            isPaused: false, clock: .unknown, policyVersion: inForce)
        let answer = try await central.send("POST", "/v1/checkin", to: .appliances, body: request.body, as: box.identity)
        guard let offer = try CheckinReply(body: answer.body).policy else { return nil }
        let document = try await central.send("GET", "/v1/policy/\(offer.version)", to: .appliances, as: box.identity)
        let grant = try #require(box.grant)
        let read = try VerifiedSitePolicy(
            opening: document.body, key: central.services.keys.orders.verifyingKey, site: grant.site, appliance: grant.appliance)
        #expect(read.policy.version == offer.version && read.digest == offer.digest)
        return read.policy
    }

    @Test(
        "A change is kept with who and why, logged, and makes a newer document for each appliance concerned, and for no other",
        arguments: TestEngine.allCases)
    func changes(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let (one, two) = (try await enrolledBox(at: central, tenant), try await enrolledBox(at: central, tenant))
            let stranger = try await enrolledBox(at: central, try await central.makeTenant("Hill Clinic"))
            try await publish(at: central)
            #expect(try await policy(one, at: central) == nil)
            let register = central.services.enablement
            let off = try await register.change(draft(.check, "box.disk"), site: tenant.site, in: tenant.scope)
            for box in [one, two] {
                let policy = try #require(try await policy(box, at: central))
                #expect(policy.version == 1)
                #expect(
                    policy.checks == [.init(id: Self.check, since: off.changed, by: "alice@msp.example", reason: "the vendor is at it")])
            }
            #expect(try await policy(stranger, at: central) == nil)
            // Exactly as one that does not exist.
            #expect(try await central.send("GET", "/v1/policy/1", to: .appliances, as: stranger.identity).code == "not_found")

            central.clock.advance(by: .seconds(60))
            let appliance = try #require(one.grant?.appliance)
            _ = try await register.change(draft(.rule, "L1-DISK", at: appliance), site: tenant.site, in: tenant.scope)
            #expect(try await policy(one, at: central)?.rules.map(\.id) == ["L1-DISK"])
            let other = try await policy(two, at: central)
            #expect(other?.version == 1 && other?.rules == [])

            central.clock.advance(by: .seconds(60))
            _ = try await register.change(draft(.check, "box.disk", on: true), site: tenant.site, in: tenant.scope)
            #expect(
                try await policy(two, at: central)
                    == SitePolicy(
                        version: 2, site: tenant.site, appliance: try #require(two.grant?.appliance), issued: central.clock.now))
            #expect(try await policy(one, at: central)?.version == 3)
            let (standing, history) = try await register.list(of: tenant.site, in: tenant.scope)
            #expect(standing.map(\.subject) == ["L1-DISK"] && standing.map(\.appliance) == [appliance])
            #expect(history.map(\.isEnabled) == [false, false, true] && history.first == off)
            let stated = try await register.statements(of: tenant.site, in: tenant.scope)
            #expect(stated.map(\.id) == ["box.disk", "L1-DISK", "box.disk"] && stated.map(\.isEnabled) == [false, false, true])
            #expect(SwitchedOffSpan.all(stated).map(\.until) == [central.clock.now, nil])
        }
    }

    @Test("What the catalog does not have, what is so already and what is another's is refused by code, and nothing changes")
    func refuses() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            let tenant = try await central.makeTenant()
            let stranger = try await central.makeTenant("Hill Clinic")
            let box = try await enrolledBox(at: central, tenant)
            let foreign = try await enrolledBox(at: central, stranger)
            let register = central.services.enablement
            func code(_ draft: EnablementRegister.Draft, _ scope: TenantScope? = nil) async throws -> Code? {
                do {
                    _ = try await register.change(draft, site: tenant.site, in: scope ?? tenant.scope)
                    return nil
                } catch let error as CentralError { return error.code }
            }
            #expect(try await code(draft(.check, "box.disk")) == "enablement.unknown_check")
            try await publish(at: central)
            #expect(try await code(draft(.check, "box.none")) == "enablement.unknown_check")
            #expect(try await code(draft(.rule, "box.disk")) == "enablement.unknown_rule")
            #expect(try await code(draft(.runbook, "box.disk")) == "enablement.unknown_runbook")
            #expect(try await code(draft(.check, "box.disk", on: true)) == "enablement.unchanged")
            #expect(try await code(draft(.check, "box.disk"), stranger.scope) == "not_found")
            #expect(try await code(draft(.check, "box.disk", at: foreign.grant?.appliance)) == "not_found")
            let unsigned = EnablementRegister.Draft(
                appliance: nil, kind: .check, id: "box.disk", isEnabled: false, by: "", reason: "why")
            #expect(try await code(unsigned) == "value.invalid")
            #expect(try await policy(box, at: central) == nil)
            #expect(try await code(draft(.check, "box.disk")) == nil)
            #expect(try await code(draft(.check, "box.disk")) == "enablement.unchanged")
            // It is off for the site, not for the appliance.
            #expect(try await code(draft(.check, "box.disk", on: true, at: box.grant?.appliance)) == "enablement.unchanged")
            #expect(try await policy(box, at: central)?.version == 1)
        }
    }

    @Test(
        "A check that is switched off closes its tickets for who and why, and no timer runs; a drift of it that is on again opens them once",
        arguments: TestEngine.allCases)
    func closesTickets(engine: TestEngine) async throws {
        try await CentralUnderTest.run(
            engine,
            change: {
                $0.notifications.channels = [
                    NotificationChannel(name: "console", way: .webhook(url: "http://127.0.0.1:9/", secret: Secret("x"), authorityPath: nil))
                ]
            }, hasRecurringWork: false
        ) { central in
            let tenant = try await central.makeTenant()
            var (one, two) = (try await enrolledBox(at: central, tenant), try await enrolledBox(at: central, tenant))
            try await publish(at: central)
            let (tickets, register, person) = (central.services.tickets, central.services.enablement, CentralUnderTest.person)
            func say(_ box: inout Box, _ what: (inout Evidence.Bundle) -> Void) async throws {
                let bundle = try box.makeBundle(at: central.clock.now) {
                    $0.check = Self.check
                    what(&$0)
                }
                _ = try await box.submit([bundle], to: central)
                // Sent again, as after a lost answer, it says no more.
                _ = try await box.submit([bundle], to: central)
            }
            func handOver(_ incident: IncidentID, _ box: inout Box, _ check: CheckID = Self.check) async throws {
                try await say(&box) { ($0.kind, $0.check, $0.incident, $0.outcome) = (.decision, check, incident, .alert("rule.none")) }
            }
            func see(_ verdict: Verdict, _ box: inout Box) async throws {
                try await say(&box) { ($0.kind, $0.verdict) = (.verdict, verdict) }
            }
            func story(_ incident: IncidentID) async throws -> (state: Ticket.State, events: [TicketEvent]) {
                let story = try await tickets.story(incident.description, for: person)
                return (story.ticket.state, story.events)
            }
            func switchCheck(on isEnabled: Bool, at box: Box? = nil) async throws {
                let change = draft(.check, "box.disk", on: isEnabled, at: box?.grant?.appliance)
                _ = try await register.change(change, site: tenant.site, in: tenant.scope)
            }
            let (first, other, ofAnother) = (
                IncidentID(at: central.clock.now), IncidentID(at: central.clock.now), IncidentID(at: central.clock.now)
            )
            try await handOver(first, &one)
            try await handOver(other, &one, "box.clock")
            try await handOver(ofAnother, &two)
            try await switchCheck(on: false, at: one)
            var now = try await story(first)
            #expect(now.state == .switchedOff && now.events.map(\.kind) == [.opened, .switchedOff])
            #expect(now.events.last?.person == "alice@msp.example" && now.events.last?.text == "the vendor is at it")
            #expect(try await story(other).state == .open)
            #expect(try await story(ofAnother).state == .open)
            #expect(try await central.services.deliveries.list().filter { $0.incident == first }.map(\.number) == [1, 2])
            await #expect(throws: CentralError.self) { try await tickets.act(.acknowledge, on: first.description, by: person) }
            central.clock.advance(by: .seconds(20_000))
            await central.process.takeTurn(of: .tickets)
            #expect(try await story(first).events.count == 2)

            // What the appliance saw and decided before it knew calls nobody.
            let late = IncidentID(at: central.clock.now)
            try await handOver(first, &one)
            try await handOver(late, &one)
            try await see(.drift("disk.full"), &one)
            #expect(try await story(first).events.map(\.kind) == [.opened, .switchedOff, .decision])
            #expect(try await story(late).events.map(\.kind) == [.opened, .switchedOff])
            #expect(try await central.services.deliveries.list().contains { $0.incident == late } == false)

            // On again: its drift is a person's, with times of its own, once; whatever else happens, of one ticket.
            try await switchCheck(on: true, at: one)
            try await see(.unknown("probe.failed"), &one)
            #expect(try await story(late).state == .switchedOff)
            try await see(.drift("disk.full"), &one)
            try await see(.drift("disk.full"), &one)
            now = try await story(late)
            #expect(now.state == .open && now.events.map(\.kind) == [.opened, .switchedOff, .reopened])
            #expect(try await tickets.story(late.description, for: person).ticket.opened == central.clock.now)
            #expect(try await story(first).state == .switchedOff)
            try await see(.compliant, &one)
            #expect(try await story(late).state == .resolved)
            #expect(try await story(first).state == .resolved)
            // Nothing of it is left for the next drift.
            try await see(.drift("disk.full"), &one)
            #expect(try await story(late).state == .resolved)

            // Off and on between two check-ins: the appliance never knew, and says so with its next attestation.
            try await switchCheck(on: false)
            #expect(try await story(ofAnother).state == .switchedOff)
            try await switchCheck(on: true)
            try await say(&two) {
                ($0.kind, $0.check) = (.attestation, nil)
                $0.attested = [
                    .init(check: Self.check, verdict: .drift("disk.full"), observed: $0.observed, factsDigest: .genesis)
                ]
            }
            #expect(try await story(ofAnother).state == .open)
        }
    }

    @Test("The command line switches off and on, names who and why in every answer, and refuses with a code")
    func commands() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            let tenant = try await central.makeTenant()
            let box = try await enrolledBox(at: central, tenant)
            try await publish(at: central)
            let (site, program) = (tenant.site.description, MartletProgram(central.configuration))
            func change(_ word: String, _ subject: [String]) async throws -> MartletProgram.Answer {
                let who = ["--by", "alice@msp.example", "--reason", "the vendor is at it"]
                return try await program.run(["central", "catalog", word, "--site", site] + subject + who)
            }
            let unknown = try await change("disable", ["--check", "box.none"])
            #expect(unknown.status == 1 && unknown.errors.contains("[enablement.unknown_check]"))
            #expect(try await change("disable", ["--check", "box.disk", "--rule", "L1-DISK"]).status == 64)
            #expect(try await change("disable", ["--check", "box.disk"]).status == 0)
            #expect(try await policy(box, at: central)?.checks.count == 1)
            let listed = try await program.run("central", "catalog", "enablement", "--site", site, "--json")
            let json = try JSONValue(parsing: Array(listed.output.utf8), limits: JSONLimits(bytesMax: 1 << 20))
            let off = try #require(json["off"]?.array?.first)
            #expect(off["by"] == "alice@msp.example" && off["reason"] == "the vendor is at it" && off["id"] == "box.disk")
            #expect(json["appliances"]?.array?.first?["policy"] == 1)
            for question in ["posture", "continuity", "coverage"] {
                let answer = try await program.run("central", question, site)
                #expect(answer.status == 0 && answer.output.contains("alice@msp.example"), "\(question): \(answer.output)\(answer.errors)")
            }
            #expect(try await change("enable", ["--check", "box.disk"]).status == 0)
            let empty = try await program.run("central", "posture", site, "--json")
            #expect(empty.output.contains("\"switchedOff\":[]"))
        }
    }

    @Test(
        "Learned rules are set as a whole, the same ones make no new document, and a box that comes later or knows more is served",
        arguments: TestEngine.allCases)
    func setsLearned(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let stranger = try await central.makeTenant("Hill Clinic")
            let box = try await enrolledBox(at: central, tenant)
            let (policies, database) = (central.services.policies, central.services.database)
            let rule = RuleDefinition(
                id: "LRN-1", title: "Learned", priority: 500, check: Self.check, codes: ["disk.full"], platforms: ["linux"], condition: nil,
                runbook: "disk.clean", parameters: [:], cooldown: .seconds(600), attemptsMax: 1)
            func learned(_ stage: SitePolicy.Learned.Stage) -> [SitePolicy.Learned] {
                [SitePolicy.Learned(pattern: Digest(of: [1]), version: 1, stage: stage, rule: rule)]
            }
            func set(_ entries: [SitePolicy.Learned], in scope: TenantScope? = nil) async throws {
                let scope = scope ?? tenant.scope
                try await database.write { try policies.setLearned(entries, of: tenant.site, in: scope, $0) }
            }
            await #expect(throws: CentralError.notFound("site")) { try await set(learned(.shadow), in: stranger.scope) }
            try await set([])
            #expect(try await policy(box, at: central) == nil)
            try await set(learned(.shadow))
            try await set(learned(.shadow))
            #expect(try await policy(box, at: central)?.version == 1)
            try await set(learned(.active))
            #expect(try await policy(box, at: central)?.learned == learned(.active))
            let scope = tenant.scope
            #expect(try await database.read { try policies.learned(of: tenant.site, in: scope, $0) } == learned(.active))
            let late = try await enrolledBox(at: central, tenant)
            #expect(try await policy(late, at: central)?.learned == learned(.active))
            // Central came back from a backup: it goes on above what the box has.
            #expect(try await policy(box, at: central, inForce: 9)?.version == 10)
            #expect(try await policy(box, at: central, inForce: 10)?.version == 10)
            try await set([])
            #expect(try await policy(box, at: central, inForce: 10)?.version == 11)
            #expect(try await policy(late, at: central)?.version == 2)
            // One that claims the highest number there is keeps nobody else from getting theirs.
            _ = try await policy(box, at: central, inForce: JSONValue.greatestInteger)
            try await set(learned(.canary))
            #expect(try await policy(late, at: central)?.version == 3)
        }
    }
}
