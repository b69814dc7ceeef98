import Conditions
import Model

/// A comparison of an integer fact with a literal, as the bounds that it sets: two machine comparisons, whatever the operator.
///
/// Says exactly what `Comparison.evaluate` says; a test holds the two against each other.
struct IntegerBounds {
    /// An upper bound below the lower one holds no number.
    private let lower: Int64
    private let upper: Int64
    private let isInside: Bool

    /// nil for any other comparison.
    init?(_ comparison: Comparison) {
        guard case .literal(.integer(let bound)) = comparison.operand else { return nil }
        isInside = comparison.operator != .notEquals
        switch comparison.operator {
        case .equals, .notEquals: (lower, upper) = (bound, bound)
        case .less: (lower, upper) = bound == .min ? (.max, .min) : (.min, bound - 1)
        case .lessOrEqual: (lower, upper) = (.min, bound)
        case .greater: (lower, upper) = bound == .max ? (.max, .min) : (bound + 1, .max)
        case .greaterOrEqual: (lower, upper) = (bound, .max)
        case .in, .notIn, .contains, .notContains, .matches, .olderThan, .youngerThan: return nil
        }
    }

    func accept(_ value: Int64) -> Bool { (lower <= value && value <= upper) == isInside }
}

/// What facts say of a name that should be an integer.
enum IntegerReading {
    case absent
    case integer(Int64)
    case unknown(Code)

    init(_ facts: Facts, _ name: FactName) {
        switch facts[name] {
        case .integer(let value)?: self = .integer(value)
        // A probe that breaks its own declaration: `Comparison.evaluate` says the same.
        case _?: self = .unknown("fact.type")
        case nil: self = facts.unknowns[name].map(Self.unknown) ?? .absent
        }
    }
}
