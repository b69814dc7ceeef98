package import Model
package import Seal

/// A partner's figures for learning. Only figures within their ranges make one.
package struct LearningPolicy: Hashable, Sendable {
    package enum Approval: String, Hashable, Sendable { case person, automatic }

    /// The figures with their defaults. Rates are in thousandths; each must be exceeded by the bound, not reached.
    package struct Figures: Hashable, Sendable {
        /// Off: nothing is promoted; what is active stays until it is revoked or fails.
        package var isOn = true
        package var occurrencesMin = 5
        /// Successes of the remedy by L2 or L3.
        package var resolvedMin = 3
        /// Different hosts among those successes.
        package var hostsMin = 2
        /// For the lower bound over L2's and L3's attempts.
        package var successLimit = 500
        /// The median must be below; one of `DurationCounts.bounds`.
        package var medianSecondsMax = 30
        package var holdSeconds = 86_400
        /// Shadow is judged once, at this many comparisons.
        package var shadowFirings = 10
        package var shadowLimit = 550
        /// Canary is judged once, at this many firings.
        package var canaryFirings = 20
        package var canaryLimit = 800
        /// One more demotes.
        package var canaryFailuresMax = 0
        package var canarySitesMax = 3
        package var canariesMax = 5
        package var activeMax = 400
        /// Newest firings of an active rule that count for its demotion.
        package var activeWindow = 20
        /// An upper bound below it demotes.
        package var activeLimit = 800
        /// So many failures in a row demote, whatever the bound.
        package var failuresInARowMax = 3
        /// In shadow or canary without coming to an end; then demoted.
        package var stageDaysMax = 180
        /// From a demotion until its pattern is a candidate again.
        package var retryDays = 7
        /// Demotions after which only a person can bring it back.
        package var roundsMax = 3
        /// Of the way into shadow, where nothing runs.
        package var shadowApproval = Approval.automatic
        package var canaryApproval = Approval.person
        package var activeApproval = Approval.person

        package init() {}
    }

    package let figures: Figures

    package init() { figures = Figures() }

    /// - Throws: the first figure that is out of its range; nothing of `figures` is in use then.
    package init(_ figures: Figures) throws(LearningPolicyError) {
        for (name, path, range) in Figures.numbers where !range.contains(figures[keyPath: path]) {
            throw .range(name, value: figures[keyPath: path], range)
        }
        guard DurationCounts.bounds.contains(figures.medianSecondsMax) else { throw .median(figures.medianSecondsMax) }
        for (name, trials, limit) in [
            ("shadowFirings", figures.shadowFirings, figures.shadowLimit), ("canaryFirings", figures.canaryFirings, figures.canaryLimit),
        ] where !(WilsonInterval(successes: trials, of: trials).lower > Double(limit) / 1_000) {
            throw .unreachable(name, trials: trials, limit: limit)
        }
        self.figures = figures
    }
}

extension LearningPolicy.Figures {
    /// Each with the range that it is taken in.
    fileprivate static var numbers: [(name: String, path: WritableKeyPath<Self, Int>, range: ClosedRange<Int>)] {
        [
            ("occurrencesMin", \.occurrencesMin, 5...1_000), ("resolvedMin", \.resolvedMin, 3...1_000),
            ("hostsMin", \.hostsMin, 1...RemedyStatistics.hostsTold), ("successLimit", \.successLimit, 500...990),
            ("holdSeconds", \.holdSeconds, 3_600...2_592_000), ("shadowFirings", \.shadowFirings, 5...200),
            ("shadowLimit", \.shadowLimit, 500...990), ("canaryFirings", \.canaryFirings, 10...200),
            ("canaryLimit", \.canaryLimit, 600...990), ("canaryFailuresMax", \.canaryFailuresMax, 0...5),
            ("canarySitesMax", \.canarySitesMax, 1...20), ("canariesMax", \.canariesMax, 1...50),
            ("activeMax", \.activeMax, 1...400), ("activeWindow", \.activeWindow, 10...64),
            ("activeLimit", \.activeLimit, 500...990), ("failuresInARowMax", \.failuresInARowMax, 2...10),
            ("stageDaysMax", \.stageDaysMax, 7...730), ("retryDays", \.retryDays, 1...365),
            ("roundsMax", \.roundsMax, 1...10),
        ]
    }

