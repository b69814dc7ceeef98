import Catalog
import Conditions
import Learning
import Model
import Seal
import Testing

@Suite struct LearnedRuleTests {
    @Test func whatWorkedBecomesARuleThatThePackTakesAndThatFires() throws {
        let small = try SmallCatalog()
        let learned = try small.rule()
        #expect(learned.check == "area.check.c0" && learned.code == "svc.inactive")
        #expect(learned.platform == "debian" && learned.runbook == "svc.start" && learned.parameters == ["unit": .string("a.service")])
        let catalog = try CatalogPack.decode(try Self.adding(learned, to: small), schema: nil)
        let rule = try #require(catalog.rules.first)
        #expect(catalog.version == 4 && catalog.rules.count == 1 && rule.json == learned.json)
        #expect(rule.id == learned.key.name && rule.parameters == ["unit": .literal(.string("a.service"))])
        func fires(_ code: Code, _ platforms: [String], _ facts: Facts) -> Bool {
            rule.codes.contains(code) && rule.platforms.contains(where: platforms.contains)
                && rule.condition?.evaluate(facts, parameters: ["restartsMax": .integer(5)], at: SmallCatalog.now) == .holds
        }
        let facts = Facts(["svc.active": .boolean(false), "svc.restarts": .integer(1)])
        #expect(fires("svc.inactive", ["linux", "debian"], facts))
        #expect(!fires("svc.restarts", ["linux", "debian"], facts))
        #expect(!fires("svc.inactive", ["linux", "ubuntu"], facts))
        #expect(!fires("svc.inactive", ["linux", "debian"], Facts(["svc.active": .boolean(false), "svc.restarts": .integer(9)])))
        let unread = Facts(["svc.active": .boolean(false)], unknowns: ["svc.restarts": "probe.timeout"])
        #expect(!fires("svc.inactive", ["linux", "debian"], unread))
    }

    /// As an appliance's catalog would be.
    static func adding(_ rule: LearnedRule, to small: SmallCatalog) throws -> [UInt8] {
        var members = try #require(try JSONValue(parsing: small.pack, limits: CatalogPack.limits).object)
        members["rules"] = [rule.json]
        members["version"] = 4
        return try JSONValue.object(members).canonicalBytes()
    }

    @Test func whatWasKeptOfARuleIsTheRule() throws {
        let small = try SmallCatalog()
        let rule = try small.rule()
        #expect(try LearnedRule(stored: ObjectReader(rule.stored)) == rule)
        #expect(rule.fault(in: small.catalog) == nil)
        #expect(rule.fault(in: try SmallCatalog(runbookTimeout: .seconds(61)).catalog)?.code == "learned.runbook_changed")
        let vocabulary = PatternVocabulary(try #require(small.catalog.checks["area.check.c0"]))
        let pattern = try #require(small.pattern())
        #expect(vocabulary.pattern(reading: pattern.json) == pattern)
        #expect(PatternVocabulary(try #require(small.catalog.checks["area.check.c1"])).pattern(reading: pattern.json) == nil)
    }

    @Test func withoutAReliableRuleThereIsNoneAndItSaysWhy() throws {
        let small = try SmallCatalog()
        let pattern = try #require(small.pattern())
        func code(_ small: SmallCatalog, _ pattern: IncidentPattern, _ treatments: [Occurrence.Treatment], of origin: SmallCatalog) -> Code?
        {
            do throws(LearnedRuleRefusal) {
                _ = try LearnedRule(pattern, origin.statistics(pattern, treatments), in: small.catalog, pack: small.pack)
            } catch { return error.code }
            return nil
        }
        #expect(code(small, pattern, [small.treatment()], of: small) == nil)
        let varying = [small.treatment(unit: "a.service"), small.treatment(unit: "b.service")]
        #expect(code(small, pattern, varying, of: small) == "learned.parameters_vary")
        #expect(code(small, pattern, [small.treatment("svc.ask")], of: small) == "learned.needs_approval")
        #expect(code(small, pattern, [small.treatment(unit: "NOT A UNIT")], of: small) == "learned.lint")
        #expect(code(small, pattern, [small.treatment(unit: "a [phone:bcdf]")], of: small) == "learned.scrubbed")
        #expect(code(small, pattern, [small.treatment(unit: "a [b] : [C:d] []")], of: small) == "learned.lint")
        let changed = try SmallCatalog(runbookTimeout: .seconds(61))
        #expect(code(changed, pattern, [small.treatment()], of: small) == "learned.runbook_changed")
        let gone = Occurrence.Treatment(
            tier: .l2, remedy: small.remedy(), runbook: "svc.gone", parameters: [:], milliseconds: 1)
        #expect(code(small, pattern, [gone], of: small) == "learned.no_runbook")
        let unread = Facts(["svc.active": .boolean(false)], unknowns: ["svc.restarts": "probe.timeout"])
        #expect(code(small, try #require(small.pattern(facts: unread)), [small.treatment()], of: small) == "learned.fact_unknown")
    }

    @Test func aPersonsRuleForAllOfItLeavesNoRoom() throws {
        let escalate = RuleDefinition(
            id: "L1-ASK", title: "A person", priority: 100, check: "area.check.c0", codes: ["svc.inactive"], platforms: [], condition: nil,
            runbook: nil, parameters: [:], cooldown: .seconds(600), attemptsMax: 1)
        let small = try SmallCatalog(extra: [escalate])
        #expect(throws: LearnedRuleRefusal.self) { try small.rule() }
        #expect(throws: Never.self) { try small.rule(1) }
    }
}
