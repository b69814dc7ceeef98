import ArgumentParser
import Central
import Model
import Seal

/// `martlet central status`: what needs a person at Central, judged from its database. Exit code 0 nothing, 2 something, 1 could not be told.
struct CentralStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "What needs a person at Central. Exit code 2 when something does.")
    @OptionGroup var central: CentralOptions
    @Flag(help: "For programs.") var json = false

    func run() async throws {
        var isFine = true
        try await central.run { services, person in
            let alerts = try await services.status.alerts()
            isFine = alerts.isEmpty
            var table = CentralTable("alert", "subject", "since", "sentence")
            for alert in alerts {
                table.add(
                    .string(alert.code), .string(alert.subject), .string(alert.since.description), .string(alert.sentence))
            }
            var works = CentralTable("work", "lastSuccess", "failing")
            for work in try await services.works.list() {
                works.add(
                    .string(work.name), work.lastSuccess.map { .string($0.description) } ?? .null,
                    work.failure.map { .string($0.code) } ?? .null)
            }
            var paused = CentralTable("paused", "site", "host", "lastCheckin")
            for box in try await services.appliances.list(for: person) where box.isPaused && box.revoked == nil {
                paused.add(
                    .string(box.id.description), .string(box.siteName), .string(box.hostname),
                    box.lastCheckin.map { .string($0.description) } ?? .null)
            }
            var planner = CentralTable("planner", "state", "since", "by", "reason")
            for change in try await services.planner.switch.inForce() where !change.isOn {
                planner.add(
                    .string(change.site?.description ?? "everywhere"), .string("off"), .string(change.at.description),
                    .string(change.person), .string(change.reason))
            }
            guard !json else {
                let all: JSONValue = ["alerts": table.json, "paused": paused.json, "planner": planner.json, "works": works.json]
                print(String(decoding: try all.canonicalBytes(), as: UTF8.self))
                return
            }
            if isFine { print("nothing needs a person") } else { try table.print(asJSON: false) }
            if !paused.rows.isEmpty {
                print("")
                try paused.print(asJSON: false)
            }
            if !planner.rows.isEmpty {
                print("")
                try planner.print(asJSON: false)
            }
            print("")
            try works.print(asJSON: false)
        }
        if !isFine { throw ExitCode(2) }
    }
}
