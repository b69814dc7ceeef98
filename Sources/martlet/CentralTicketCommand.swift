import ArgumentParser
import Central
import Documents
import Model
import Seal

struct CentralTicket: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ticket", abstract: "What automation handed over to people: see it, take it, decide, resolve.",
        subcommands: [List.self, Show.self, Acknowledge.self, Assign.self, Note.self, Decide.self, Resolve.self, Reopen.self],
        defaultSubcommand: List.self)

    private static let help: ArgumentHelp = "The ticket's id, or the last six characters or more of it."

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Open tickets, the most urgent first.")
        @OptionGroup var central: CentralOptions
        @Flag(help: "Resolved ones too.") var all = false
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await central.run { services, person in
                var table = CentralTable("ticket", "priority", "state", "host", "check", "why", "assignee", "level", "opened", "solveBy")
                for ticket in try await services.tickets.list(for: person, all: all) {
                    table.add(
                        .string(ticket.incident.description), .string(ticket.priority.rawValue), .string(ticket.state.rawValue),
                        .string(ticket.host.description), .string(ticket.check.description), .string(ticket.code.description),
                        ticket.assignee.map { .string($0) } ?? .null, .integer(ticket.level), .string(ticket.opened.description),
                        .string(ticket.due.resolve.description))
                }
                try table.print(asJSON: json)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One ticket: what happened, what was tried, how the same was solved before, and what to try now.")
        @OptionGroup var central: CentralOptions
        @Argument(help: CentralTicket.help) var ticket: String
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await central.run { services, person in
                let story = try await services.tickets.story(ticket, for: person)
                let one = story.ticket
                var events = CentralTable("number", "at", "event", "by", "bundle", "code", "text")
                for event in story.events {
                    events.add(
                        .integer(event.number), .string(event.at.description), .string(event.kind.rawValue),
                        event.person.map { .string($0) } ?? .null, event.sequence.map { .integer($0) } ?? .null,
                        event.code.map { .string($0.description) } ?? .null, event.text.isEmpty ? .null : .string(event.text))
                }
                let members: [(String, JSONValue)] = [
                    ("ticket", .string(one.incident.description)), ("state", .string(one.state.rawValue)),
                    ("priority", .string(one.priority.rawValue)), ("level", .integer(one.level)),
                    ("site", .string(one.site.description)), ("appliance", .string(one.appliance.description)),
                    ("host", .string(one.host.description)), ("check", .string(one.check.description)),
                    ("why", .string(one.code.description)), ("assignee", one.assignee.map { .string($0) } ?? .null),
                    ("opened", .string(one.opened.description)), ("answerBy", .string(one.due.respond.description)),
                    ("solveBy", .string(one.due.resolve.description)), ("attempts", .integer(Int64(story.attempts.count))),
                    ("similar", .integer(Int64(story.similar.count))),
                    ("solvedBefore", story.lastSolution.map { .string($0) } ?? .null),
                    ("recommended", .string(story.recommended.sentence(for: one))),
                ]
                guard !json else {
                    var object = Dictionary(uniqueKeysWithValues: members)
                    object["recommended"] = story.recommended.json
                    object["events"] = events.json
                    print(String(decoding: try JSONValue.object(object).canonicalBytes(), as: UTF8.self))
                    return
                }
                for (name, value) in members {
                    switch value {
                    case .string(let text): print(name + String(repeating: " ", count: 14 - name.count) + text)
                    case .integer(let number): print(name + String(repeating: " ", count: 14 - name.count) + "\(number)")
                    default: continue
                    }
                }
                print("")
                try events.print(asJSON: false)
            }
        }
    }

    struct Acknowledge: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say that you look after it; it is yours unless it is somebody's.")
        @OptionGroup var central: CentralOptions
        @Argument(help: CentralTicket.help) var ticket: String
        func run() async throws { try await central.act(.acknowledge, on: ticket) }
    }

    struct Assign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give it to somebody.")
        @OptionGroup var central: CentralOptions
        @Argument(help: CentralTicket.help) var ticket: String
        @Argument(help: "Who looks after it from now on.") var person: String
        func run() async throws { try await central.act(.assign(to: person), on: ticket) }
    }

    struct Note: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Write something down. No patient's data.")
        @OptionGroup var central: CentralOptions
        @Argument(help: CentralTicket.help) var ticket: String
        @Argument(help: "The words.") var text: String
        func run() async throws { try await central.act(.note(text), on: ticket) }
    }

    struct Decide: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send your decision as a signed order: run this runbook on the ticket's host; prints the order's id.")
        @OptionGroup var central: CentralOptions
        @Argument(help: CentralTicket.help) var ticket: String
        @Argument(help: "The runbook.") var runbook: String
        @Option(help: "name=value, as `martlet central order create` takes it.") var parameter: [String] = []
        @Option(help: "Why: recorded in the evidence.") var reason: String

        func run() async throws {
            guard let runbook = RunbookID(runbook) else { throw ValidationError("\(quoted(runbook)) is no runbook's id") }
            let parameters = try CentralOrder.Create.parse(parameter)
            try await central.run { services, person in
                let story = try await services.tickets.story(ticket, for: person)
                guard story.ticket.state.isOpen else { throw CentralError.ticketState(story.ticket.state) }
                let draft = OrderDraft(
                    appliance: story.ticket.appliance, host: story.ticket.host, kind: .runbook, runbook: runbook,
                    check: story.ticket.check, parameters: parameters, requester: person.name, reason: reason)
                let scope = TenantScope(person, organization: story.organization)
                let order = try await services.orders.create(draft, in: scope)
                try await services.tickets.act(.order(order.id), on: story.ticket.incident.description, by: person)
                print(order.id)
            }
        }
    }

    struct Resolve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Close it by hand, with how it was solved. A check that passes again does so by itself.")
        @OptionGroup var central: CentralOptions
        @Argument(help: CentralTicket.help) var ticket: String
        @Argument(help: "How it was solved: shown where the same comes up again.") var how: String
        func run() async throws { try await central.act(.resolve(how), on: ticket) }
    }

    struct Reopen: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Open it again; all times begin anew.")
        @OptionGroup var central: CentralOptions
        @Argument(help: CentralTicket.help) var ticket: String
        @Argument(help: "Why.") var reason: String
        func run() async throws { try await central.act(.reopen(reason), on: ticket) }
    }
}

