package import Model

/// What speaks for a remedy, and what it lacks to be tried in shadow.
package struct PromotionFigures: Hashable, Sendable {
    package struct Lack: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let occurrences = Lack(rawValue: 1)
        package static let resolved = Lack(rawValue: 2)
        package static let hosts = Lack(rawValue: 4)
        package static let success = Lack(rawValue: 8)
        package static let median = Lack(rawValue: 16)

        /// For people and programs, in a fixed order.
        package var codes: [Code] {
            let all: [(Lack, Code)] = [
                (.occurrences, "promotion.few_occurrences"), (.resolved, "promotion.few_resolved"), (.hosts, "promotion.few_hosts"),
                (.success, "promotion.success_bound"), (.median, "promotion.slow"),
            ]
            return all.compactMap { contains($0.0) ? $0.1 : nil }
        }
    }

    package let key: PatternKey
    package let runbook: RunbookID
    package let occurrences: Int
    package let successes: Int
    package let attempts: Int
    package let hosts: Int
    package let lower: Double
    /// Seconds that the median is below; nil where none of the bounds is above it.
    package let medianBelow: Int?
    package let lacks: Lack

    init(_ entry: PatternStatistics.Entry, _ remedy: RemedyStatistics, _ policy: LearningPolicy) {
        let figures = policy.figures
        key = PatternKey(entry.signature, remedy.remedy)
        runbook = remedy.runbook
        occurrences = entry.occurrences
        successes = remedy.successes
        attempts = remedy.attempts
        hosts = remedy.hostCount
        lower = remedy.interval.lower
        medianBelow = remedy.durations.medianBelow
        var lacks: Lack = []
        if occurrences < figures.occurrencesMin { lacks.insert(.occurrences) }
        if successes < figures.resolvedMin { lacks.insert(.resolved) }
        if hosts < figures.hostsMin { lacks.insert(.hosts) }
        if !(lower > Double(figures.successLimit) / 1_000) { lacks.insert(.success) }
        if !(medianBelow.map { $0 <= figures.medianSecondsMax } ?? false) { lacks.insert(.median) }
        self.lacks = lacks
    }

    package var isReady: Bool { lacks.isEmpty }
}
