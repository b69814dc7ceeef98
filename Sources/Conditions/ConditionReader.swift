package import Documents
package import Model

/// Reads a condition from a document and checks it against what the probe can produce and the parameters that exist.
package struct ConditionReader {
    private let facts: [FactName: ValueType]
    private let parameters: [String: ValueType]
    private let elsewhere: (FactName) -> String?
    private let log: DiagnosticLog
    private var parts = 0

    package static let depthMax = 16
    /// `all`, `any`, `not`, `exists` and comparisons together.
    package static let partsMax = 200

    /// - Parameter elsewhere: what produces a fact that is none of `facts`, for the message.
    package init(
        facts: [FactName: ValueType], parameters: [String: ValueType], elsewhere: @escaping (FactName) -> String? = { _ in nil },
        log: DiagnosticLog
    ) {
        self.facts = facts
        self.parameters = parameters
        self.elsewhere = elsewhere
        self.log = log
    }

    /// nil after the faults were logged.
    package mutating func read(_ node: Node) -> Condition? {
        parts = 0
        return read(node, depth: 1)
    }

    private mutating func read(_ node: Node, depth: Int) -> Condition? {
        parts += 1
        guard depth <= Self.depthMax, parts <= Self.partsMax else {
            return fault(
                node, "condition.too_large", "a condition may have \(Self.partsMax) parts, nested \(Self.depthMax) deep, and this has more")
        }
        guard case .mapping(let entries) = node.content, let first = entries.first, case .scalar(let word, _) = first.key.content else {
            return fault(
                node, "condition.form", "a condition is one of {all: […]}, {any: […]}, {not: …}, {exists: fact}, {fact: …, operator: …}")
        }
        switch word {
        case "all", "any", "not", "exists":
            guard entries.count == 1 else {
                return fault(entries[1].key, "condition.form", "\"\(word)\" stands alone in its mapping")
            }
            return combination(word, first.value, depth: depth)
        default: return comparison(node, entries)
        }
    }

    private mutating func combination(_ word: String, _ node: Node, depth: Int) -> Condition? {
        switch word {
        case "not": return read(node, depth: depth + 1).map(Condition.not)
        case "exists": return fact(node).map { .exists($0.name) }
        default:
            guard let items = node.items(word, log: log) else { return nil }
            guard !items.isEmpty else {
                return fault(
                    node, "condition.empty", "\"\(word)\" of nothing is always \(word == "all" ? "true" : "false"); give it a part")
            }
            var read: [Condition] = []
            for item in items {
                // One message for a condition that is too large, not one for each part past the limit.
                guard parts <= Self.partsMax else { return nil }
                if let part = self.read(item, depth: depth + 1) { read.append(part) }
            }
            guard read.count == items.count else { return nil }
            return word == "all" ? .all(read) : .any(read)
        }
    }

    private func comparison(_ node: Node, _ entries: [(key: Node, value: Node)]) -> Condition? {
        var subject: (name: FactName, type: ValueType)?
        var comparisons: [(operator: Comparison.Operator, key: Node, operand: Node)] = []
        var isGood = true
        var hasFact = false
        for (key, value) in entries {
            guard case .scalar(let word, _) = key.content else { continue }
            if word == "fact" {
                hasFact = true
                subject = fact(value)
                isGood = isGood && subject != nil
            } else if let found = Comparison.Operator(rawValue: word) {
                comparisons.append((found, key, value))
            } else {
                let known = ["all", "any", "not", "exists", "fact"] + Comparison.Operator.allCases.map(\.rawValue)
                log.error(
                    at: key.mark, code: "condition.operator",
                    "there is no operator \(quoted(word))\(suggestion(for: word, amongAll: known))")
                isGood = false
            }
        }
        guard isGood else { return nil }
        guard hasFact, let subject, comparisons.count == 1 else {
            return fault(node, "condition.form", "a comparison has one fact and one operator: {fact: name, equals: value}")
        }
        let (`operator`, key, value) = comparisons[0]
        guard let expected = `operator`.operandType(for: subject.type) else {
            let taken = ValueType.allCases.filter { `operator`.operandType(for: $0) != nil }.map(\.rawValue).joined(separator: ", ")
            return fault(
                key, "condition.operator_type",
                "\"\(`operator`.rawValue)\" does not go with \(subject.name), which is of type \(subject.type.rawValue); it takes \(taken)")
        }
        guard let operand = operand(value, of: expected, for: `operator`) else { return nil }
        return .compare(Comparison(fact: subject.name, operator: `operator`, operand: operand))
    }

    private func operand(_ node: Node, of type: ValueType, for operator: Comparison.Operator) -> Comparison.Operand? {
        let what = "\"\(`operator`.rawValue)\""
        if case .mapping = node.content {
            guard var reference = NodeReader(node, kind: "operand", log: log), let name = reference.text("parameter") else { return nil }
            reference.finish()
            guard `operator` != .matches else {
                return fault(node, "condition.pattern", "\"matches\" takes a pattern as it stands, not a parameter")
            }
            guard let found = parameters[name] else {
                return fault(
                    node, "condition.unknown_parameter",
                    "there is no parameter \(quoted(name))\(suggestion(for: name, in: parameters.keys))")
            }
            guard found == type else {
                return fault(
                    node, "condition.operand_type", "\(what) takes \(type.rawValue) here; parameter \(name) is of type \(found.rawValue)")
            }
            return .parameter(name)
        }
        if `operator` == .olderThan || `operator` == .youngerThan {
            return node.duration(what, in: .seconds(0) ... .seconds(DurationText.secondsMax), log: log)
                .map { .literal(.integer($0.wholeSeconds)) }
        }
        guard let value = node.value(what, of: type, log: log) else { return nil }
        if `operator` == .matches, case .string(let text) = value {
            do {
                _ = try Pattern(text)
            } catch {
                return fault(node, "condition.pattern", "the pattern \(quoted(text)) \(error.reason)")
            }
        }
        if case .strings(let list) = value, list.isEmpty, `operator` == .in || `operator` == .notIn {
            return fault(node, "condition.empty", "\(what) of an empty list does not depend on the fact")
        }
        return .literal(value)
    }

    private func fact(_ node: Node) -> (name: FactName, type: ValueType)? {
        guard let name = node.name("fact", as: FactName.self, log: log) else { return nil }
        guard let type = facts[name] else {
            let hint =
                elsewhere(name).map { "; \($0) does, and a condition names only facts of its check's probe" }
                ?? suggestion(for: name.description, in: facts.keys.lazy.map(\.description))
            return fault(node, "condition.unknown_fact", "the probe does not produce \(quoted(name.description))\(hint)")
        }
        return (name, type)
    }

    private func fault<Value>(_ node: Node, _ code: String, _ sentence: String) -> Value? {
        log.error(at: node.mark, code: code, sentence)
        return nil
    }
}

extension Comparison.Operator {
    /// The operand's type for a fact of this type; nil where the operator is not defined for it.
    package func operandType(for fact: ValueType) -> ValueType? {
        switch (self, fact) {
        case (.equals, .instant), (.notEquals, .instant): nil
        case (.equals, _), (.notEquals, _): fact
        case (.in, .string), (.in, .strings), (.notIn, .string), (.notIn, .strings): .strings
        case (.contains, .string), (.contains, .strings), (.notContains, .string), (.notContains, .strings): .string
        case (.matches, .string), (.matches, .strings): .string
        case (.less, .integer), (.lessOrEqual, .integer), (.greater, .integer), (.greaterOrEqual, .integer): .integer
        case (.less, .version), (.lessOrEqual, .version), (.greater, .version), (.greaterOrEqual, .version): .version
        case (.olderThan, .instant), (.youngerThan, .instant): .integer
        default: nil
        }
    }
}
