import Catalog
import Conditions
import Model
import Planner
import Seal
import Testing

@Suite struct PromptTests {
    @Test func theSameIncidentGivesTheSameBytesOnAnyHost() throws {
        let one = try Prompt(Desk.request())
        let other = try Prompt(Desk.request(at: Desk.now + .seconds(100_000)))
        #expect(one.bytes == other.bytes && one.pattern == other.pattern)
        #expect(try Prompt(Desk.request("host.services.critical", "services.failed")).pattern != one.pattern)
    }

    @Test func itNamesNoHostAndNoSiteAndNoPatient() throws {
        let request = Desk.request(facts: Desk.facts(first: "backup of patient John Miller, SSN 219-09-9999"))
        let text = String(decoding: try Prompt(request).bytes, as: UTF8.self)
        #expect(!text.contains("front-desk-7") && !text.contains("219-09-9999") && !text.contains("Miller"))
        #expect(text.contains("services.first_not_running"))
    }

    @Test func everyShippedCheckIsAskedAboutWithinTheLimitOrNotAtAll() throws {
        var asked = 0
        for check in Desk.catalog.checks.values where check.platforms.contains("linux") {
            for clause in check.drift {
                var facts = Facts()
                for name in clause.condition.facts.union(check.requires) {
                    facts[name] = .strings((0..<40).map { "long-name-of-a-service-\($0)@instance.service" })
                }
                do throws(PlannerRefusal) {
                    let prompt = try Prompt(Desk.request(check.id, clause.code, facts: facts))
                    #expect(prompt.bytes.count <= Prompt.bytesMax)
                    asked += 1
                } catch {
                    #expect(error.code == "planner.nothing_to_choose" || error.code == "planner.prompt_too_large")
                }
            }
        }
        #expect(asked > 5)
    }

    @Test func aFactThatARunbookDoesNotTakeIsNotOffered() throws {
        let offers = Desk.request(facts: Desk.facts(notRunning: ["cron.service", "a b; c"])).offers.offers
        #expect(!offers.contains { $0.runbook == "linux.service.start" })
        #expect(offers.contains { $0.runbook == "linux.service.restart" })
        #expect(Desk.request(platforms: ["windows"]).offers.offers.isEmpty)
        #expect(throws: PlannerRefusal.nothingToChoose) { try Prompt(Desk.request(platforms: ["windows"])) }
    }

    @Test func valuesOfTwoRulesAreNotMixed() throws {
        let request = Desk.request(
            "linux.ssh.hardening", "ssh.root_login",
            facts: Facts(["sshd.installed": .boolean(true), "sshd.permit_root_login": .string("yes")]))
        let prompt = try Prompt(request)
        let right = Desk.input(["option": "PermitRootLogin", "value": "no"])
        let choice = try AnswerReader.choice(ModelCall(tool: "linux_sshd_set_option", input: right), prompt: prompt, request: request)
        #expect(choice.parameters == ["option": .string("PermitRootLogin"), "value": .string("no")])
        for value in ["yes", "4", "INFO"] {
            let wrong = Desk.input(["option": "PermitRootLogin", "value": .string(value)])
            #expect(throws: PlannerRefusal.self, "\(value)") {
                try AnswerReader.choice(ModelCall(tool: "linux_sshd_set_option", input: wrong), prompt: prompt, request: request)
            }
        }
    }

    @Test("What a question takes is its own bytes; what it took before grows by six bytes with each byte of an incident's facts")
    func sizes() throws {
        func size(_ text: String) throws -> (QuestionSize, Prompt) {
            let json = JSONValue.object([
                "name": "one", "check": "host.services.critical", "code": "services.stopped", "severity": "high",
                "platforms": ["linux", "debian"], "runbooks": ["linux.service.start"],
                "facts": ["values": ["services.not_running": [.string(text)]], "unknown": [:]],
            ])
            let labelled = try LabelledIncident(json: json, at: Desk.now)
            let request = try #require(labelled.request(Desk.catalog, scrubber: Desk.scrubber, at: Desk.now))
            return (try QuestionSize(labelled, request), try Prompt(request))
        }
        let ((short, prompt), (long, _)) = (try size("cron.service"), try size("crond.service"))
        #expect(short.question == prompt.bytes.count && prompt.bytes.count <= Prompt.bytesMax)
        #expect(short.answer > 80 && short.answer == long.answer)
        #expect(long.before.lowerBound - short.before.lowerBound == 6 && long.before.upperBound - short.before.upperBound == 6)
        #expect([0, 1, 4, 5, 2_560].map(QuestionSize.tokens) == [0, 1, 1, 2, 640])
    }

    @Test("A runbook whose definition has no digest is none that can be chosen")
    func needsDigest() throws {
        let request = Desk.request()
        let catalog = CompiledCatalog(
            version: 1, digest: .genesis, checks: Desk.catalog.checks, rules: Desk.catalog.rules, runbooks: Desk.catalog.runbooks,
            runbookDigests: [:], baselines: [:])
        let bare = try #require(
            PlannerRequest(
                request.incident, catalog: catalog, platforms: Desk.platforms,
                parameters: catalog.parameters(of: request.check, baseline: nil), scrubber: Desk.scrubber, at: Desk.now))
        let prompt = try Prompt(bare)
        let label = try #require(bare.offers.labels.first { $0.value == "cron.service" }?.key)
        let call = ModelCall(tool: "linux_service_start", input: Desk.input(["units": [.string(label)]]))
        #expect(throws: PlannerRefusal.unlisted) { try AnswerReader.choice(call, prompt: prompt, request: bare) }
    }

    @Test func partsOfAListKeepItsOrder() throws {
        let request = Desk.request(facts: Desk.facts(notRunning: ["a.service", "b.service", "c.service"]))
        let prompt = try Prompt(request)
        let labels = try #require(
            request.offers.labels.filter { ["a.service", "c.service"].contains($0.value) }.keys.sorted() as [String]?)
        let call = ModelCall(
            tool: "linux_service_start", input: Desk.input(["units": .array(labels.reversed().map { .string($0) })]))
        let choice = try AnswerReader.choice(call, prompt: prompt, request: request)
        #expect(choice.parameters == ["units": .strings(["a.service", "c.service"])])
    }
}
