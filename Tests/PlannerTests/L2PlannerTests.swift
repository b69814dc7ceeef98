import Catalog
import Evidence
import Model
import Planner
import PlannerDouble
import Seal
import Synchronization
import TestSupport
import Testing

@Suite struct L2PlannerTests {
    static let kinds: [ProviderConfiguration.Kind] = [.anthropic, .openAI, .azureOpenAI, .ollama, .llamaCpp, .vllm]

    @Test(arguments: kinds) func aGoodAnswerIsAChoiceWithItsRecord(_ kind: ProviderConfiguration.Kind) async throws {
        try await withModelDouble({ _ in .call("linux_service_start", Desk.start) }) { double in
            try await Desk.with(kind, double) { planner in
                let exchange = await planner.plan(Desk.request(), for: Desk.site)
                let choice = try #require(exchange.choice, "\(exchange.outcome.code)")
                #expect(choice.runbook == "linux.service.start" && choice.parameters == ["units": .strings(["cron.service"])])
                #expect(exchange.inputTokens == 700 && exchange.outputTokens == 60 && exchange.cost == 700 + 300)
                #expect(await planner.budget(of: Desk.site)?.calls.map(\.cost) == [1_000])
                let record = String(decoding: try exchange.record.json.canonicalBytes(), as: UTF8.self)
                #expect(
                    !record.contains("secret-key-1") && record.contains("planner.choice") && record.contains("services.first_not_running"))
                let question = try #require(double.questions.first)
                #expect(question.wantsDocument == [.ollama, .llamaCpp, .vllm].contains(kind))
                #expect(question.tools.keys.contains("escalate") && question.tools.count >= 4)
                #expect("\(try Desk.configuration(.openAI, double.address))".contains("secret-key-1") == false)
            }
        }
    }

    static let replies: [(ModelDouble.Answer, Code)] = [
        (.call("escalate", Desk.input()), "planner.escalated"),
        (.call("linux_file_set_mode", Desk.input()), "planner.unlisted"),
        (.call("linux_service_start", Desk.input(["units": ["cron.service"]])), "planner.parameter"),
        (.call("linux_service_start", Desk.input(["units": ["value-2"]], confidence: .number(0.599_999))), "planner.low_confidence"),
        (.call("linux_service_start", Desk.input(["units": ["value-2"]], confidence: .number(0.6))), "planner.choice"),
        (.call("linux_service_start", Desk.input(["units": ["value-1"]], confidence: .number(1.001))), "planner.malformed"),
        (.calls([("linux_service_start", Desk.start), ("escalate", Desk.input())]), "planner.several_choices"),
        (.text("I would start cron.service."), "planner.no_choice"),
        (.refusal, "planner.declined"),
        (.truncated("linux_service_start", Desk.start), "planner.truncated"),
        (.raw(200, Array("{\"type\":\"message\"".utf8)), "planner.malformed"),
        (.raw(200, Array("{}".utf8)), "planner.malformed"),
        (.raw(200, []), "planner.malformed"),
        (.raw(200, [UInt8](repeating: UInt8(ascii: "["), count: 60_000)), "planner.malformed"),
        (.raw(200, [0xff, 0xfe]), "planner.malformed"),
        (.raw(200, Array("{\"a\":1,\"a\":2}".utf8)), "planner.malformed"),
        (.raw(302, []), "planner.status"),
        (.error(401), "planner.status"), (.error(429), "planner.status"), (.error(500), "planner.status"), (.error(529), "planner.status"),
        (.endless, "planner.oversize"),
        (.hangUp, "planner.unreachable"),
    ]

    @Test(arguments: [ProviderConfiguration.Kind.anthropic, .openAI]) func everyBadAnswerIsARefusalWithItsCode(
        _ kind: ProviderConfiguration.Kind
    ) async throws {
        for (reply, code) in Self.replies {
            try await withModelDouble({ _ in reply }) { double in
                try await Desk.with(kind, double) { planner in
                    let exchange = await planner.plan(Desk.request(), for: Desk.site)
                    #expect(exchange.outcome.code == code, "\(reply)")
                    #expect(exchange.prompt != nil)
                }
            }
        }
    }

    /// Where a document was asked for, text that is none, or two of them, is malformed rather than nothing.
    @Test func argumentsThatAreNoJSONAreRefused() async throws {
        for raw in ["", "{", "{\"confidence\":1}}", "null", "{\"confidence\":NaN}", "[[[[[[[[[[]]]]]]]]]]"] {
            try await withModelDouble({ _ in .rawArguments("linux_service_start", raw) }) { double in
                for kind in [ProviderConfiguration.Kind.openAI, .ollama] {
                    try await Desk.with(kind, double) { planner in
                        let exchange = await planner.plan(Desk.request(), for: Desk.site)
                        #expect(exchange.choice == nil, "\(raw)")
                    }
                }
            }
        }
    }

    @Test(arguments: [false, true]) func theDeadlineEndsAQuestionThatIsNotAnswered(dribbles: Bool) async throws {
        try await withModelDouble({ _ in dribbles ? .dribble : .silence }) { double in
            let clock = TestClock(at: Desk.now)
            try await Desk.with(.anthropic, double, clock: clock) { planner in
                async let exchange = planner.plan(Desk.request(), for: Desk.site)
                await clock.someoneSleeps()
                clock.advance(by: .seconds(30))
                #expect(await exchange.outcome.code == "planner.timed_out")
                #expect(await exchange.latency == .seconds(30))
            }
        }
    }

    @Test func nothingIsSentWhenItIsOffAndNothingCountsThatComesAfter() async throws {
        let isOff = Mutex(false)
        try await withModelDouble({ _ in
            isOff.withLock { $0 = true }
            return .call("linux_service_start", Desk.start)
        }) { double in
            try await Desk.with(.anthropic, double, isOff: { isOff.withLock { $0 } }) { planner in
                #expect(await planner.plan(Desk.request(), for: Desk.site).outcome.code == "planner.off")
                #expect(double.questions.count == 1)
                #expect(await planner.plan(Desk.request(), for: Desk.site).outcome.code == "planner.off")
                #expect(double.questions.count == 1)
            }
        }
        let none = try L2Planner(configuration: nil, clock: TestClock().clock, isOff: { _ in false })
        #expect(await none.plan(Desk.request(), for: Desk.site).outcome.code == "planner.no_provider")
    }

    @Test func oneMoreThanTheLimitAtOnceIsRefused() async throws {
        try await withModelDouble({ _ in .silence }) { double in
            let clock = TestClock(at: Desk.now)
            var settings = Desk.generous
            settings.inFlightMax = 1
            try await Desk.with(.anthropic, double, clock: clock, settings: settings) { planner in
                async let first = planner.plan(Desk.request(), for: Desk.site)
                await clock.someoneSleeps()
                #expect(await planner.plan(Desk.request(), for: Desk.site).outcome.code == "planner.busy")
                clock.advance(by: .seconds(30))
                #expect(await first.outcome.code == "planner.timed_out")
            }
        }
    }

    @Test func budgetsAreOfEachSiteAndTheBreakerOfTheProvider() async throws {
        try await withModelDouble({ _ in .error(500) }) { double in
            var settings = Desk.generous
            settings.callsPerHourMax = 2
            settings.breaker = CircuitBreaker(failuresMax: 3, waitMin: .seconds(60), waitMax: .seconds(60))
            let clock = TestClock(at: Desk.now)
            try await Desk.with(.openAI, double, clock: clock, settings: settings) { planner in
                let other = SiteID(at: Desk.now)
                for code in ["planner.status", "planner.status", "planner.call_budget"] as [Code] {
                    #expect(await planner.plan(Desk.request(), for: Desk.site).outcome.code == code)
                }
                #expect(await planner.plan(Desk.request(), for: other).outcome.code == "planner.status")
                #expect(await planner.plan(Desk.request(), for: other).outcome.code == "planner.circuit_open")
                // What was not asked is not paid for.
                #expect(await planner.budget(of: other)?.calls.count == 1)
                clock.advance(by: .seconds(60))
                #expect(await planner.plan(Desk.request(), for: other).outcome.code == "planner.status")
            }
        }
    }

    @Test func likeIncidentsAreAskedAboutOnceUntilTheAnswerIsOldOrDidNotHelp() async throws {
        try await withModelDouble({ _ in .call("linux_service_start", Desk.start) }) { double in
            var settings = Desk.generous
            settings.cacheEntriesMax = 1
            let clock = TestClock(at: Desk.now)
            try await Desk.with(.anthropic, double, clock: clock, settings: settings) { planner in
                let first = await planner.plan(Desk.request(), for: Desk.site)
                #expect(!first.isFromCache && first.cost == 1_000)
                clock.advance(by: .seconds(86_400))
                let second = await planner.plan(Desk.request(), for: Desk.site)
                #expect(second.isFromCache && second.cost == 0 && second.choice?.parameters == first.choice?.parameters)
                clock.advance(by: .milliseconds(1))
                #expect(await planner.plan(Desk.request(), for: Desk.site).isFromCache == false)
                await planner.forget(first, site: Desk.site)
                #expect(await planner.plan(Desk.request(), for: Desk.site).isFromCache == false)
                // Another site's answers are its own.
                #expect(await planner.plan(Desk.request(), for: SiteID(at: Desk.now)).isFromCache == false)
                #expect(double.questions.count == 4)
            }
        }
    }

    @Test func addressesWithoutEncryptionAndQuestionsWithoutKeysAreRefused() {
        func code(
            _ kind: ProviderConfiguration.Kind = .openAI, _ endpoint: String = "https://llm.example/v1", model: String = "m",
            key: APIKey? = APIKey("k")
        ) -> String? {
            do throws(ProviderConfigurationError) {
                _ = try ProviderConfiguration(
                    kind: kind, endpoint: endpoint, model: model, key: key, price: ProviderConfiguration.Price(input: 0, output: 0)!)
                return nil
            } catch {
                return error.code
            }
        }
        #expect(code() == nil)
        #expect(code(.ollama, "http://127.0.0.1:11434/v1", key: nil) == nil)
        #expect(code(.openAI, "http://llm.example/v1") == "planner.endpoint_plain")
        #expect(code(.ollama, "http://127.0.0.1.evil.example/v1") == "planner.endpoint_plain")
        #expect(code(.ollama, "http://localhost@evil.example/v1") == "planner.endpoint_plain")
        #expect(code(.openAI, "https://user:pass@llm.example/v1") == "planner.endpoint_malformed")
        #expect(code(.azureOpenAI, "https://a.openai.azure.com", model: "x/../y") == "planner.model")
        #expect(code(.anthropic, key: nil) == "planner.key_missing")
        #expect(APIKey("a\r\nb") == nil && APIKey("") == nil)
        #expect("\(APIKey("abc")!)" == "<redacted>")
    }
}