extension CentralOptions {
    fileprivate func act(_ act: TicketStore.Act, on ticket: String) async throws {
        try await run { services, person in
            let changed = try await services.tickets.act(act, on: ticket, by: person)
            print("\(changed.incident) is \(changed.state.rawValue)\(changed.assignee.map { ", with \($0)" } ?? "").")
        }
    }
}

struct CentralDeliveries: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deliveries", abstract: "What was told to whom about tickets, and what could not be.")
    @OptionGroup var central: CentralOptions
    @Flag(help: "Try again what was given up.") var retry = false
    @Flag(help: "For programs.") var json = false

    func run() async throws {
        try await central.run { services, _ in
            if retry {
                print("\(try await services.deliveries.revive()) are tried again.")
                return
            }
            var table = CentralTable("channel", "ticket", "event", "state", "attempts", "made", "next", "failure")
            for entry in try await services.deliveries.list() {
                table.add(
                    .string(entry.channel), .string(entry.incident.description), .integer(entry.number), .string(entry.state),
                    .integer(entry.attempts), .string(entry.made.description), entry.next.map { .string($0.description) } ?? .null,
                    entry.failure.map { .string($0) } ?? .null)
            }
            try table.print(asJSON: json)
        }
    }
}

extension Recommendation {
    fileprivate var json: JSONValue {
        [
            "basis": .string(basis.rawValue), "runbooks": .array(runbooks.map { .string($0.description) }),
            "attempts": .integer(Int64(attempts)), "successes": .integer(Int64(successes)),
        ]
    }
}