    fileprivate static var approvals: [(name: String, path: WritableKeyPath<Self, LearningPolicy.Approval>)] {
        [("shadowApproval", \.shadowApproval), ("canaryApproval", \.canaryApproval), ("activeApproval", \.activeApproval)]
    }

    /// Every figure with its value and what is taken, for people.
    package var list: [(name: String, value: String, taken: String)] {
        let bounds = DurationCounts.bounds.map(String.init).joined(separator: ", ")
        return [("isOn", "\(isOn)", "true, false"), ("medianSecondsMax", "\(medianSecondsMax)", bounds)]
            + Self.numbers.map { ($0.name, "\(self[keyPath: $0.path])", "\($0.range.lowerBound)...\($0.range.upperBound)") }
            + Self.approvals.map { ($0.name, self[keyPath: $0.path].rawValue, "person, automatic") }
    }

    /// - Throws: for a name or text that is no figure's. Whether the figure is in its range, `LearningPolicy` says.
    package mutating func set(_ name: String, to text: String) throws(LearningPolicyError) {
        if name == "isOn", let flag = Bool(text) {
            isOn = flag
        } else if name == "medianSecondsMax", let number = Int(text) {
            medianSecondsMax = number
        } else if let figure = Self.numbers.first(where: { $0.name == name }), let number = Int(text) {
            self[keyPath: figure.path] = number
        } else if let figure = Self.approvals.first(where: { $0.name == name }), let approval = LearningPolicy.Approval(rawValue: text) {
            self[keyPath: figure.path] = approval
        } else {
            throw .figure(name, text)
        }
    }
}

extension LearningPolicy {
    /// Every figure as a text: as a person sets it.
    package var json: JSONValue {
        .object(Dictionary(uniqueKeysWithValues: figures.list.map { ($0.name, .string($0.value)) }))
    }

    /// - Throws: for what is no policy, or is none any more.
    package init(json: JSONValue) throws(LearningPolicyError) {
        var figures = Figures()
        for (name, value) in json.object ?? [:] { try figures.set(name, to: value.string ?? "") }
        try self.init(figures)
    }
}

/// Why figures are no policy. The policy in use stays in use.
package enum LearningPolicyError: Error, Hashable, Sendable {
    case range(String, value: Int, ClosedRange<Int>)
    case median(Int)
    /// No such figure, or no such value of it.
    case figure(String, String)
    /// Not even successes alone would pass.
    case unreachable(String, trials: Int, limit: Int)

    package var code: Code {
        switch self {
        case .range: "learning.policy_range"
        case .median: "learning.policy_median"
        case .figure: "learning.policy_figure"
        case .unreachable: "learning.policy_unreachable"
        }
    }

    package var message: String {
        switch self {
        case .range(let name, let value, let range):
            "learning policy refused: \(name) is \(value), taken is \(range.lowerBound) to \(range.upperBound); the policy in use stays."
        case .median(let seconds):
            "learning policy refused: medianSecondsMax is \(seconds), taken is one of "
                + DurationCounts.bounds.map(String.init).joined(separator: ", ") + "; the policy in use stays."
        case .figure(let name, let text):
            "learning policy refused: there is no figure \"\(name)\" that can be \"\(text)\"; the policy in use stays."
        case .unreachable(let name, let trials, let limit):
            "learning policy refused: \(name) \(trials) can never exceed a limit of \(limit) thousandths; the policy in use stays. "
                + "Ask for more firings or lower the limit."
        }
    }
}