/// The double against the published clients of both providers.
@Suite struct ModelDoubleTests {
    @Test func theProvidersOwnClientsReadWhatTheDoubleSays() async throws {
        try await withModelDouble({ _ in .call("escalate", ["confidence": 1, "reason": "as asked"]) }) { double in
            let address = double.address
            let said = try await Task.detached {
                try runCommand(
                    repositoryRoot + "/scripts/lab/python", [repositoryRoot + "/scripts/checks/model_double.py", address])
            }.value
            #expect(said.split(separator: "\n").count == 6, "\(said)")
            #expect(said.split(separator: "\n").allSatisfy { $0.hasSuffix(": same") }, "\(said)")
        }
    }
}

@Suite struct AccuracyTests {
    static let incidents = Result {
        try Desk.fixture("Incidents.json").map { (json: JSONValue) in try LabelledIncident(json: json, at: Desk.now) }
    }

    @Test func everyLabelledIncidentIsOneThatTheCatalogCanHave() throws {
        for labelled in try Self.incidents.get() {
            let check = try #require(Desk.catalog.checks[labelled.incident.check], "\(labelled.name)")
            #expect(check.drift.contains { $0.code == labelled.incident.code }, "\(labelled.name): \(check.drift.map(\.code))")
            #expect(labelled.runbooks.allSatisfy { Desk.catalog.runbooks[$0]?.checks.contains(check.id) == true }, "\(labelled.name)")
        }
    }

