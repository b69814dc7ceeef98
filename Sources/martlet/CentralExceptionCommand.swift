import ArgumentParser
import Central
import Compliance
import Foundation
import Model
import Seal

struct CentralException: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exception", abstract: "What need not be seen for a time: who asked, who approved.",
        subcommands: [Add.self, List.self, End.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Except a host, a check or both for at most \(ExceptionStatement.daysMax) days; prints its id.",
            discussion: "Signed, logged and in every packet. What lies before now is not excepted by it.")
        @OptionGroup var central: CentralOptions
        @Argument(help: "The site's id or name.") var site: String
        @Option(help: "Only this host.") var host: String?
        @Option(help: "Only this check.") var check: String?
        @Option(help: "From when: 2026-01-31, or with a time: 2026-01-31T18:00:00Z. Without it: from now on.") var from: InstantText?
        @Option(help: "Until when, in the same form.") var until: InstantText
        @Option(help: "Why.") var reason: String
        @Option(help: "Who approved it: another person than you.") var approver: String

        func run() async throws {
            let (host, check): (HostID?, CheckID?) = (try parsedName(host, "--host"), try parsedName(check, "--check"))
            try await central.run { services, person in
                let site = try await services.site(self.site, for: person)
                let draft = ExceptionRegister.Draft(
                    host: host, check: check, from: from?.instant, until: until.instant, reason: reason, requestedBy: person.name,
                    approvedBy: approver)
                let scope = TenantScope(person, organization: site.organization)
                print(try await services.exceptions.add(draft, site: site.id, in: scope).statement.id)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "A site's exceptions, as they stand now.")
        @OptionGroup var central: CentralOptions
        @Argument(help: "The site's id or name.") var site: String
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await central.run { services, person in
                let site = try await services.site(self.site, for: person)
                let scope = TenantScope(person, organization: site.organization)
                let now = services.clock.now()
                var table = CentralTable("id", "state", "host", "check", "from", "until", "requestedBy", "approvedBy", "logIndex", "reason")
                for entry in try await services.exceptions.list(of: site.id, in: scope) {
                    let exception = entry.statement
                    table.add(
                        .string(exception.id), .string(entry.state(at: now)), .string(exception.host?.description ?? "*"),
                        .string(exception.check?.description ?? "*"), .string(exception.from.description),
                        .string(exception.until.description), .string(exception.requestedBy), .string(exception.approvedBy),
                        .integer(entry.logIndex), .string(exception.reason))
                }
                try table.print(asJSON: json)
            }
        }
    }

    struct End: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End one now.")
        @OptionGroup var central: CentralOptions
        @Argument(help: "The site's id or name.") var site: String
        @Argument(help: "The exception's id.") var id: String
        @Option(help: "Why.") var reason: String

        func run() async throws {
            try await central.run { services, person in
                let site = try await services.site(self.site, for: person)
                let scope = TenantScope(person, organization: site.organization)
                let entry = try await services.exceptions.end(id, site: site.id, reason: reason, by: person.name, in: scope)
                print("\(entry.statement.id) ended at \(entry.statement.until).")
            }
        }
    }
}

/// `2026-01-31` (its first instant, UTC), `2026-01-31T18:00:00Z` or with milliseconds.
struct InstantText: ExpressibleByArgument {
    let instant: Timestamp

    init?(argument: String) {
        let forms = [argument, argument + "T00:00:00.000Z", argument.hasSuffix("Z") ? String(argument.dropLast()) + ".000Z" : argument]
        guard let instant = forms.lazy.compactMap({ Timestamp($0) }).first else { return nil }
        self.instant = instant
    }
}

func parsedName<Subject>(_ text: String?, _ option: String) throws -> Name<Subject>? {
    guard let text else { return nil }
    guard let name = Name<Subject>(text) else { throw ValidationError("\(option): \"\(text)\" is no name") }
    return name
}
