package import Model

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
        package var activeMax = 500
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
        package var canaryApproval = Approval.person
        package var activeApproval = Approval.person

        package init() {}
    }

    package let figures: Figures

    package init() { figures = Figures() }

    /// - Throws: the first figure that is out of its range; nothing of `figures` is in use then.
    package init(_ figures: Figures) throws(LearningPolicyError) {
        for (name, value, range) in Self.ranged(figures) where !range.contains(value) {
            throw .range(name, value: value, range)
        }
        guard DurationCounts.bounds.contains(figures.medianSecondsMax) else { throw .median(figures.medianSecondsMax) }
        for (name, trials, limit) in [
            ("shadowFirings", figures.shadowFirings, figures.shadowLimit), ("canaryFirings", figures.canaryFirings, figures.canaryLimit),
        ] where !(WilsonInterval(successes: trials, of: trials).lower > Double(limit) / 1_000) {
            throw .unreachable(name, trials: trials, limit: limit)
        }
        self.figures = figures
    }

    private static func ranged(_ figures: Figures) -> [(String, Int, ClosedRange<Int>)] {
        [
            ("occurrencesMin", figures.occurrencesMin, 5...1_000), ("resolvedMin", figures.resolvedMin, 3...1_000),
            ("hostsMin", figures.hostsMin, 1...RemedyStatistics.hostsTold), ("successLimit", figures.successLimit, 500...990),
            ("holdSeconds", figures.holdSeconds, 3_600...2_592_000), ("shadowFirings", figures.shadowFirings, 5...200),
            ("shadowLimit", figures.shadowLimit, 500...990), ("canaryFirings", figures.canaryFirings, 10...200),
            ("canaryLimit", figures.canaryLimit, 600...990), ("canaryFailuresMax", figures.canaryFailuresMax, 0...5),
            ("canarySitesMax", figures.canarySitesMax, 1...20), ("canariesMax", figures.canariesMax, 1...50),
            ("activeMax", figures.activeMax, 1...5_000), ("activeWindow", figures.activeWindow, 10...64),
            ("activeLimit", figures.activeLimit, 500...990), ("failuresInARowMax", figures.failuresInARowMax, 2...10),
            ("stageDaysMax", figures.stageDaysMax, 7...730), ("retryDays", figures.retryDays, 1...365),
            ("roundsMax", figures.roundsMax, 1...10),
        ]
    }
}

/// Why figures are no policy. The policy in use stays in use.
package enum LearningPolicyError: Error, Hashable, Sendable {
    case range(String, value: Int, ClosedRange<Int>)
    case median(Int)
    /// Not even successes alone would pass.
    case unreachable(String, trials: Int, limit: Int)

    package var code: Code {
        switch self {
        case .range: "learning.policy_range"
        case .median: "learning.policy_median"
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
        case .unreachable(let name, let trials, let limit):
            "learning policy refused: \(name) \(trials) can never exceed a limit of \(limit) thousandths; the policy in use stays. "
                + "Ask for more firings or lower the limit."
        }
    }
}
