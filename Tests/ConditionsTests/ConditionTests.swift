import Conditions
import Documents
import Model
import Testing

@Suite struct ConditionTests {
    static let now = Timestamp(milliseconds: 1_800_000_000_000)
    static let types: [FactName: ValueType] = [
        "t.flag": .boolean, "t.count": .integer, "t.text": .string, "t.list": .strings, "t.when": .instant, "t.version": .version,
        "t.missing": .string, "t.hidden": .integer,
    ]
    static let parameterTypes: [String: ValueType] = ["texts": .strings, "limit": .integer, "word": .string, "absent": .integer]
    static let parameters: [String: TypedValue] = ["texts": .strings(["a", "b"]), "limit": .integer(5), "word": .string("a")]
    static let facts = Facts(
        [
            "t.flag": .boolean(true), "t.count": .integer(5), "t.text": .string("a"), "t.list": .strings(["a", "b"]),
            "t.when": .instant(now - .seconds(3_600)), "t.version": .version(Version("1.10")!),
        ], unknowns: ["t.hidden": "probe.denied"])

    private func read(_ text: String, _ log: DiagnosticLog) throws -> Condition? {
        let node = try YAMLReader.read(Array(text.utf8), file: "c.yaml")
        var reader = ConditionReader(facts: Self.types, parameters: Self.parameterTypes, log: log)
        return reader.read(node)
    }

    private func evaluate(_ text: String) throws -> Truth {
        let log = DiagnosticLog()
        let condition = try #require(try read(text, log))
        return condition.evaluate(Self.facts, parameters: Self.parameters, at: Self.now)
    }

    @Test(
        "Each operator on each type, on both sides of its boundary",
        arguments: [
            ("{fact: t.flag, equals: true}", "{fact: t.flag, equals: false}"),
            ("{fact: t.flag, notEquals: false}", "{fact: t.flag, notEquals: true}"),
            ("{fact: t.count, equals: 5}", "{fact: t.count, equals: 6}"), ("{fact: t.count, less: 6}", "{fact: t.count, less: 5}"),
            ("{fact: t.count, lessOrEqual: 5}", "{fact: t.count, lessOrEqual: 4}"),
            ("{fact: t.count, greater: 4}", "{fact: t.count, greater: 5}"),
            ("{fact: t.count, greaterOrEqual: {parameter: limit}}", "{fact: t.count, greater: {parameter: limit}}"),
            ("{fact: t.text, in: [a, x]}", "{fact: t.text, in: [x]}"),
            ("{fact: t.text, notIn: [x]}", "{fact: t.text, notIn: {parameter: texts}}"),
            ("{fact: t.list, in: [a, b, c]}", "{fact: t.list, in: [a]}"), ("{fact: t.list, notIn: [a]}", "{fact: t.list, notIn: [b, a]}"),
            ("{fact: t.list, contains: b}", "{fact: t.list, contains: ab}"),
            ("{fact: t.list, notContains: c}", "{fact: t.list, notContains: a}"),
            ("{fact: t.list, equals: [a, b]}", "{fact: t.list, equals: [b, a]}"),
            ("{fact: t.text, contains: {parameter: word}}", "{fact: t.text, contains: b}"),
            ("{fact: t.text, notContains: b}", "{fact: t.text, notContains: \"\"}"),
            ("{fact: t.text, matches: \"[a-z]\"}", "{fact: t.text, matches: aa}"),
            ("{fact: t.list, matches: \"[bc]\"}", "{fact: t.list, matches: c}"),
            ("{fact: t.version, greater: 1.9}", "{fact: t.version, less: 1.9}"),
            ("{fact: t.version, equals: 1.010}", "{fact: t.version, equals: 1.1}"),
            ("{fact: t.when, olderThan: 3599s}", "{fact: t.when, olderThan: 1h}"),
            ("{fact: t.when, youngerThan: 3601s}", "{fact: t.when, youngerThan: 1h}"), ("{exists: t.text}", "{exists: t.missing}"),
            ("{not: {fact: t.missing, equals: x}}", "{fact: t.missing, equals: x}"),
            ("{not: {exists: t.missing}}", "{fact: t.missing, notEquals: x}"),
            ("{not: {exists: t.missing}}", "{fact: t.missing, notIn: [x]}"),
            ("{not: {exists: t.missing}}", "{fact: t.missing, notContains: x}"),
        ])
    func compares(holding: String, failing: String) throws {
        #expect(try evaluate(holding) == .holds, "\(holding)")
        #expect(try evaluate(failing) == .fails, "\(failing)")
    }

    @Test func whatCouldNotBeReadIsUnknownAndNotPassesItOn() throws {
        let hidden = "{fact: t.hidden, equals: 1}"
        let (yes, no) = ("{fact: t.count, equals: 5}", "{fact: t.count, equals: 6}")
        let unknown = Truth.unknown("probe.denied")
        #expect(try evaluate(hidden) == unknown)
        #expect(try evaluate("{not: \(hidden)}") == unknown)
        #expect(try evaluate("{exists: t.hidden}") == unknown)
        #expect(try evaluate("{all: [\(hidden), \(yes)]}") == unknown)
        #expect(try evaluate("{all: [\(hidden), \(no)]}") == .fails)
        #expect(try evaluate("{any: [\(hidden), \(no)]}") == unknown)
        #expect(try evaluate("{any: [\(hidden), \(yes)]}") == .holds)
        #expect(try evaluate("{fact: t.count, less: {parameter: absent}}") == .unknown("parameter.missing"))
    }

