import Model

/// Finds conjunctions of conditions that no facts can fulfil. It proves contradictions and never invents one: what it cannot
/// decide counts as possible.
package enum Contradiction {
    /// Alternatives looked at before giving up.
    package static let alternativesMax = 64

    /// Why no facts can make all of `conditions` hold; nil when some may.
    package static func find(in conditions: [Condition]) -> String? {
        guard let alternatives = alternatives(.all(conditions), negated: false) else { return nil }
        var reason: String?
        for alternative in alternatives {
            guard let found = contradiction(in: alternative) else { return nil }
            reason = reason ?? found
        }
        return reason
    }

    private enum Literal {
        case present(FactName), absent(FactName)
        case holds(Comparison)
        /// The comparison does not hold: its fact is absent, or the inverse is true.
        case fails(Comparison)

        var fact: FactName {
            switch self {
            case .present(let fact), .absent(let fact): fact
            case .holds(let comparison), .fails(let comparison): comparison.fact
            }
        }
    }

    /// Disjunctive normal form; nil past the limit.
    private static func alternatives(_ condition: Condition, negated: Bool) -> [[Literal]]? {
        switch (condition, negated) {
        case (.all(let parts), false), (.any(let parts), true):
            var product: [[Literal]] = [[]]
            for part in parts {
                guard let choices = alternatives(part, negated: negated), product.count * choices.count <= alternativesMax else {
                    return nil
                }
                product = product.flatMap { left in choices.map { left + $0 } }
            }
            return product
        case (.any(let parts), false), (.all(let parts), true):
            var sum: [[Literal]] = []
            for part in parts {
                guard let choices = alternatives(part, negated: negated), sum.count + choices.count <= alternativesMax else { return nil }
                sum += choices
            }
            return sum
        case (.not(let part), _): return alternatives(part, negated: !negated)
        case (.exists(let fact), _): return [[negated ? .absent(fact) : .present(fact)]]
        case (.compare(let comparison), _): return [[negated ? .fails(comparison) : .holds(comparison)]]
        }
    }

    private static func contradiction(in literals: [Literal]) -> String? {
        for (fact, parts) in Dictionary(grouping: literals, by: \.fact).sorted(by: { $0.key < $1.key }) {
            var mustBeAbsent = false
            var mustExist = false
            var constraints: [Comparison] = []
            for part in parts {
                switch part {
                case .absent: mustBeAbsent = true
                case .present: mustExist = true
                case .holds(let comparison):
                    mustExist = true
                    constraints.append(comparison)
                case .fails: break
                }
            }
            if mustBeAbsent && mustExist { return "\(fact) would have to exist and not to exist" }
            guard mustExist else { continue }
            for case .fails(let comparison) in parts {
                if constraints.contains(comparison) { return "\(fact) would have to fulfil a comparison and its opposite" }
                if let inverse = comparison.inverse { constraints.append(inverse) }
            }
            if let reason = Demands(constraints).contradiction { return "\(fact) \(reason)" }
        }
        return nil
    }
}

extension Comparison {
    /// What is true of an existing fact when this is false; nil where the operators cannot say it.
    fileprivate var inverse: Comparison? {
        let opposite: Operator
        switch `operator` {
        case .equals: opposite = .notEquals
        case .notEquals: opposite = .equals
        case .in: opposite = .notIn
        case .notIn: opposite = .in
        case .contains: opposite = .notContains
        case .notContains: opposite = .contains
        case .less: opposite = .greaterOrEqual
        case .greaterOrEqual: opposite = .less
        case .lessOrEqual: opposite = .greater
        case .greater: opposite = .lessOrEqual
        case .matches, .olderThan, .youngerThan: return nil
        }
        return Comparison(fact: fact, operator: opposite, operand: operand)
    }
}

/// All that is demanded of one fact that exists.
private struct Demands {
    private let constraints: [Comparison]

