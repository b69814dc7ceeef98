import Conditions
import Model
import Testing

@Suite struct ContradictionTests {
    private static func compare(_ fact: FactName, _ operator: Comparison.Operator, _ value: TypedValue) -> Condition {
        .compare(Comparison(fact: fact, operator: `operator`, operand: .literal(value)))
    }

    @Test(
        "What no facts can fulfil is found",
        arguments: [
            [compare("n", .equals, .integer(1)), compare("n", .equals, .integer(2))],
            [compare("n", .equals, .integer(1)), compare("n", .notEquals, .integer(1))],
            [compare("n", .greater, .integer(3)), compare("n", .less, .integer(4))], [compare("n", .greater, .integer(.max))],
            [compare("n", .greaterOrEqual, .integer(3)), compare("n", .lessOrEqual, .integer(3)), compare("n", .notEquals, .integer(3))],
            [compare("b", .notEquals, .boolean(true)), compare("b", .notEquals, .boolean(false))], [.exists("n"), .not(.exists("n"))],
            [compare("n", .equals, .integer(1)), .not(.exists("n"))],
            [compare("s", .equals, .string("a")), compare("s", .matches, .string("[b-z]"))],
            [compare("s", .in, .strings(["a"])), compare("s", .in, .strings(["b"])), compare("s", .notEquals, .string("x"))],
            [compare("s", .equals, .string("a")), .not(compare("s", .contains, .string("a")))],
            [compare("l", .contains, .string("a")), compare("l", .notContains, .string("a"))],
            [compare("v", .greater, .version(Version("1.10")!)), compare("v", .less, .version(Version("1.9")!))],
            [compare("t", .olderThan, .integer(60)), compare("t", .youngerThan, .integer(60))],
            [.any([compare("n", .less, .integer(1)), compare("n", .greater, .integer(5))]), compare("n", .equals, .integer(3))],
            [compare("n", .less, .integer(9)), .not(.any([compare("n", .less, .integer(9)), .exists("b")]))],
        ])
    func finds(conditions: [Condition]) { #expect(Contradiction.find(in: conditions) != nil) }

    /// Random conditions over random facts: whatever some facts fulfil is never called a contradiction.
    @Test func neverInventsOne() {
        var random = Seeded(state: 11)
        let now = Timestamp(milliseconds: 1_800_000_000_000)
        var found = 0
        for _ in 0..<3_000 {
            let conditions = (0..<Int.random(in: 1...3, using: &random)).map { _ in condition(depth: 0, &random) }
            guard let reason = Contradiction.find(in: conditions) else { continue }
            found += 1
            for _ in 0..<60 {
                let facts = facts(now, &random)
                if conditions.allSatisfy({ $0.evaluate(facts, parameters: [:], at: now) == .holds }) {
                    Issue.record("\(conditions) holds for \(facts), but: \(reason)")
                }
            }
        }
        #expect(found > 100)
    }

    private func condition(depth: Int, _ random: inout Seeded) -> Condition {
        switch Int.random(in: 0...(depth < 2 ? 9 : 6), using: &random) {
        case 0: return .exists(["n", "s", "l", "b", "v", "t"].randomElement(using: &random)!)
        case 7: return .not(condition(depth: depth + 1, &random))
        case 8: return .all((0..<2).map { _ in condition(depth: depth + 1, &random) })
        case 9: return .any((0..<2).map { _ in condition(depth: depth + 1, &random) })
        default: return comparison(&random)
        }
    }

    private func comparison(_ random: inout Seeded) -> Condition {
        let text = ["a", "b", "ab"].randomElement(using: &random)!
        let texts = TypedValue.strings([["a"], ["b"], ["a", "b"], ["ab"]].randomElement(using: &random)!)
        let number = TypedValue.integer(Int64.random(in: 0...3, using: &random))
        let version = TypedValue.version(Version(["1.0", "1.9", "1.10"].randomElement(using: &random)!)!)
        let choices: [(FactName, [Comparison.Operator], TypedValue)] = [
            ("n", [.equals, .notEquals, .less, .lessOrEqual, .greater, .greaterOrEqual], number),
            ("b", [.equals, .notEquals], .boolean(.random(using: &random))),
            ("s", [.equals, .notEquals, .contains, .notContains, .matches], .string(text)), ("s", [.in, .notIn], texts),
            ("l", [.contains, .notContains, .matches], .string(text)), ("l", [.in, .notIn, .equals, .notEquals], texts),
            ("v", [.equals, .notEquals, .less, .lessOrEqual, .greater, .greaterOrEqual], version),
            ("t", [.olderThan, .youngerThan], number),
        ]
        let (fact, operators, value) = choices.randomElement(using: &random)!
        return Self.compare(fact, operators.randomElement(using: &random)!, value)
    }

    private func facts(_ now: Timestamp, _ random: inout Seeded) -> Facts {
        var facts = Facts()
        let all: [(FactName, TypedValue)] = [
            ("n", .integer(Int64.random(in: 0...4, using: &random))), ("b", .boolean(.random(using: &random))),
            ("s", .string(["a", "b", "ab", "c"].randomElement(using: &random)!)),
            ("l", .strings([[], ["a"], ["b"], ["a", "b"], ["c"]].randomElement(using: &random)!)),
            ("v", .version(Version(["0.9", "1.0", "1.5", "1.9", "1.9.5", "1.10", "2"].randomElement(using: &random)!)!)),
            ("t", .instant(now - .milliseconds(Int64.random(in: 0...4_000, using: &random)))),
        ]
        for (name, value) in all where Int.random(in: 0...4, using: &random) > 0 { facts[name] = value }
        return facts
    }
}

private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}
