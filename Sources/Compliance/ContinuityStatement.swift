package import Model
package import Seal

/// What a practice can say of a period of up to 366 days: for each control what had to be seen, what was, and every gap by name.
/// Computed from coverage, never typed.
package struct ContinuityStatement: Hashable, Sendable {
    package static let schema = "martlet.continuity/v1"

    package struct Control: Hashable, Sendable {
        package let control: ControlMap.Control
        package let figures: CoverageFigures
    }

    package let site: SiteID
    package let period: CoveragePeriod
    package let total: CoverageFigures
    /// All of the map, also those for which nothing was required.
    package let controls: [Control]
    /// By host, check and time. Those of a control are the ones whose check it names.
    package let gaps: [Gap]
    package let exceptions: [ExceptionStatement]
    /// What was switched off in the period, by whom and why: of a check, nothing was required while it was off.
    package let switchedOff: [SwitchedOffSpan]
    /// Of that time the figures say nothing.
    package let pruned: [PrunedSpan]
    package let takeovers: [Takeover]

    /// - Parameter enablement: in the order of the log; those of other sites are left out.
    package init(_ coverage: Coverage, controls map: ControlMap, enablement: [EnablementStatement] = []) {
        site = coverage.site
        period = coverage.period
        var byCheck: [CheckID: CoverageFigures] = [:]
        for pair in coverage.pairs { byCheck[pair.subject.check, default: CoverageFigures()] += pair.total }
        total = byCheck.values.reduce(into: CoverageFigures()) { $0 += $1 }
        controls = map.controls.map { control in
            Control(
                control: control,
                figures: control.checks.reduce(into: CoverageFigures()) { sum, check in
                    if let figures = byCheck[check] { sum += figures }
                })
        }
        gaps = coverage.pairs.flatMap(\.gaps)
        pruned = coverage.pruned
        takeovers = coverage.takeovers
        switchedOff = SwitchedOffSpan.all(enablement.filter { $0.site == coverage.site }, during: coverage.period)
        exceptions = coverage.statements.compactMap { statement in
            guard case .exception(let exception) = statement, exception.from < coverage.period.until,
                exception.until > coverage.period.from
            else { return nil }
            return exception
        }
    }

    package var json: JSONValue {
        var members: [String: JSONValue] = [
            "controls": .array(controls.map { .object($0.control.json.merging($0.figures.json, uniquingKeysWith: { $1 })) }),
            "exceptions": .array(exceptions.map(\.json)), "from": .string(period.from.description),
            "gaps": .array(gaps.map(\.json)), "horizon": .string(period.horizon.description), "schema": .string(Self.schema),
            "site": .string(site.description), "total": .object(total.json), "until": .string(period.until.description),
        ]
        if !pruned.isEmpty { members["pruned"] = .array(pruned.map(\.json)) }
        if !switchedOff.isEmpty { members["switchedOff"] = .array(switchedOff.map(\.json)) }
        if !takeovers.isEmpty { members["takeovers"] = .array(takeovers.map(\.json)) }
        return .object(members)
    }
}

extension Gap {
    package var json: JSONValue {
        [
            "cause": .string(cause.description), "check": .string(subject.check.description), "from": .string(from.description),
            "host": .string(subject.host.description), "slots": .integer(Int64(slots)), "until": .string(until.description),
        ]
    }
}
