import Catalog
import Learning
import Model
import Testing

@Suite struct LearnedRuleTests {
    @Test func whatWorkedBecomesARuleThatThePackTakesAndThatFires() throws {
        let small = try SmallCatalog()
        let learned = try small.rule()
        #expect(learned.definition.check == "area.check.c0" && learned.definition.codes == ["svc.inactive"])
        #expect(learned.definition.platforms == ["debian"] && learned.definition.runbook == "svc.start")
        #expect(learned.definition.parameters == ["unit": .literal(.string("a.service"))])
        let bytes = try CatalogPack.adding([learned.definition], to: small.pack, version: 4)
        let catalog = try CatalogPack.decode(bytes, schema: nil)
        #expect(catalog.version == 4 && catalog.rules == [learned.definition])
        func fires(_ code: Code, _ platforms: [String], _ facts: Facts) -> Bool {
            learned.wouldFire(
                code: code, platforms: platforms, facts: facts, parameters: ["restartsMax": .integer(5)], at: SmallCatalog.now)
        }
        let facts = Facts(["svc.active": .boolean(false), "svc.restarts": .integer(1)])
        #expect(fires("svc.inactive", ["linux", "debian"], facts))
        #expect(!fires("svc.restarts", ["linux", "debian"], facts))
        #expect(!fires("svc.inactive", ["linux", "ubuntu"], facts))
        #expect(!fires("svc.inactive", ["linux", "debian"], Facts(["svc.active": .boolean(false), "svc.restarts": .integer(9)])))
        let unread = Facts(["svc.active": .boolean(false)], unknowns: ["svc.restarts": "probe.timeout"])
        #expect(!fires("svc.inactive", ["linux", "debian"], unread))
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