    /// A double that always takes the first tool, one that always hands over, and one that is broken: three scores that follow.
    @Test func aScoreCountsRightWrongTimidAndFailed() async throws {
        let incidents = try Self.incidents.get()
        func measure(_ answer: @escaping @Sendable (ModelDouble.Question) -> ModelDouble.Answer) async throws -> AccuracyReport {
            try await withModelDouble(answer) { double in
                try await Desk.with(.openAI, double) { planner in
                    await AccuracyReport.measure(
                        incidents, with: planner, configuration: try Desk.configuration(.openAI, double.address), catalog: Desk.catalog,
                        scrubber: Desk.scrubber, site: Desk.site, at: Desk.now)
                }
            }
        }
        let toPeople = incidents.count { $0.runbooks.isEmpty }
        let timid = try await measure { _ in .call("escalate", Desk.input()) }
        #expect(timid.count == incidents.count && timid.right == toPeople && timid.timid == incidents.count - toPeople && timid.wrong == 0)
        let rash = try await measure { _ in .call("linux_host_reboot", Desk.input()) }
        #expect(rash.wrong == incidents.count { $0.incident.check == "host.services.critical" } && rash.wrong > 3)
        let broken = try await measure { _ in .error(500) }
        #expect(broken.failed["planner.status"].map { $0 > 5 } == true && broken.cost == 0 && timid.cost > 0)
        #expect(broken.count == incidents.count && (broken.score ?? 1) < (timid.score ?? 0))
    }
}