    init(_ constraints: [Comparison]) { self.constraints = constraints }

    var contradiction: String? {
        for constraint in constraints {
            if let opposite = constraint.inverse, constraints.contains(opposite) {
                return "would have to fulfil \"\(constraint.operator.rawValue)\" and its opposite"
            }
        }
        return equalityContradiction ?? integerContradiction ?? versionContradiction ?? ageContradiction
    }

    private func literals(_ operators: Comparison.Operator...) -> [TypedValue] {
        constraints.compactMap { constraint in
            guard operators.contains(constraint.operator), case .literal(let value) = constraint.operand else { return nil }
            return value
        }
    }

    /// A value that is demanded outright must fulfil everything else; so must one value of a demanded list.
    private var equalityContradiction: String? {
        let equal = literals(.equals)
        if let first = equal.first {
            if let other = equal.first(where: { $0 != first }) { return "would have to equal \(first.shown) and \(other.shown)" }
            return fits(first) ? nil : "equals \(first.shown), which another part excludes"
        }
        let excluded = literals(.notEquals)
        if excluded.contains(.boolean(true)) && excluded.contains(.boolean(false)) { return "would have to be neither true nor false" }
        let lists = literals(.in).compactMap { if case .strings(let list) = $0 { list } else { nil } }
        guard let list = lists.first else { return nil }
        // A list fact fulfils "in" when empty; only what is a text for certain can be excluded here.
        guard constraints.allSatisfy({ $0.operator != .contains }), isText else { return nil }
        return list.contains { fits(.string($0)) } ? nil : "can be none of \(TypedValue.strings(list).shown)"
    }

    /// Whether the fact is a text and not a list: both take `in`, `contains` and `matches`.
    private var isText: Bool {
        constraints.contains {
            if case .literal(.string) = $0.operand { $0.operator == .equals || $0.operator == .notEquals } else { false }
        }
            || literals(.in).count > 1
    }

    private func fits(_ value: TypedValue) -> Bool {
        guard let fact = constraints.first?.fact else { return true }
        return constraints.allSatisfy { constraint in
            guard case .literal = constraint.operand else { return true }
            if case .instant = value { return true }
            return constraint.evaluate(Facts([fact: value]), parameters: [:], at: Timestamp(milliseconds: 0)) != .fails
        }
    }

    private var integerContradiction: String? {
        var (least, most) = (Int64.min, Int64.max)
        var excluded: Set<Int64> = []
        for constraint in constraints {
            guard case .literal(.integer(let number)) = constraint.operand else { continue }
            switch constraint.operator {
            case .greater:
                if number == .max { return "would have to be above every number" }
                least = max(least, number + 1)
            case .greaterOrEqual: least = max(least, number)
            case .less:
                if number == .min { return "would have to be below every number" }
                most = min(most, number - 1)
            case .lessOrEqual: most = min(most, number)
            case .notEquals: excluded.insert(number)
            default: break
            }
        }
        if least > most { return "would have to be at least \(least) and at most \(most)" }
        return least == most && excluded.contains(least) ? "could only be \(least), which is excluded" : nil
    }

    private var versionContradiction: String? {
        let above = literals(.greater, .greaterOrEqual).compactMap { if case .version(let version) = $0 { version } else { nil } }.max()
        let below = literals(.less, .lessOrEqual).compactMap { if case .version(let version) = $0 { version } else { nil } }.min()
        guard let above, let below, above > below else { return nil }
        return "would have to be above \(above) and below \(below)"
    }

    private var ageContradiction: String? {
        let older = literals(.olderThan).compactMap { if case .integer(let seconds) = $0 { seconds } else { nil } }.max()
        let younger = literals(.youngerThan).compactMap { if case .integer(let seconds) = $0 { seconds } else { nil } }.min()
        guard let older, let younger, older >= younger else { return nil }
        return "would have to be older than \(older) s and younger than \(younger) s"
    }
}
