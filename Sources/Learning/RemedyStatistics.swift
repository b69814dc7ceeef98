package import Model

/// What one remedy has done for one pattern, added up as it happened. Of fixed size but for the parameters, which a runbook limits.
package struct RemedyStatistics: Hashable, Sendable {
    /// Hosts that are told apart; more are as good as these.
    package static let hostsTold = 16
    /// Newest successes whose bundles are named.
    package static let bundlesKept = 16

    package let remedy: RemedyID
    package let runbook: RunbookID
    /// By L2 and L3, every attempt.
    package private(set) var successes = 0
    package private(set) var failures = 0
    /// By rules, for the reader: a rule's own successes do not promote it.
    package private(set) var byRules = 0
    /// Of successes.
    package private(set) var durations = DurationCounts()
    /// Of the first success.
    package private(set) var parameters: [String: TypedValue] = [:]
    /// Names of parameters that were not the same in each success.
    package private(set) var varying: Set<String> = []
    private var hosts: [UInt64] = []
    private var bundles: [BundleID] = []
    private var next = 0

    init(_ treatment: Occurrence.Treatment) {
        remedy = treatment.remedy
        runbook = treatment.runbook
    }

    package var attempts: Int { successes + failures }
    package var interval: WilsonInterval { WilsonInterval(successes: successes, of: attempts) }
    /// At most `hostsTold`.
    package var hostCount: Int { hosts.count }
    /// Bundles of the newest successes, oldest first.
    package var evidence: [BundleID] { Array(bundles[next...] + bundles[..<next]) }

    mutating func add(_ occurrence: Occurrence, _ treatment: Occurrence.Treatment) {
        guard treatment.tier != .l1 else {
            byRules += 1
            return
        }
        guard occurrence.ending == .held else {
            failures += 1
            return
        }
        if successes == 0 {
            parameters = treatment.parameters
        } else if treatment.parameters != parameters {
            for name in Set(parameters.keys).union(treatment.parameters.keys) where parameters[name] != treatment.parameters[name] {
                varying.insert(name)
            }
        }
        successes += 1
        durations.add(milliseconds: treatment.milliseconds)
        if hosts.count < Self.hostsTold, !hosts.contains(occurrence.host.word) { hosts.append(occurrence.host.word) }
        if bundles.count < Self.bundlesKept {
            bundles.append(occurrence.evidence)
        } else {
            bundles[next] = occurrence.evidence
            next = (next + 1) % Self.bundlesKept
        }
    }
}
