package import Model

/// How long nobody may change or delete an object. It can be made longer, never shorter.
package enum Retention: Hashable, Sendable {
    /// May be deleted at any time; is still never overwritten.
    case none
    /// Until that instant, exclusive. Stores that count whole seconds round it up.
    case until(Timestamp)

    /// 45 CFR 164.316(b)(2)(i): documentation is kept six years. The rule names years; 2190 days is ours.
    package static let daysDefault = 2_190

    package static func days(_ days: Int, from now: Timestamp) -> Retention { .until(now + .seconds(days * 86_400)) }

    /// Lasts at least as long as `other`.
    package func covers(_ other: Retention) -> Bool {
        switch (self, other) {
        case (_, .none): true
        case (.none, .until): false
        case (.until(let own), .until(let wanted)): own >= wanted
        }
    }

    package func isOver(at now: Timestamp) -> Bool {
        switch self {
        case .none: true
        case .until(let end): end <= now
        }
    }
}
