import Catalog
import Conditions
import Healing
import Model
import Seal
import TestSupport
import Testing

/// Deciding from an incident's bytes must never differ from deciding from the incident.
@Suite struct L1TextTests {
    let now = Timestamp(milliseconds: 1_700_000_000_000)
    private static let facts: [FactName] = ["a.number", "a.text", "a.list", "a.when", "a.version", "a.on"]

    private func value(_ random: inout SeededGenerator) -> TypedValue {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: .integer(Int64.random(in: -3...3, using: &random))
        case 1: .string(["yes", "no", "a \"quoted\"\nline", "ü"].randomElement(using: &random)!)
        case 2: .strings(["x", "y\\"])
        case 3: .instant(now)
        case 4: Version("1.2").map { .version($0) } ?? .boolean(false)
        default: .boolean(random.chance(50))
        }
    }

    private func rules(_ random: inout SeededGenerator) -> [RuleDefinition] {
        (0..<Int.random(in: 0...8, using: &random)).map { number in
            let bound = Comparison(
                fact: Self.facts.randomElement(using: &random)!, operator: [.greater, .equals, .less].randomElement(using: &random)!,
                operand: .literal(.integer(Int64.random(in: -3...3, using: &random))))
            let condition: Condition? =
                [nil, .compare(bound), .exists("a.text"), .not(.compare(bound))].randomElement(using: &random)!
            return RuleDefinition(
                id: RuleID("R-\(number)")!, title: "", priority: Int.random(in: 0...2, using: &random),
                check: ["a.check", "a.other"].randomElement(using: &random)!, codes: ["a.drift"],
                platforms: random.chance(30) ? ["debian"] : [], condition: condition, runbook: random.chance(80) ? "a.runbook" : nil,
                parameters: random.chance(30) ? ["p": .fact("a.text")] : ["p": .literal(.integer(1))], cooldown: .seconds(600),
                attemptsMax: 2)
        }
    }

    private func incident(_ random: inout SeededGenerator) -> Incident {
        var facts = Facts()
        for name in Self.facts where random.chance(60) {
            if random.chance(15) { facts.markUnknown(name, "probe.timeout") } else { facts[name] = value(&random) }
        }
        return Incident(
            id: IncidentID(at: now, random: &random), host: "front-desk",
            check: ["a.check", "a.other", "a.third"].randomElement(using: &random)!,
            code: random.chance(90) ? "a.drift" : "a.strange", severity: Severity.allCases.randomElement(using: &random)!, opened: now,
            lastSeen: now, facts: facts)
    }

    @Test("Over random rules and incidents, in canonical form, in any order of members and with more of them")
    func agree() throws {
        var random = SeededGenerator(seed: 11)
        var decisions: Set<String> = []
        for _ in 0..<400 {
            let index = L1Index(rules(&random))
            let platforms = index.platforms(random.chance(50) ? ["linux", "debian"] : ["linux"])
            for _ in 0..<4 {
                let incident = incident(&random)
                let decision = index.decide(incident, on: platforms, facts: incident.facts, parameters: [:], at: now)
                let text = try incident.json.canonicalBytes()
                guard case .object(let members) = incident.json else { return }
                let mixed = try members.shuffled(using: &random).map { name, value in
                    "\"\(name)\" : " + String(decoding: try value.canonicalBytes(), as: UTF8.self)
                }
                let other = "{\"later\": [1], " + mixed.joined(separator: ",\n") + "}"
                #expect(try index.decide(json: text, on: platforms, parameters: [:], at: now) == decision)
                #expect(try index.decide(json: Array(other.utf8), on: platforms, parameters: [:], at: now) == decision)
                decisions.insert("\(decision)".prefix(8).description)
            }
        }
        #expect(decisions.count == 4, "run, escalate, undecided and no rule all came up")
    }

    @Test("Whatever byte is changed, both ways take or refuse the same, and decide the same")
    func agreeOnBrokenBytes() throws {
        var random = SeededGenerator(seed: 12)
        let index = L1Index(rules(&random) + rules(&random))
        let platforms = index.platforms(["linux", "debian"])
        var refused = 0
        for _ in 0..<4_000 {
            var text = try incident(&random).json.canonicalBytes()
            text[Int.random(in: text.indices, using: &random)] = [0x20, 0x22, 0x2c, 0x30, 0x5c, 0x61, 0x7b, 0x7d, 0xff]
                .randomElement(using: &random)!
            let slow = Result {
                let incident = try Incident(json: JSONValue(parsing: text, limits: Incident.decisionLimits))
                return index.decide(incident, on: platforms, facts: incident.facts, parameters: [:], at: now)
            }
            let fast = Result { try index.decide(json: text, on: platforms, parameters: [:], at: now) }
            switch (slow, fast) {
            case (.success(let one), .success(let other)): #expect(one == other)
            case (.failure, .failure): refused += 1
            default: Issue.record("\(slow) and \(fast): \(String(decoding: text, as: UTF8.self))")
            }
        }
        #expect(refused > 1_000)
    }
}
