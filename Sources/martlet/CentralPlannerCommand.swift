import ArgumentParser
import Central
import Documents
import Evidence
import Model
import Planner
import Seal

struct CentralPlanner: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "planner",
        abstract: "The language model that is asked where no rule helps: what it may, what it did, its kill switch.",
        subcommands: [Status.self, On.self, Off.self, History.self, Exchanges.self], defaultSubcommand: Status.self)

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Which model, on or off, and what sites have used of their budgets.")
        @OptionGroup var central: CentralOptions
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await central.run { services, _ in
                let desk = services.planner
                let (switches, uses, outcomes) = (try await desk.switch.inForce(), try await desk.use(), try await desk.outcomes())
                var model = CentralTable("provider", "model", "address", "state", "callsPerHourMax", "dollarsPerDayMax")
                if let configured = desk.model {
                    let off = switches.first { $0.site == nil && !$0.isOn }
                    model.add(
                        .string(configured.provider.kind.rawValue), .string(configured.provider.model),
                        .string(configured.provider.endpoint), .string(off == nil ? "on" : "off"),
                        .integer(Int64(configured.limits.callsPerHourMax)), .string(Dollars.text(configured.limits.costPerDayMax)))
                }
                let switched = CentralPlanner.table(switches)
                var used = CentralTable("site", "callsInTheHour", "dollarsInTheDay")
                for use in uses {
                    used.add(
                        .string(use.site.description), .integer(Int64(use.callsInTheHour)), .string(Dollars.text(use.costInTheDay)))
                }
                var ends = CentralTable("outcome", "count")
                for (word, count) in outcomes { ends.add(.string(word), .integer(count)) }
                guard !json else {
                    let all: JSONValue = ["model": model.json, "switches": switched.json, "used": used.json, "outcomes": ends.json]
                    print(String(decoding: try all.canonicalBytes(), as: UTF8.self))
                    return
                }
                if model.rows.isEmpty {
                    print("no model is configured (planner.provider): nobody is asked")
                } else {
                    try model.print(asJSON: false)
                }
                for table in [switched, used, ends] where !table.rows.isEmpty {
                    print("")
                    try table.print(asJSON: false)
                }
            }
        }
    }

    struct Change: ParsableArguments {
        @OptionGroup var central: CentralOptions
        @Option(help: "Only this site; without it everywhere.") var site: String?
        @Option(help: "Who decided it.") var by: String
        @Option(help: "Why: kept with the change.") var reason: String

        func set(_ isOn: Bool) async throws {
            let site = try site.map { text in
                guard let id = SiteID(text) else { throw ValidationError("\(quoted(text)) is no site's id") }
                return id
            }
            try await central.run { services, _ in
                try await services.planner.switch.set(isOn, site: site, by: by, reason: reason)
                try CentralPlanner.table(try await services.planner.switch.inForce()).print(asJSON: false)
            }
        }
    }

    struct On: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ask again, everywhere or at one site.")
        @OptionGroup var change: Change
        func run() async throws { try await change.set(true) }
    }

    struct Off: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask nothing any more: at once, also for answers that are under way; tickets go to people as if there were no model.")
        @OptionGroup var change: Change
        func run() async throws { try await change.set(false) }
    }

    struct History: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Every change of the switch, the newest first.")
        @OptionGroup var central: CentralOptions
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await central.run { services, _ in
                try CentralPlanner.table(try await services.planner.switch.history()).print(asJSON: json)
            }
        }
    }

    struct Exchanges: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What was asked and answered, the newest first; as JSON with every word.")
        @OptionGroup var central: CentralOptions
        @Option(help: "Only this incident's.") var incident: String?
        @Flag(help: "For programs, and for who wants to read the question and the answer.") var json = false

        func run() async throws {
            let incident = try incident.map { text in
                guard let id = IncidentID(text) else { throw ValidationError("\(quoted(text)) is no incident's id") }
                return id
            }
            try await central.run { services, _ in
                let exchanges = try await services.planner.exchanges(of: incident)
                guard !json else {
                    let all = exchanges.map { one -> JSONValue in
                        [
                            "site": .string(one.question.site.description), "appliance": .string(one.question.appliance.description),
                            "host": .string(one.question.host.description), "check": .string(one.question.check.description),
                            "drift": .string(one.question.code.description),
                            "order": one.order.map { .string($0.description) } ?? nil, "exchange": one.record.json,
                        ]
                    }
                    print(String(decoding: try JSONValue.array(all).canonicalBytes(), as: UTF8.self))
                    return
                }
                var table = CentralTable(
                    "incident", "at", "host", "check", "drift", "model", "outcome", "runbook", "confidence", "dollars", "seconds", "order")
                for one in exchanges {
                    let (question, record) = (one.question, one.record)
                    let choice = record.choice ?? record.unsure
                    table.add(
                        .string(question.incident.description), .string(record.started.description), .string(question.host.description),
                        .string(question.check.description), .string(question.code.description),
                        record.model.map { .string($0) } ?? .null, .string(record.outcome.description),
                        choice.map { .string($0.runbook.description) } ?? .null,
                        choice.map { .string("\($0.confidencePercent) %") } ?? .null, .string(Dollars.text(record.cost)),
                        .string("\(record.latencyMilliseconds / 1_000).\(record.latencyMilliseconds / 100 % 10)"),
                        one.order.map { .string($0.description) } ?? .null)
                }
                try table.print(asJSON: false)
            }
        }
    }

    fileprivate static func table(_ changes: [PlannerSwitch.Change]) -> CentralTable {
        var table = CentralTable("where", "state", "since", "by", "reason")
        for change in changes {
            table.add(
                .string(change.site?.description ?? "everywhere"), .string(change.isOn ? "on" : "off"), .string(change.at.description),
                .string(change.person), .string(change.reason))
        }
        return table
    }
}
