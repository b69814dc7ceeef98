import Catalog
import Conditions
import Healing
import Model
import Testing

@Suite struct L1IndexTests {
    let now = Timestamp(milliseconds: 1_700_000_000_000)

    func rule(
        _ id: RuleID, priority: Int = 100, codes: [Code] = ["a.drift"], platforms: [String] = [], when condition: Condition? = nil,
        runbook: RunbookID? = "r", with arguments: [String: RuleArgument] = [:]
    ) -> RuleDefinition {
        RuleDefinition(
            id: id, title: "", priority: priority, check: "a.check", codes: codes, platforms: platforms, condition: condition,
            runbook: runbook, parameters: arguments, cooldown: .seconds(600), attemptsMax: 2)
    }

    func decide(
        _ rules: [RuleDefinition], code: Code = "a.drift", on platforms: [String] = ["linux", "debian"], facts: Facts = Facts(),
        parameters: [String: TypedValue] = [:]
    ) -> Decision {
        let index = L1Index(rules)
        let incident = Incident(
            id: IncidentID(at: now), host: "h", check: "a.check", code: code, severity: .high, opened: now, lastSeen: now, facts: facts)
        return index.decide(incident, on: index.platforms(platforms), facts: facts, parameters: parameters, at: now)
    }

    func run(_ id: RuleID, _ arguments: [String: TypedValue] = [:]) -> Decision { .run(rule: id, runbook: "r", arguments: arguments) }

    private let isOn = Condition.compare(Comparison(fact: "a.on", operator: .equals, operand: .literal(.boolean(true))))

    @Test func theLowerPriorityWinsAndThenTheIdWhateverTheOrderOfFiles() {
        let rules = [rule("C", priority: 1), rule("B"), rule("A")]
        #expect(decide(rules) == run("C"))
        #expect(decide(rules.reversed()) == run("C"))
        #expect(decide([rules[1], rules[2]]) == run("A"))
    }

    @Test func whatWasLearnedIsTriedAfterTheCatalogsOwnWhateverItsPriority() {
        let incident = Incident(
            id: IncidentID(at: now), host: "h", check: "a.check", code: "a.drift", severity: .high, opened: now, lastSeen: now,
            facts: Facts())
        func decide(_ own: [RuleDefinition], _ learned: [RuleDefinition]) -> Decision {
            let index = L1Index(own, learned: learned)
            return index.decide(incident, on: index.platforms(["linux"]), facts: Facts(), parameters: [:], at: now)
        }
        let learned = [rule("LRN-2", priority: 3), rule("LRN-1", priority: 2)]
        #expect(decide([rule("Z", priority: 900)], learned) == run("Z"))
        #expect(decide([rule("Z", codes: ["a.other"])], learned) == run("LRN-1"))
        #expect(decide([], []) == .noRule)
    }

    @Test func anotherCodeCheckOrPlatformFindsNoRule() {
        #expect(decide([rule("A")], code: "a.other") == .noRule)
        #expect(decide([]) == .noRule)
        #expect(decide([rule("A", platforms: ["rhel"])]) == .noRule)
        #expect(decide([rule("A", platforms: ["rhel", "debian"])]) == run("A"))
        #expect(decide([rule("A")], on: []) == run("A"))
    }

    @Test func aConditionThatFailsLetsTheNextRuleAct() {
        let rules = [rule("A", when: isOn), rule("B")]
        #expect(decide(rules, facts: Facts(["a.on": .boolean(false)])) == run("B"))
        #expect(decide(rules, facts: Facts(["a.on": .boolean(true)])) == run("A"))
    }

    @Test func whatCouldNotBeReadStopsThereAndNoLaterRuleActs() {
        let facts = Facts([:], unknowns: ["a.on": "probe.timeout"])
        #expect(decide([rule("A", when: isOn), rule("B")], facts: facts) == .undecided(rule: "A", "probe.timeout"))
        #expect(decide([rule("A"), rule("B", when: isOn)], facts: facts) == run("A"))
    }

    @Test func argumentsComeFromFactsAndParametersOrAPersonDecides() {
        let both = rule("A", with: ["f": .fact("a.name"), "p": .checkParameter("limit"), "l": .literal(.integer(1))])
        let parameters: [String: TypedValue] = ["limit": .integer(7)]
        let facts = Facts(["a.name": .string("x")])
        #expect(
            decide([both], facts: facts, parameters: parameters)
                == run("A", ["f": .string("x"), "p": .integer(7), "l": .integer(1)]))
        #expect(decide([both], facts: facts) == .undecided(rule: "A", "rule.argument_missing"))
        #expect(decide([both], parameters: parameters) == .undecided(rule: "A", "rule.argument_missing"))
        let unread = Facts([:], unknowns: ["a.name": "probe.timeout"])
        #expect(decide([both], facts: unread, parameters: parameters) == .undecided(rule: "A", "probe.timeout"))
    }

    @Test func aRuleWithoutARunbookEscalates() {
        #expect(decide([rule("A", runbook: nil)]) == .escalate(rule: "A"))
    }

    @Test("More platforms than bits still tell apart", arguments: [(5, true), (62, true), (63, true), (99, true), (100, false)])
    func manyPlatforms(number: Int, isKnown: Bool) {
        let rules = (0..<100).map { rule(RuleID("R\($0)")!, platforms: ["p\($0)"]) }
        #expect(decide(rules, on: ["p\(number)"]) == (isKnown ? run(RuleID("R\(number)")!) : .noRule))
    }

    @Test func explainingNamesWhatBecameOfEachRule() {
        let rules = [rule("A", platforms: ["rhel"]), rule("B", when: isOn), rule("C"), rule("D")]
        let index = L1Index(rules)
        let facts = Facts(["a.on": .boolean(false)])
        let incident = Incident(
            id: IncidentID(at: now), host: "h", check: "a.check", code: "a.drift", severity: .high, opened: now, lastSeen: now, facts: facts
        )
        let steps = index.explain(incident, on: index.platforms(["debian"]), facts: facts, parameters: [:], at: now)
        #expect(steps.map(\.fate) == [.otherPlatform, .conditionFails, .fires(run("C")), .notReached])
    }
}