    @Test func anInstantInTheFutureIsNeitherOldNorYoung() {
        let facts = Facts(["t.when": .instant(Self.now + .milliseconds(1))])
        for comparison in [Comparison.Operator.olderThan, .youngerThan] {
            let condition = Condition.compare(Comparison(fact: "t.when", operator: comparison, operand: .literal(.integer(60))))
            #expect(condition.evaluate(facts, parameters: [:], at: Self.now) == .unknown("clock.future"))
        }
        let atNow = Facts(["t.when": .instant(Self.now)])
        let young = Condition.compare(Comparison(fact: "t.when", operator: .youngerThan, operand: .literal(.integer(1))))
        #expect(young.evaluate(atNow, parameters: [:], at: Self.now) == .holds)
    }

    @Test func aFactOfAnotherTypeThanDeclaredIsUnknown() {
        let condition = Condition.compare(Comparison(fact: "t.count", operator: .less, operand: .literal(.integer(6))))
        #expect(condition.evaluate(Facts(["t.count": .string("5")]), parameters: [:], at: Self.now) == .unknown("fact.type"))
    }

    @Test(
        "A fault is told with its line, code and a near name",
        arguments: [
            ("{fact: t.txt, equals: a}", "condition.unknown_fact", "did you mean \"t.text\"?"),
            ("{exists: t.lst}", "condition.unknown_fact", "t.list"),
            ("{fact: t.flag, less: 1}", "condition.operator_type", "it takes integer, version"),
            ("{fact: t.count, equals: \"5\"}", "value.type", "whole number"),
            ("{fact: t.count, equal: 5}", "condition.operator", "did you mean \"equals\"?"),
            ("{all: []}", "condition.empty", "always true"),
            ("{any: []}", "condition.empty", "always false"), ("{fact: t.count}", "condition.form", "one operator"),
            ("{equals: 5}", "condition.form", "one fact"),
            ("{fact: t.count, less: 5, greater: 1}", "condition.form", "one operator"),
            ("{all: [{exists: t.text}], any: []}", "condition.form", "stands alone"),
            ("[a]", "condition.form", "one of"), ("{fact: t.text, matches: \"(a\"}", "condition.pattern", "without its"),
            ("{fact: t.text, matches: {parameter: word}}", "condition.pattern", "not a parameter"),
            ("{fact: t.count, less: {parameter: limt}}", "condition.unknown_parameter", "limit"),
            ("{fact: t.count, less: {parameter: word}}", "condition.operand_type", "of type string"),
            ("{fact: t.when, equals: 1h}", "condition.operator_type", "boolean"),
            ("{fact: t.when, olderThan: 3600}", "value.type", "duration"), ("{fact: t.text, in: []}", "condition.empty", "does not depend"),
            ("{fact: t.text, in: a}", "value.type", "a list"),
            ("{fact: t.count, less: {parameter: limit, x: 1}}", "document.unknown_key", "operand"),
            ("{}", "condition.form", "one of"),
        ])
    func refuses(text: String, code: String, piece: String) throws {
        let log = DiagnosticLog()
        #expect(try read(text, log) == nil || log.errorCount > 0)
        #expect(log.all.map(\.code) == [code])
        #expect(log.all.first?.mark.line == 1)
        #expect(log.all.first?.sentence.contains(piece) == true, "\(log.all)")
    }

    @Test func sizeAndDepthAreLimited() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "{not: ", count: depth - 1) + "{exists: t.text}" + String(repeating: "}", count: depth - 1)
        }
        func wide(_ parts: Int) -> String {
            "{all: [" + Array(repeating: "{exists: t.text}", count: parts - 1).joined(separator: ", ") + "]}"
        }
        for (text, isGood) in [
            (nested(ConditionReader.depthMax), true), (nested(ConditionReader.depthMax + 1), false), (wide(ConditionReader.partsMax), true),
            (wide(ConditionReader.partsMax + 1), false), (wide(5_000), false),
        ] {
            let log = DiagnosticLog()
            #expect((try read(text, log) != nil) == isGood)
            #expect(log.all.map(\.code) == (isGood ? [] : ["condition.too_large"]))
        }
    }

    @Test func explainsWithTheValuesThatDecided() throws {
        let text = "{all: [{fact: t.text, notIn: {parameter: texts}}, {not: {exists: t.missing}}, {fact: t.hidden, less: 3}]}"
        let condition = try #require(try read(text, DiagnosticLog()))
        let explanation = condition.explain(Self.facts, parameters: Self.parameters, at: Self.now)
        #expect(
            explanation.lines == [
                "no all of", "  no t.text notIn [\"a\", \"b\"] (parameter texts): is \"a\"", "  yes not",
                "    no t.missing exists: does not exist",
                "  unknown(probe.denied) t.hidden less 3: could not be read (probe.denied)",
            ])
        #expect(explanation.truth == condition.evaluate(Self.facts, parameters: Self.parameters, at: Self.now))
    }
}
