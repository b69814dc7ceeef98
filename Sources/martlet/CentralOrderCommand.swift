import ArgumentParser
import Central
import Documents
import Foundation
import Model
import Seal
import Wire

struct CentralOrder: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "order", abstract: "Ask an appliance to do something.", subcommands: [Create.self, List.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Sign an order; the appliance fetches it with its next check-in.")
        @OptionGroup var central: CentralOptions
        @Argument(help: "The appliance's id.") var appliance: String
        @Argument(help: "runbook, check, pause or resume.") var kind: String
        @Option(help: "Why: recorded in the evidence.") var reason: String
        @Option(help: "One host; without it every host of the site.") var host: String?
        @Option(help: "A catalogued runbook, for kind runbook.") var runbook: String?
        @Option(help: "A check: what the runbook repairs, or what is to be checked.") var check: String?
        @Option(help: "name=value, once for each parameter; true, false and whole numbers are taken as such, name:=text as text.")
        var parameter: [String] = []
        @Option(help: "How long it may be begun (60s to 7d).") var lifetime = "15m"
        @Flag(help: "Issue it although Central knows no such host, runbook or check; the appliance judges.") var anyway = false

        func run() async throws {
            guard let kind = Order.Kind(rawValue: kind), kind != .approve, kind != .proposal else {
                throw ValidationError("the kind is one of runbook, check, pause, resume; for an approval: martlet central approve")
            }
            guard let lifetime = DurationText.parse(lifetime) else { throw ValidationError("--lifetime takes 60s to 7d, such as 15m") }
            let parameters = try Self.parse(parameter)
            let (host, runbook, check): (HostID?, RunbookID?, CheckID?) = (
                try name(host, "--host"), try name(runbook, "--runbook"), try name(check, "--check")
            )
            try await central.run { services, person in
                let (id, scope) = try await services.appliance(appliance, for: person)
                let draft = OrderDraft(
                    appliance: id, host: host, kind: kind, runbook: runbook, check: check, parameters: parameters, timeToLive: lifetime,
                    requester: person.name, reason: reason)
                let unknowable = anyway ? [] : try await OrderSubjects(services).judge(draft, in: scope)
                let order = try await services.orders.create(draft, in: scope)
                // Beside the order's id, which programs read.
                for sentence in unknowable { FileHandle.standardError.write(Data("Note: \(sentence)\n".utf8)) }
                print(order.id)
            }
        }

        private func name<Subject>(_ text: String?, _ option: String) throws -> Name<Subject>? {
            guard let text else { return nil }
            guard let name = Name<Subject>(text) else { throw ValidationError("\(option): \(quoted(text)) is no name") }
            return name
        }

        static func parse(_ pairs: [String]) throws -> [String: TypedValue] {
            var parameters: [String: TypedValue] = [:]
            for pair in pairs {
                guard let equals = pair.firstIndex(of: "="), equals > pair.startIndex else {
                    throw ValidationError("--parameter takes name=value, not \(quoted(pair))")
                }
                var name = String(pair[..<equals])
                let text = String(pair[pair.index(after: equals)...])
                let isText = name.hasSuffix(":")
                if isText { name.removeLast() }
                guard parameters[name] == nil else { throw ValidationError("--parameter \(name) is given twice") }
                if !isText, text == "true" || text == "false" {
                    parameters[name] = .boolean(text == "true")
                } else if !isText, let number = Int64(text) {
                    parameters[name] = .integer(number)
                } else {
                    parameters[name] = .string(text)
                }
            }
            return parameters
        }
    }

    struct List: AsyncParsableCommand {
        @OptionGroup var central: CentralOptions
        @Option(help: "Only of this appliance.") var appliance: String?
        @Option(help: "At most so many, newest first.") var limit = 50
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await central.run { services, person in
                var only: ApplianceID?
                if let appliance { only = try await services.appliance(appliance, for: person).0 }
                var table = CentralTable(
                    "id", "appliance", "number", "kind", "host", "check", "runbook", "issued", "state", "code", "evidence", "requester",
                    "reason")
                for order in try await services.orders.list(appliance: only, for: person, limit: max(1, min(limit, 10_000))) {
                    table.add(
                        .string(order.id.description), .string(order.appliance.description), .integer(order.sequence),
                        .string(order.kind.rawValue), .string(order.host?.description ?? "*"),
                        order.check.map { .string($0.description) } ?? nil, order.runbook.map { .string($0.description) } ?? nil,
                        .string(order.issued.description), .string(order.state),
                        order.code.map { .string($0.description) } ?? nil, order.evidenceSequence.map { .integer($0) } ?? nil,
                        .string(order.requester), .string(order.reason))
                }
                try table.print(asJSON: json)
            }
        }
    }
}
