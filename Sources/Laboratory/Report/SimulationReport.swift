package import Model
package import Seal

/// What a simulation found.
package struct SimulationReport: Sendable {
    package let setup: SimulationSetup
    package let scenarios: [Scenario]
    /// By scenario.
    package internal(set) var tallies: [ScenarioTally]
    package internal(set) var tiers: [Tier: TierTally] = [:]
    /// Each answer but "admitted", and how often it was given.
    package internal(set) var answers: [Code: Int] = [:]
    package internal(set) var harms: [Code: Int] = [:]
    package internal(set) var events = 0
    /// Events that waited, after each 30 days: where this does not grow, memory does not.
    package internal(set) var pending: [Int] = []
    package internal(set) var looks = 0
    package internal(set) var incidents = 0
    package internal(set) var decisions = 0
    /// Learned rules: became active, failed, and run at the end.
    package internal(set) var promotions = 0
    package internal(set) var demotions = 0
    package internal(set) var active = 0

    init(_ setup: SimulationSetup, _ scenarios: [Scenario]) {
        self.setup = setup
        self.scenarios = scenarios
        tallies = Array(repeating: ScenarioTally(), count: scenarios.count)
    }

    mutating func count(_ tier: Tier, isHealed: Bool) {
        tiers[tier, default: TierTally()].attempts += 1
        if isHealed { tiers[tier, default: TierTally()].healed += 1 }
    }

    package var total: ScenarioTally { tallies.reduce(into: ScenarioTally()) { $0.merge($1) } }

    /// Of the scenarios that are to be repaired.
    package var healable: ScenarioTally {
        zip(scenarios, tallies).filter(\.0.isHealable).reduce(into: ScenarioTally()) { $0.merge($1.1) }
    }
}

extension SimulationReport {
    package var table: String {
        var rows = [
            [
                "scenario", "faults", "as exp.", "L1", "L2", "person", "alone", "open", "healed", "median", "p95", "failed", "false",
                "relapse", "harm",
            ]
        ]
        for (scenario, tally) in zip(scenarios, tallies) { rows.append(Self.row(scenario.id.description, tally)) }
        rows.append(Self.row("healable", healable))
        rows.append(Self.row("all", total))
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let lines = rows.map { row in
            zip(row, widths).enumerated().map { column, cell in
                let space = String(repeating: " ", count: cell.1 - cell.0.count)
                return column == 0 ? cell.0 + space : space + cell.0
            }.joined(separator: "  ")
        }
        return (lines + ["", summary]).joined(separator: "\n") + "\n"
    }

    private var summary: String {
        var lines = [
            "\(setup.hosts) hosts at \(setup.siteCount) sites, \(setup.days) days, seed \(setup.seed): \(events) events, \(looks) looks, "
                + "\(incidents) incidents, \(decisions) decisions."
        ]
        for tier in [Tier.l1, .l2] {
            let tally = tiers[tier] ?? TierTally()
            let rate = tally.attempts > 0 ? Self.percent(tally.healed * 1_000 / tally.attempts) : "-"
            let who = tier == .l1 ? "L1, by rules:" : "L2, by a stand-in for a model:"
            lines.append("\(who) \(tally.attempts) attempts, \(tally.healed) passed their re-check (\(rate)).")
        }
        lines.append(
            "Persons saw to \(total.byPerson). Learned rules: \(promotions) became active, \(demotions) demoted, \(active) active.")
        lines.append(
            "Answers: " + answers.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ") + ".")
        let harm = harms.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        lines.append("Harm: " + (harm.isEmpty ? "0" : harm.joined(separator: ", ")) + ".")
        return lines.joined(separator: "\n")
    }

    private static func row(_ name: String, _ tally: ScenarioTally) -> [String] {
        [
            name, "\(tally.faults)", "\(tally.asExpected)", "\(tally.byL1)", "\(tally.byL2)", "\(tally.byPerson)", "\(tally.alone)",
            "\(tally.open)", tally.healRate.map(percent) ?? "-", tally.healing.quantile(permille: 500).map(said) ?? "-",
            tally.healing.quantile(permille: 950).map(said) ?? "-", "\(tally.failedAttempts)", "\(tally.falseRepairs)", "\(tally.relapses)",
            "\(tally.harm)",
        ]
    }

    private static func percent(_ permille: Int) -> String { "\(permille / 10).\(permille % 10) %" }

    private static func said(_ span: Duration) -> String {
        let seconds = span.wholeSeconds
        return seconds < 120 ? "\(seconds) s" : seconds < 7_200 ? "\(seconds / 60) min" : "\(seconds / 3_600) h"
    }

    package var json: JSONValue {
        [
            "schema": "martlet.lab-simulation/v1", "hosts": .integer(Int64(setup.hosts)), "sites": .integer(Int64(setup.siteCount)),
            "days": .integer(Int64(setup.days)), "seed": .string(String(setup.seed)), "events": .integer(Int64(events)),
            "scenarios": .array(zip(scenarios, tallies).map { $0.json($1) }), "total": total.json, "healable": healable.json,
            "tiers": .object(
                Dictionary(
                    uniqueKeysWithValues: tiers.map { tier, tally in
                        (tier.rawValue, ["attempts": .integer(Int64(tally.attempts)), "healed": .integer(Int64(tally.healed))])
                    })),
            "answers": Self.json(answers), "harms": Self.json(harms),
            "learned": [
                "promotions": .integer(Int64(promotions)), "demotions": .integer(Int64(demotions)), "active": .integer(Int64(active)),
            ],
        ]
    }

    private static func json(_ counts: [Code: Int]) -> JSONValue {
        .object(Dictionary(uniqueKeysWithValues: counts.map { ($0.key.description, .integer(Int64($0.value))) }))
    }
}

extension Scenario {
    fileprivate func json(_ tally: ScenarioTally) -> JSONValue {
        guard case .object(var members) = tally.json else { return tally.json }
        members["id"] = .string(id.description)
        members["family"] = .string(family.rawValue)
        return .object(members)
    }
}

extension ScenarioTally {
    fileprivate var json: JSONValue {
        var members: [String: JSONValue] = [:]
        for (name, count) in [
            ("faults", faults), ("asExpected", asExpected), ("otherwise", otherwise), ("l1", byL1), ("l2", byL2), ("person", byPerson),
            ("alone", alone), ("open", open), ("attempts", attempts), ("failedAttempts", failedAttempts), ("falseRepairs", falseRepairs),
            ("relapses", relapses), ("harm", harm),
        ] { members[name] = .integer(Int64(count)) }
        members["healRatePermille"] = healRate.map { .integer(Int64($0)) }
        members["medianSeconds"] = healing.quantile(permille: 500).map { .integer($0.wholeSeconds) }
        members["p95Seconds"] = healing.quantile(permille: 950).map { .integer($0.wholeSeconds) }
        return .object(members)
    }
}
