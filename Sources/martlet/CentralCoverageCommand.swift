import ArgumentParser
import Central
import Compliance
import Foundation
import Model
import Seal

/// Which days are asked about.
struct PeriodOptions: ParsableArguments {
    @Option(help: "First day, UTC: 2026-01-01. Without it: 30 days before the end.") var from: InstantText?
    @Option(help: "Day after the last, UTC. Without it: tomorrow.") var until: InstantText?

    /// Judged up to now: what may still be seen late is left out.
    func period(at now: Timestamp) throws -> CoveragePeriod {
        let until = self.until?.instant ?? Timestamp(hour: now.hour / 24 * 24 + 24)
        let from = self.from?.instant ?? until - .seconds(30 * 86_400)
        guard let period = CoveragePeriod(from: from, until: until, horizon: now) else {
            throw CentralError.value("--from and --until are days in order, at most \(CoveragePeriod.daysMax) apart, such as 2026-01-31")
        }
        return period
    }
}

struct CentralCoverage: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coverage", abstract: "What had to be seen at a site and what was, for each day, host and check.",
        discussion: "Computed anew from every bundle that is held, each verified again. How: docs/formats/coverage.md.")
    @OptionGroup var central: CentralOptions
    @OptionGroup var days: PeriodOptions
    @Argument(help: "The site's id or name.") var site: String
    @Flag(help: "For programs: martlet.coverage/v1.") var json = false

    func run() async throws {
        try await central.run { services, person in
            let site = try await services.site(self.site, for: person)
            let period = try days.period(at: services.clock.now())
            let coverage = try await services.coverage.coverage(of: site, during: period, for: person)
            guard !json else { return print(String(decoding: coverage.canonicalBytes, as: UTF8.self)) }
            print("\(site.name), \(period.text)")
            for span in coverage.pruned { print(span.text) }
            for span in try await services.switchedOff(at: site, person, during: period) where span.statement.kind == .check {
                print(span.text)
            }
            for pair in coverage.pairs {
                print("\(pair.subject.host)  \(pair.subject.check)")
                for days in pair.days { print(days.text) }
            }
            if coverage.pairs.isEmpty {
                print(coverage.pruned.isEmpty ? "(nothing was required)" : "(nothing was required but what was pruned)")
            }
            print("\(coverage.pruned.isEmpty ? "all" : "all but what was pruned")  \(coverage.total.text)")
        }
    }
}

struct CentralContinuity: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "continuity",
        abstract: "A site's statement for a period up to a year: for each control what was seen, every gap by name.",
        discussion: "Computed anew from every bundle that is held, each verified again. How: docs/formats/coverage.md.")
    @OptionGroup var central: CentralOptions
    @OptionGroup var days: PeriodOptions
    @Argument(help: "The site's id or name.") var site: String
    @Flag(help: "For programs: martlet.continuity/v1.") var json = false

    func run() async throws {
        try await central.run { services, person in
            let site = try await services.site(self.site, for: person)
            let period = try days.period(at: services.clock.now())
            let statement = try await services.coverage.continuity(of: site, during: period, for: person)
            guard !json else { return try printJSON(statement.json) }
            print("\(site.name), \(period.text)")
            for span in statement.pruned { print(span.text) }
            print("\(statement.pruned.isEmpty ? "all" : "all but what was pruned")  \(statement.total.text)")
            print("")
            var controls = CentralTable("framework", "control", "required", "made", "late", "excepted", "missing", "seen")
            for control in statement.controls where control.figures.required > 0 {
                let figures = control.figures
                controls.add(
                    .string(control.control.framework), .string(control.control.control), .integer(Int64(figures.required)),
                    .integer(Int64(figures.made)), .integer(Int64(figures.late)), .integer(Int64(figures.excepted)),
                    .integer(Int64(figures.missingCount)), .string(figures.shareText))
            }
            try controls.print(asJSON: false)
            let silent = statement.controls.filter { $0.figures.required == 0 }.count
            if silent > 0 { print("\(silent) more controls are cited by checks of which nothing was required.") }
            print("")
            print("Gaps")
            var gaps = CentralTable("host", "check", "from", "until", "slots", "cause")
            for gap in statement.gaps {
                gaps.add(
                    .string(gap.subject.host.description), .string(gap.subject.check.description), .string(gap.from.minuteText),
                    .string(gap.until.minuteText), .integer(Int64(gap.slots)), .string(gap.cause.description))
            }
            try gaps.print(asJSON: false)
            for cause in GapCause.allCases where statement.gaps.contains(where: { $0.cause == cause.code }) {
                print("\(cause.rawValue): \(cause.sentence)")
            }
            print("")
            print("Exceptions")
            var exceptions = CentralTable("id", "host", "check", "from", "until", "approvedBy", "reason")
            for exception in statement.exceptions {
                exceptions.add(
                    .string(exception.id), .string(exception.host?.description ?? "*"), .string(exception.check?.description ?? "*"),
                    .string(exception.from.minuteText), .string(exception.until.minuteText), .string(exception.approvedBy),
                    .string(exception.reason))
            }
            try exceptions.print(asJSON: false)
            print("")
            print("Switched off")
            var off = CentralTable("kind", "id", "appliance", "from", "until", "by", "reason")
            for span in statement.switchedOff {
                off.add(
                    .string(span.statement.kind.rawValue), .string(span.statement.id),
                    .string(span.statement.appliance?.description ?? "*"), .string(span.from.minuteText),
                    span.until.map { .string($0.minuteText) } ?? nil, .string(span.statement.by), .string(span.statement.reason))
            }
            try off.print(asJSON: false)
        }
    }
}

extension CentralServices {
    fileprivate func switchedOff(
        at site: Site, _ person: OperatorCredential, during period: CoveragePeriod
    ) async throws -> [SwitchedOffSpan] {
        SwitchedOffSpan.all(
            try await enablement.statements(of: site.id, in: TenantScope(person, organization: site.organization)), during: period)
    }
}

extension CoveragePeriod {
    fileprivate var text: String {
        "\(Coverage.text(ofDay: from.hour / 24)) to \(Coverage.text(ofDay: until.hour / 24 - 1)) (UTC), judged up to \(horizon)"
    }
}

extension Timestamp {
    fileprivate var minuteText: String { String(description.prefix(16)).replacing("T", with: " ") }
}

extension Coverage.Days {
    /// Folded before it is wider than a terminal.
    fileprivate var text: String {
        let first = Coverage.text(ofDay: day)
        let span = count == 1 ? first : "\(first) to \(Coverage.text(ofDay: day + count - 1)), each"
        return "  \(span): \(figures.text)"
    }
}

extension CoverageFigures {
    fileprivate var shareText: String {
        guard let points = basisPoints else { return "-" }
        let rest = points % 100
        return "\(points / 100).\(rest < 10 ? "0" : "")\(rest) %"
    }

    fileprivate var text: String {
        var text = "\(required) required, \(made) made"
        if late > 0 { text += ", \(late) late" }
        if excepted > 0 { text += ", \(excepted) excepted" }
        if missingCount > 0 { text += ", \(missingCount) missing" }
        text += " (\(shareText))"
        for (code, count) in missing.sorted(by: { $0.key < $1.key }) { text += "\n      \(count) \(code)" }
        return text
    }
}
