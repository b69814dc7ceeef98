package import Model

/// What became of one scenario's faults.
package struct ScenarioTally: Hashable, Sendable {
    /// That began; one on a host and check where another is at work is none.
    package var faults = 0
    package var asExpected = 0
    package var otherwise = 0
    package var byL1 = 0
    package var byL2 = 0
    package var byPerson = 0
    /// Gone before anybody acted.
    package var alone = 0
    /// Neither repaired nor gone at the end.
    package var open = 0
    package var attempts = 0
    package var failedAttempts = 0
    /// Repairs that were begun on a host where there was nothing to repair any more.
    package var falseRepairs = 0
    /// Repaired, and back within a day.
    package var relapses = 0
    /// Limits broken and hosts changed that must not be.
    package var harm = 0
    /// From the fault to the re-check that passed.
    package var healing = DurationHistogram()

    package init() {}

    package mutating func merge(_ other: ScenarioTally) {
        faults += other.faults
        asExpected += other.asExpected
        otherwise += other.otherwise
        byL1 += other.byL1
        byL2 += other.byL2
        byPerson += other.byPerson
        alone += other.alone
        open += other.open
        attempts += other.attempts
        failedAttempts += other.failedAttempts
        falseRepairs += other.falseRepairs
        relapses += other.relapses
        harm += other.harm
        healing.merge(other.healing)
    }

    package var healed: Int { byL1 + byL2 }
    /// Of the faults that were there until somebody acted, in thousandths; nil where there were none.
    package var healRate: Int? { healed + byPerson > 0 ? healed * 1_000 / (healed + byPerson) : nil }
}

/// What one tier tried.
package struct TierTally: Hashable, Sendable {
    package var attempts = 0
    package var healed = 0

    package init() {}
}
