package import Catalog
import Conditions
package import Model
package import Seal

/// What the rules say of one incident.
package enum Decision: Hashable, Sendable {
    /// The first rule that holds repairs, with these arguments.
    case run(rule: RuleID, runbook: RunbookID, arguments: [String: TypedValue])
    /// The first rule that holds hands it to a person.
    case escalate(rule: RuleID)
    /// A rule that comes before any that holds could not be decided, or its argument could not be had: a person.
    case undecided(rule: RuleID, Code)
    case noRule
}

/// All rules, compiled once per catalog: a decision costs what the few rules for its check and code cost, whatever the
/// number of all rules.
///
/// Rules of one check and code lie side by side in a flat table, in the order in which they are tried. Platforms are
/// bits, so that a rule for another platform costs one AND. A condition that compares one fact with an integer literal is
/// answered from bounds; all others go to the one evaluator that checks use too.
package struct L1Index: Sendable {
    /// Of one host, made once: the platforms that rules name, as bits.
    package struct Platforms: Hashable, Sendable {
        fileprivate let bits: UInt64
        fileprivate let names: Set<String>
    }

    private struct Key: Hashable {
        let check: CheckID
        let code: Code
    }

    /// No field is counted by reference: reading an entry costs no more than its bytes.
    private struct Entry {
        let platforms: UInt64
        let rule: Int32
        let test: Test
    }

    private enum Test {
        case none
        /// The integer fact of that number in `factNames` lies within the bounds, or outside of them.
        case integer(fact: Int32, IntegerBounds)
        case condition
    }

    private var ranges: [Key: Range<Int32>] = [:]
    /// The same, for incidents that are bytes.
    private var textTable = L1TextTable()
    private var entries: [Entry] = []
    private var rules: [RuleDefinition] = []
    /// By rule.
    private var conditions: [Condition?] = []
    /// Facts that `Test.integer` names.
    private var factNames: [FactName] = []
    private var factTexts: [[UInt8]] = []
    /// By rule; nil where an argument is taken from facts or the check.
    private var fixedDecisions: [Decision?] = []
    private var platformBits: [String: UInt64] = [:]

    /// - Parameter learned: tried after all others, whatever their priorities: those order them among themselves.
    package init(_ definitions: [RuleDefinition], learned: [RuleDefinition] = []) {
        rules = RuleDefinition.inOrder(definitions) + RuleDefinition.inOrder(learned)
        conditions = rules.map(\.condition)
        var lists: [Key: [Entry]] = [:]
        var factNumbers: [FactName: Int32] = [:]
        for (number, rule) in rules.enumerated() {
            var bits: UInt64 = rule.platforms.isEmpty ? .max : 0
            for platform in rule.platforms {
                // The first 63 platforms have a bit of their own; all others share the last, and names decide there.
                let bit = platformBits[platform] ?? UInt64(1) << UInt64(min(platformBits.count, 63))
                platformBits[platform] = bit
                bits |= bit
            }
            let test = test(rule.condition, &factNumbers)
            for code in rule.codes {
                lists[Key(check: rule.check, code: code), default: []].append(Entry(platforms: bits, rule: Int32(number), test: test))
            }
            fixedDecisions.append(Self.fixedDecision(rule))
        }
        for (key, list) in lists {
            let range = Int32(entries.count)..<Int32(entries.count + list.count)
            ranges[key] = range
            textTable.add(check: key.check, code: key.code, range)
            entries += list
        }
        factTexts = factNames.map { Array($0.description.utf8) }
    }

    package func platforms(_ names: some Sequence<String>) -> Platforms {
        Platforms(bits: names.reduce(0) { $0 | (platformBits[$1] ?? 0) }, names: Set(names))
    }

    /// - Parameter parameters: of the incident's check, defaults with the baseline over them.
    package func decide(
        _ incident: Incident, on platforms: Platforms, facts: Facts, parameters: [String: TypedValue], at now: Timestamp
    ) -> Decision {
        guard let range = ranges[Key(check: incident.check, code: incident.code)] else { return .noRule }
        return decide(range, KnownFacts(facts: facts, names: factNames), on: platforms, parameters: parameters, at: now)
    }

    /// As above, for an incident as JSON (`Incident.json`): read where it stands, in one pass, and as strictly.
    ///
    /// - Parameter memory: where the reader's room comes from and goes to.
    /// - Throws: what `JSONTape` or `Incident(json:)` would throw; nothing was decided.
    package func decide(
        json: [UInt8], on platforms: Platforms, parameters: [String: TypedValue], at now: Timestamp, memory: JSONMemory? = nil
    ) throws -> Decision {
        var isCanonical = false
        let tape = try JSONTape(parsing: json, limits: Incident.decisionLimits, isCanonical: &isCanonical, memory: memory)
        guard let text = IncidentText(tape) else {
            let incident = try Incident(tape)
            return decide(incident, on: platforms, facts: incident.facts, parameters: parameters, at: now)
        }
        guard let range = textTable.range(of: text) else { return .noRule }
        return decide(range, TextFacts(text: text, names: factTexts), on: platforms, parameters: parameters, at: now)
    }

    private func decide(
        _ range: Range<Int32>, _ source: some FactSource, on platforms: Platforms, parameters: [String: TypedValue], at now: Timestamp
    ) -> Decision {
        // Rules for one check and code mostly ask for the same fact, one bound after another: it is looked up once.
        var reading: (fact: Int32, value: IntegerReading) = (-1, .absent)
        var known: Facts?
        func facts() -> Facts {
            let facts = known ?? source.facts
            known = facts
            return facts
        }
        for position in range {
            let entry = entries[Int(position)]
            guard entry.platforms & platforms.bits != 0 || entry.platforms == .max else { continue }
            let number = Int(entry.rule)
            if entry.platforms != .max, entry.platforms >> 63 != 0, platforms.names.isDisjoint(with: rules[number].platforms) { continue }
            switch entry.test {
            case .none: break
            case .integer(let fact, let bounds):
                if fact != reading.fact { reading = (fact, source.integer(Int(fact))) }
                switch reading.value {
                case .integer(let value):
                    if !bounds.accept(value) { continue }
                case .absent: continue
                case .unknown(let code): return .undecided(rule: rules[number].id, code)
                }
            case .condition:
                switch conditions[number]!.evaluate(facts(), parameters: parameters, at: now) {
                case .fails: continue
                // What was not seen must not let a later, bolder rule act in place of a careful one.
                case .unknown(let code): return .undecided(rule: rules[number].id, code)
                case .holds: break
                }
            }
            return fixedDecisions[number] ?? Self.decision(rules[number], facts(), parameters)
        }
        return .noRule
    }

    /// Where a decision's facts come from.
    private protocol FactSource {
        /// - Parameter fact: its number in the index.
        func integer(_ fact: Int) -> IntegerReading
        var facts: Facts { get }
    }

    private struct KnownFacts: FactSource {
        let facts: Facts
        let names: [FactName]
        func integer(_ fact: Int) -> IntegerReading { IntegerReading(facts, names[fact]) }
    }

    private struct TextFacts: FactSource {
        let text: IncidentText
        let names: [[UInt8]]

        func integer(_ fact: Int) -> IntegerReading {
            switch text.integer(names[fact]) {
            case .absent: .absent
            case .integer(let value): .integer(value)
            case .other: .unknown("fact.type")
            case .unknown(let code): .unknown(code)
            }
        }

        /// All of them as values: only for rules that need more than integers. They were checked before, so that reading them again
        /// does not fail.
        var facts: Facts { (try? text.facts()) ?? Facts() }
    }

    private mutating func test(_ condition: Condition?, _ numbers: inout [FactName: Int32]) -> Test {
        guard let condition else { return .none }
        guard case .compare(let comparison) = condition, let bounds = IntegerBounds(comparison) else { return .condition }
        if let number = numbers[comparison.fact] { return .integer(fact: number, bounds) }
        let number = Int32(factNames.count)
        factNames.append(comparison.fact)
        numbers[comparison.fact] = number
        return .integer(fact: number, bounds)
    }

    /// Every rule for the incident's check and code in the order in which they are tried, with what became of it.
    package func explain(
        _ incident: Incident, on platforms: Platforms, facts: Facts, parameters: [String: TypedValue], at now: Timestamp
    ) -> [Explanation] {
        guard let range = ranges[Key(check: incident.check, code: incident.code)] else { return [] }
        var isDecided = false
        return range.map { position in
            let rule = rules[Int(entries[Int(position)].rule)]
            if isDecided { return Explanation(rule: rule, fate: .notReached) }
            guard rule.platforms.isEmpty || !platforms.names.isDisjoint(with: rule.platforms) else {
                return Explanation(rule: rule, fate: .otherPlatform)
            }
            switch rule.condition?.evaluate(facts, parameters: parameters, at: now) ?? .holds {
            case .fails: return Explanation(rule: rule, fate: .conditionFails)
            case .unknown(let code):
                isDecided = true
                return Explanation(rule: rule, fate: .conditionUnknown(code))
            case .holds:
                isDecided = true
                return Explanation(rule: rule, fate: .fires(Self.decision(rule, facts, parameters)))
            }
        }
    }

    package struct Explanation: Hashable, Sendable {
        package enum Fate: Hashable, Sendable {
            case fires(Decision)
            case otherPlatform
            case conditionFails
            case conditionUnknown(Code)
            /// A rule before it decided.
            case notReached
        }
        package let rule: RuleDefinition
        package let fate: Fate
    }

    private static func fixedDecision(_ rule: RuleDefinition) -> Decision? {
        guard let runbook = rule.runbook else { return .escalate(rule: rule.id) }
        var arguments: [String: TypedValue] = [:]
        for (name, argument) in rule.parameters {
            guard case .literal(let value) = argument else { return nil }
            arguments[name] = value
        }
        return .run(rule: rule.id, runbook: runbook, arguments: arguments)
    }

    private static func decision(_ rule: RuleDefinition, _ facts: Facts, _ parameters: [String: TypedValue]) -> Decision {
        guard let runbook = rule.runbook else { return .escalate(rule: rule.id) }
        var arguments: [String: TypedValue] = [:]
        for (name, argument) in rule.parameters {
            let value: TypedValue?
            switch argument {
            case .literal(let literal): value = literal
            case .fact(let fact):
                if let code = facts.unknowns[fact] { return .undecided(rule: rule.id, code) }
                value = facts[fact]
            case .checkParameter(let parameter): value = parameters[parameter]
            }
            guard let value else { return .undecided(rule: rule.id, "rule.argument_missing") }
            arguments[name] = value
        }
        return .run(rule: rule.id, runbook: runbook, arguments: arguments)
    }
}
