import ArgumentParser
import Central
import Documents
import Learning
import Model
import Seal

struct CentralLearning: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "learning", abstract: "What L2 and people do again and again, and which of it has become a rule.",
        subcommands: [
            List.self, Show.self, Learn.self, Ready.self, Admit.self, Approve.self, Revoke.self, Reinstate.self, History.self, Policy.self,
            Consent.self, Shared.self,
        ], defaultSubcommand: List.self)

    private static let nameHelp: ArgumentHelp = "Its name as `list` shows it, or a beginning of it that no other has."

    /// Whose learning it is about.
    struct Place: ParsableArguments {
        @OptionGroup var central: CentralOptions
        @Option(help: "Whose. May be left out where there is only one partner.") var partner: String?

        func run(_ body: (LearningDesk, PartnerID, OperatorCredential) async throws -> Void) async throws {
            let given = partner.map(PartnerID.init)
            if given == .some(nil) { throw ValidationError("\(quoted(partner ?? "")) is no partner's name") }
            try await central.run { services, person in
                let all = try await services.learning.partners(for: person)
                guard let partner = (given ?? nil) ?? all.first, given != nil || all.count == 1 else {
                    throw CentralRefused(description: "say whose with --partner: " + all.map(\.description).joined(separator: ", "))
                }
                guard all.contains(partner) else { throw CentralError.notFound("partner") }
                try await body(services.learning, partner, person)
            }
        }
    }

    /// Who decides, and why.
    struct Words: ParsableArguments {
        @Option(help: "Who decides; without it the user at this machine.") var by: String?
        @Option(help: "Why: stands in the signed record.") var reason: String

        func decision(_ person: OperatorCredential) throws -> LearningDesk.Decision {
            try LearningDesk.Decision(by: by ?? person.name, reason: reason)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Learned rules and candidates, with what speaks for and against them.")
        @OptionGroup var place: Place
        @Option(help: "Only those in this stage: \(Stage.allCases.map(\.rawValue).joined(separator: ", ")).") var stage: Stage?
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await place.run { desk, partner, person in
                var table = CentralTable("name", "stage", "version", "runbook", "for", "against", "waitsFor", "since")
                for entry in try await desk.list(of: partner, for: person) where stage == nil || entry.stage == stage {
                    let pattern = entry.pattern
                    let isCounted = pattern == nil || pattern?.stage == .candidate
                    let (good, bad) =
                        isCounted
                        ? (entry.figures?.successes ?? 0, (entry.figures?.attempts ?? 0) - (entry.figures?.successes ?? 0))
                        : (pattern?.successes ?? 0, pattern?.failures ?? 0)
                    table.add(
                        .string(entry.key.name.description), .string(entry.stage.rawValue), .integer(Int64(pattern?.version ?? 1)),
                        .string(entry.runbook.description), .integer(Int64(good)), .integer(Int64(bad)),
                        pattern?.awaiting.map { .string($0.rawValue) } ?? .null, pattern.map { .string($0.since.description) } ?? .null)
                }
                try table.print(asJSON: json)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One of them: its rule, its figures, and the bundle that proves that it reached an appliance and fired.")
        @OptionGroup var place: Place
        @Argument(help: CentralLearning.nameHelp) var name: String
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await place.run { desk, partner, person in
                let detail = try await desk.detail(name, of: partner, for: person)
                let members = CentralLearning.members(of: detail)
                guard !json else {
                    var object = Dictionary(uniqueKeysWithValues: members)
                    object["rule"] = detail.rule ?? .null
                    print(String(decoding: try JSONValue.object(object).canonicalBytes(), as: UTF8.self))
                    return
                }
                for (name, value) in members {
                    switch value {
                    case .string(let text): print(name + String(repeating: " ", count: max(1, 16 - name.count)) + text)
                    case .integer(let number): print(name + String(repeating: " ", count: max(1, 16 - name.count)) + "\(number)")
                    default: continue
                    }
                }
                if let rule = detail.rule { print("rule            " + String(decoding: try rule.canonicalBytes(), as: UTF8.self)) }
            }
        }
    }

    fileprivate static func members(of detail: LearningDesk.Detail) -> [(String, JSONValue)] {
        let (entry, pattern, figures) = (detail.entry, detail.entry.pattern, detail.entry.figures)
        func count(_ number: Int?) -> JSONValue { number.map { .integer(Int64($0)) } ?? .null }
        func bundle(_ firing: LearningDesk.Firing?) -> JSONValue { firing.map { .string($0.bundle.description) } ?? .null }
        return [
            ("name", .string(entry.key.name.description)), ("pattern", .string(entry.key.signature.description)),
            ("runbook", .string(entry.runbook.description)), ("runbookDigest", .string(entry.key.remedy.digest.description)),
            ("stage", .string(entry.stage.rawValue)), ("version", count(pattern?.version ?? 1)),
            ("since", pattern.map { .string($0.since.description) } ?? .null),
            ("waitsFor", pattern?.awaiting.map { .string($0.rawValue) } ?? .null),
            ("sites", pattern.flatMap { Self.list($0.sites) } ?? .null),
            ("refusedAt", pattern.flatMap { Self.list($0.refusedSites) } ?? .null),
            ("for", count(pattern?.successes)), ("against", count(pattern?.failures)), ("occurrences", count(figures?.occurrences)),
            ("resolved", count(figures?.successes)), ("attempts", count(figures?.attempts)), ("hosts", count(figures?.hosts)),
            ("medianBelow", count(figures?.medianBelow)),
            ("lacks", detail.lacks.isEmpty ? .null : .string(detail.lacks.map(\.description).joined(separator: " "))),
            ("shownToOthers", .string(detail.consent.map { $0.withdrawn == nil ? "yes" : "no" } ?? "no")),
            ("fired", count(detail.firings)), ("proof", bundle(detail.first)),
            ("proofLogIndex", detail.first.map { .integer($0.logIndex) } ?? .null),
            ("proofAppliance", detail.first.map { .string($0.appliance.description) } ?? .null),
            ("proofAt", detail.first.map { .string($0.at.description) } ?? .null), ("newestFiring", bundle(detail.newest)),
            ("newestEnding", detail.newest.map { .string($0.ending?.rawValue ?? "waiting") } ?? .null),
        ]
    }

    private static func list(_ sites: [SiteID]) -> JSONValue? {
        sites.isEmpty ? nil : .string(sites.map(\.description).joined(separator: " "))
    }

    struct Learn: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Learn from what was accepted until now; the server does so twice a minute.")
        @OptionGroup var central: CentralOptions

        func run() async throws {
            try await central.run { services, _ in
                for change in try await services.learning.learn() {
                    print("\(change.partner) \(change.key.name): \(change.from.rawValue) -> \(change.to.rawValue) (\(change.reason))")
                }
            }
        }
    }

    struct Ready: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Candidates that pass the gate, and why no rule can be made of one, where that is so.")
        @OptionGroup var place: Place
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await place.run { desk, partner, person in
                var table = CentralTable("name", "runbook", "resolved", "attempts", "hosts", "code", "why")
                for (entry, refusal) in try await desk.ready(of: partner, for: person) {
                    table.add(
                        .string(entry.key.name.description), .string(entry.runbook.description),
                        .integer(Int64(entry.figures?.successes ?? 0)),
                        .integer(Int64(entry.figures?.attempts ?? 0)), .integer(Int64(entry.figures?.hosts ?? 0)),
                        refusal.map { .string($0.code.description) } ?? .null, refusal.map { .string($0.message) } ?? .null)
                }
                try table.print(asJSON: json)
            }
        }
    }

    struct Admit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Put a candidate that passes the gate into shadow.")
        @OptionGroup var place: Place
        @OptionGroup var words: Words
        @Argument(help: CentralLearning.nameHelp) var name: String
        func run() async throws { try await place.act(.admit, name, words) }
    }

    struct Approve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a rule into the stage that it has earned.")
        @OptionGroup var place: Place
        @OptionGroup var words: Words
        @Argument(help: CentralLearning.nameHelp) var name: String
        func run() async throws { try await place.act(.approve, name, words) }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Withdraw a rule, from every site and until a person reinstates it.")
        @OptionGroup var place: Place
        @OptionGroup var words: Words
        @Argument(help: CentralLearning.nameHelp) var name: String
        func run() async throws { try await place.act(.revoke, name, words) }
    }

    struct Reinstate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a rule that was revoked, or demoted for good, be a candidate again, with no counts.")
        @OptionGroup var place: Place
        @OptionGroup var words: Words
        @Argument(help: CentralLearning.nameHelp) var name: String
        func run() async throws { try await place.act(.reinstate, name, words) }
    }

    struct History: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Changes of stage, as they were signed and as the log has them.")
        @OptionGroup var place: Place
        @Argument(help: CentralLearning.nameHelp) var name: String?
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await place.run { desk, partner, person in
                var table = CentralTable(
                    "logIndex", "name", "number", "version", "from", "to", "at", "by", "why", "for", "against", "site", "note")
                for step in try await desk.history(name, of: partner, for: person) {
                    let change = step.change
                    table.add(
                        .integer(step.logIndex), .string(change.key.name.description), .integer(Int64(change.number)),
                        .integer(Int64(change.version)),
                        .string(change.from.rawValue), .string(change.to.rawValue), .string(change.at.description), .string(change.by),
                        .string(change.reason.description), .integer(Int64(change.successes)), .integer(Int64(change.failures)),
                        change.site.map { .string($0.description) } ?? .null, change.note.isEmpty ? .null : .string(change.note))
                }
                try table.print(asJSON: json)
            }
        }
    }

    struct Policy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The figures by which a partner's rules are promoted; with --set: change them.")
        @OptionGroup var place: Place
        @Option(help: "figure=value; may be repeated.") var set: [String] = []
        @Option(help: "Who decides; without it the user at this machine.") var by: String?
        @Option(help: "Why. Needed with --set.") var reason: String?
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            let figures = try set.map { text in
                let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
                guard parts.count == 2 else { throw ValidationError("--set takes figure=value, not \(quoted(text))") }
                return (name: parts[0], value: parts[1])
            }
            try await place.run { desk, partner, person in
                var policy = try await desk.policy(of: partner, for: person)
                if !figures.isEmpty {
                    policy = try await desk.set(
                        figures, of: partner, LearningDesk.Decision(by: by ?? person.name, reason: reason ?? ""), for: person)
                }
                var table = CentralTable("figure", "value", "taken")
                for (name, value, taken) in policy.figures.list { table.add(.string(name), .string(value), .string(taken)) }
                try table.print(asJSON: json)
            }
        }
    }

    struct Consent: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let other partners see the rule of a pattern once it is active; with --withdraw: no longer.")
        @OptionGroup var place: Place
        @OptionGroup var words: Words
        @Argument(help: CentralLearning.nameHelp) var name: String
        @Flag(help: "Take the word back.") var withdraw = false

        func run() async throws {
            try await place.run { desk, partner, person in
                try await desk.consent(!withdraw, to: name, of: partner, words.decision(person), for: person)
                print(withdraw ? "It is shown to nobody any more." : "Other partners may see it while it is active.")
            }
        }
    }

    struct Shared: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Rules that other partners let this one see: hints for a person, and counted for nothing here.")
        @OptionGroup var place: Place
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await place.run { desk, partner, person in
                var table = CentralTable("name", "check", "code", "platform", "runbook", "rule")
                for shared in try await desk.shared(with: partner, for: person) {
                    let rule = shared.rule
                    table.add(
                        .string(rule.id.description), .string(rule.check.description), .string(rule.code.description),
                        .string(rule.platform), .string(rule.runbook.description),
                        .string(String(decoding: try rule.json.canonicalBytes(), as: UTF8.self)))
                }
                try table.print(asJSON: json)
            }
        }
    }
}

extension Stage: ExpressibleByArgument {}

extension CentralLearning.Place {
    fileprivate func act(_ act: LearningDesk.Act, _ name: String, _ words: CentralLearning.Words) async throws {
        try await run { desk, partner, person in
            let changes = try await desk.act(act, name, of: partner, words.decision(person), for: person)
            for change in changes { print("\(change.key.name): \(change.from.rawValue) -> \(change.to.rawValue)") }
            if changes.isEmpty { print("Nothing has changed.") }
        }
    }
}
