import ArgumentParser
import Central
import Compliance
import Model
import Seal

struct CentralPosture: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "posture", abstract: "How a site stood at an instant: every check of every host, with the bundles that prove it.",
        discussion: """
            What nobody saw is unknown, and so is what was seen too long before the instant (code stale) or in evidence that is gone \
            after its term (code pruned): never compliant. BUNDLES \
            are numbers in the appliance's chain; --proof and --json add their digests and places in the log.
            """)
    @OptionGroup var central: CentralOptions
    @Argument(help: "The site's id or name.") var site: String
    @Option(help: "2026-01-31 or 2026-01-31T18:00:00Z. Without it: now.") var at: InstantText?
    @Flag(help: "With digests and places in the log.") var proof = false
    @Flag(help: "For programs.") var json = false

    func run() async throws {
        try await central.run { services, person in
            let site = try await services.site(self.site, for: person)
            let instant = at?.instant ?? services.clock.now()
            let scope = TenantScope(person, organization: site.organization)
            let items = try await services.postures.posture(of: site.id, at: instant, in: scope)
            let pruned = try await services.postures.pruned(of: site.id, at: instant, in: scope)
            let off = SwitchedOffSpan.all(try await services.enablement.statements(of: site.id, in: scope)).filter { $0.contains(instant) }
            guard !json else {
                return try printJSON([
                    "at": .string(instant.description), "checks": .array(items.map { .object($0.json) }),
                    "pruned": .array(pruned.map(\.json)), "site": .string(site.id.description),
                    "switchedOff": .array(off.map(\.json)),
                ])
            }
            print("\(site.name) at \(instant)")
            for span in pruned { print(span.text) }
            for span in off { print(span.text) }
            var table = CentralTable("host", "check", "posture", proof ? "proof" : "bundles")
            for item in items {
                table.add(
                    .string(item.subject.host.description), .string(item.subject.check.description), .string(item.answer.text),
                    .string(proof ? item.answer.proofText : item.answer.bundlesText))
            }
            try table.print(asJSON: false)
        }
    }
}

struct CentralChanges: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "changes", abstract: "What stood otherwise at the second of two instants than at the first.")
    @OptionGroup var central: CentralOptions
    @Argument(help: "The site's id or name.") var site: String
    @Option(help: "2026-01-31 or 2026-01-31T18:00:00Z.") var from: InstantText
    @Option(help: "In the same form. Without it: now.") var until: InstantText?
    @Flag(help: "For programs.") var json = false

    func run() async throws {
        try await central.run { services, person in
            let site = try await services.site(self.site, for: person)
            let later = until?.instant ?? services.clock.now()
            let changes = try await services.postures.changes(
                of: site.id, from: from.instant, until: later, in: TenantScope(person, organization: site.organization))
            guard !json else {
                let items = changes.map { change -> JSONValue in
                    [
                        "after": change.after.map { .object($0.json) } ?? .null, "before": change.before.map { .object($0.json) } ?? .null,
                        "check": .string(change.subject.check.description), "host": .string(change.subject.host.description),
                    ]
                }
                return try printJSON([
                    "changes": .array(items), "from": .string(from.instant.description), "site": .string(site.id.description),
                    "until": .string(later.description),
                ])
            }
            print("\(site.name) at \(later), compared with \(from.instant)")
            var table = CentralTable("host", "check", "before", "after")
            for change in changes {
                table.add(
                    .string(change.subject.host.description), .string(change.subject.check.description),
                    .string(change.before?.text ?? "not watched"), .string(change.after?.text ?? "not watched"))
            }
            try table.print(asJSON: false)
        }
    }
}

struct CentralSince: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "since", abstract: "Since when a check of a host fails.",
        discussion: "Counted from the last time that it was seen to pass: holes and unknown between do not end a failure.")
    @OptionGroup var central: CentralOptions
    @Argument(help: "The site's id or name.") var site: String
    @Option(help: "The host.") var host: String
    @Option(help: "The check.") var check: String
    @Option(help: "At which instant it is asked. Without it: now.") var at: InstantText?
    @Flag(help: "For programs.") var json = false

    func run() async throws {
        guard let host: HostID = try parsedName(host, "--host"), let check: CheckID = try parsedName(check, "--check") else { return }
        try await central.run { services, person in
            let site = try await services.site(self.site, for: person)
            let instant = at?.instant ?? services.clock.now()
            let found = try await services.postures.failing(
                WatchedCheck(host: host, check: check), of: site.id, at: instant,
                in: TenantScope(person, organization: site.organization))
            guard !json else {
                var members = found.answer.json
                members["at"] = .string(instant.description)
                members["host"] = .string(host.description)
                members["check"] = .string(check.description)
                members["failingSince"] =
                    found.since.map { ["instant": .string($0.instant.description), "proof": .object($0.proof.json)] } ?? .null
                return try printJSON(.object(members))
            }
            print("\(host) \(check) at \(instant): \(found.answer.text)")
            if !found.answer.proof.isEmpty { print("seen in \(found.answer.proofText)") }
            guard let since = found.since else {
                if case .unknown = found.answer.verdict { return print("Whether it fails then is not known.") }
                return print("It does not fail then.")
            }
            print("It fails since \(since.instant), first seen in \(since.proof.text)")
        }
    }
}

