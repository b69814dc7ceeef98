/// What a check concluded about one host at one instant.
///
/// There is no fifth case and no default: a check that could not look is `unknown`, which nothing may count as compliant.
package enum Verdict: Hashable, Sendable {
    case compliant
    case drift(Code)
    case unknown(Code)
    case notApplicable(Code)

    /// `compliant`, `drift`, `unknown` or `not_applicable`: the word in evidence, tables and routes.
    package var word: String {
        switch self {
        case .compliant: "compliant"
        case .drift: "drift"
        case .unknown: "unknown"
        case .notApplicable: "not_applicable"
        }
    }

    /// Why; nil only for `compliant`.
    package var code: Code? {
        switch self {
        case .compliant: nil
        case .drift(let code), .unknown(let code), .notApplicable(let code): code
        }
    }

    /// The inverse of `word` and `code`; nil for any other pair.
    package init?(word: String, code: Code?) {
        switch (word, code) {
        case ("compliant", nil): self = .compliant
        case ("drift", let code?): self = .drift(code)
        case ("unknown", let code?): self = .unknown(code)
        case ("not_applicable", let code?): self = .notApplicable(code)
        default: return nil
        }
    }
}

package enum Severity: String, Hashable, Comparable, Sendable, CaseIterable {
    case low, medium, high, critical

    package static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }
    private var rank: Int {
        switch self {
        case .low: 0
        case .medium: 1
        case .high: 2
        case .critical: 3
        }
    }
}

/// One look of one check at one host, with what it saw.
package struct Observation: Hashable, Sendable {
    package let host: HostID
    package let check: CheckID
    package let verdict: Verdict
    /// Only the facts that the check's conditions name.
    package let facts: Facts
    package let started: Timestamp
    package let ended: Timestamp

    package init(host: HostID, check: CheckID, verdict: Verdict, facts: Facts, started: Timestamp, ended: Timestamp) {
        self.host = host
        self.check = check
        self.verdict = verdict
        self.facts = facts
        self.started = started
        self.ended = ended
    }
}

/// An observation that found compliance. The only key to the outcome "healed": nothing else can make one.
package struct PassingRecheck: Hashable, Sendable {
    package let observation: Observation

    /// nil unless the verdict is `compliant`, and unless the look began at or after `change`, the end of the last step.
    package init?(_ observation: Observation, after change: Timestamp) {
        guard observation.verdict == .compliant, observation.started >= change else { return nil }
        self.observation = observation
    }
}

/// One control of one framework, and how far an observation speaks to it.
package struct ControlCitation: Hashable, Comparable, Sendable {
    package enum Confidence: String, Hashable, Sendable { case direct, supporting }
    /// Framework id as in `Catalog/frameworks` (`hipaa-security-rule`).
    package let framework: String
    /// Control id as that framework prints it (`164.312(b)`).
    package let control: String
    package let confidence: Confidence

    package init(framework: String, control: String, confidence: Confidence) {
        self.framework = framework
        self.control = control
        self.confidence = confidence
    }

    package static func < (left: ControlCitation, right: ControlCitation) -> Bool {
        (left.framework, left.confidence.rawValue, left.control) < (right.framework, right.confidence.rawValue, right.control)
    }
}
