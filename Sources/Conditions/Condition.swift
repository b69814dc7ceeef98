package import Model

/// A condition over facts: what checks and rules share.
///
/// Three-valued: a comparison with a fact that could not be read is `unknown`, never false, and `unknown` passes through
/// `not`. A fact that does not exist makes every comparison false (`exists` asks for it).
package indirect enum Condition: Hashable, Sendable {
    case all([Condition])
    case any([Condition])
    case not(Condition)
    case exists(FactName)
    case compare(Comparison)
}

package struct Comparison: Hashable, Sendable {
    package enum Operator: String, Hashable, Sendable, CaseIterable {
        case equals, notEquals
        /// The fact's value is one of a list; for a list fact: every element is in the list.
        case `in`, notIn
        /// A list fact holds this element, or a text fact this substring.
        case contains, notContains
        /// A glob-free pattern in the linear-time subset documented in `docs/conditions.md`, on a text fact or on any
        /// element of a list fact; the whole text must match.
        case matches
        case less, lessOrEqual, greater, greaterOrEqual
        /// An instant fact is older, or younger, than a duration in seconds at the time of judging. An instant in the
        /// future is neither: the comparison is `unknown` with `clock.future`.
        case olderThan, youngerThan
    }

    package enum Operand: Hashable, Sendable {
        case literal(TypedValue)
        /// The check's parameter of that name, from its default or the site's baseline.
        case parameter(String)
    }

    package let fact: FactName
    package let `operator`: Operator
    package let operand: Operand
    /// Compiled once for `matches`; nil for the others.
    package let pattern: Pattern?

    /// A literal of `matches` that is no pattern makes every evaluation `unknown("condition.pattern")`; the reader refuses it before.
    package init(fact: FactName, operator: Operator, operand: Operand) {
        self.fact = fact
        self.operator = `operator`
        self.operand = operand
        if `operator` == .matches, case .literal(.string(let text)) = operand {
            pattern = try? Pattern(text)
        } else {
            pattern = nil
        }
    }
}

package enum Truth: Hashable, Sendable {
    case holds
    case fails
    case unknown(Code)
}

extension Condition {
    /// Every fact that the condition names.
    package var facts: Set<FactName> {
        switch self {
        case .all(let parts), .any(let parts): parts.reduce(into: []) { $0.formUnion($1.facts) }
        case .not(let part): part.facts
        case .exists(let fact): [fact]
        case .compare(let comparison): [comparison.fact]
        }
    }
}