struct CentralRebuildRuns: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild-runs", abstract: "Compare what answers questions about instants with the evidence, and put it right.",
        discussion: """
            Exit code 0: all that is stored follows from the bundles, each verified again. 1: something differed, and was made anew. \
            2: nothing differed, but the beginning of a chain was pruned after its term, so that its appliance could not be compared.
            """)
    @OptionGroup var central: CentralOptions
    @Argument(help: "The site's id or name.") var site: String
    @Flag(help: "For programs.") var json = false

    func run() async throws {
        var pruned = 0
        try await central.run { services, person in
            let site = try await services.site(self.site, for: person)
            let findings = try await RunRebuild(services).run(site.id, for: person)
            var table = CentralTable("appliance", "bundles", "runs", "missing", "strange", "same")
            for finding in findings {
                table.add(
                    .string(finding.appliance.description), .integer(Int64(finding.bundles)), .integer(Int64(finding.runs)),
                    .integer(Int64(finding.missing)), .integer(Int64(finding.strange)),
                    finding.isPruned ? "pruned" : .boolean(finding.isSame))
            }
            try table.print(asJSON: json)
            guard !findings.contains(where: \.isDifferent) else {
                throw CentralError.value("what was stored was not what follows from the bundles, and was made anew")
            }
            pruned = findings.count(where: \.isPruned)
            if pruned > 0, !json {
                print(
                    "\(pruned) of \(findings.count) appliances could not be compared: the beginning of their chains was pruned after its "
                        + "term, and what is left does not make all that is stored. It was left as it is.")
            }
        }
        if pruned > 0 { throw ExitCode(2) }
    }
}

extension SwitchedOffSpan {
    /// For a person; folded before it is wider than a terminal.
    var text: String {
        let place = statement.appliance.map { "at \($0)" } ?? "at every appliance"
        let end = until.map { "until \($0)" } ?? "and still"
        return "off     \(statement.kind.rawValue) \(statement.id),\n        \(place),\n        from \(from) \(end),\n"
            + "        by \(statement.by): \(statement.reason)"
    }
}

extension PrunedSpan {
    /// For a person; folded before it is wider than a terminal.
    var text: String {
        "pruned  \(appliance): bundles 0 to \(lastSequence),\n        received \(from) to before \(until),\n"
            + "        are gone after their term: what was seen then is not known."
    }
}

func printJSON(_ value: JSONValue) throws { print(String(decoding: try value.canonicalBytes(), as: UTF8.self)) }

extension PostureReader.Proof {
    var json: [String: JSONValue] {
        [
            "appliance": .string(appliance.description), "digest": digest.map { .string($0.description) } ?? .null,
            "logIndex": logIndex.map { .integer($0) } ?? .null, "pruned": .boolean(isPruned), "sequence": .integer(sequence),
        ]
    }

    var text: String {
        "bundle \(sequence) of \(appliance), SHA-256 \(digest?.description ?? "never received"), log \(logIndex.map(String.init) ?? "-")"
            + (isPruned ? ", pruned" : "")
    }
}

extension PostureReader.Answer {
    var json: [String: JSONValue] {
        [
            "code": verdict.code.map { .string($0.description) } ?? .null, "proof": .array(proof.map { .object($0.json) }),
            "verdict": .string(verdict.word),
        ]
    }

    /// `drift (ssh.root_login)`.
    var text: String { verdict.code.map { "\(verdict.word) (\($0))" } ?? verdict.word }
    var bundlesText: String { proof.isEmpty ? "-" : proof.map { "\($0.sequence)\($0.isPruned ? " pruned" : "")" }.joined(separator: ", ") }
    var proofText: String { proof.isEmpty ? "-" : proof.map(\.text).joined(separator: "; ") }
}

extension PostureReader.Item {
    var json: [String: JSONValue] {
        answer.json.merging(
            ["check": .string(subject.check.description), "host": .string(subject.host.description)], uniquingKeysWith: { $1 })
    }
}
