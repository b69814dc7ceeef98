import ArgumentParser
import Catalog
import Conditions
import Glibc
import Healing
import Model
import Seal

struct RulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "rules", abstract: "Look into the L1 rules.", subcommands: [Explain.self])

    /// Which rule would fire for an incident, and why the others would not. Runs nothing.
    struct Explain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show which rule fires for a drift, and why others do not.",
            discussion: """
                Exits 0 when a rule repairs, 1 when it goes to a person, 64 when asked wrongly, 65 when the catalog cannot be used.
                """)

        @Option(help: "The check that found the drift.") var check: String
        @Option(help: "The drift's code.") var code: String
        @Option(parsing: .upToNextOption, help: "The host's platforms (linux debian).") var platform: [String] = ["linux"]
        @Option(help: ArgumentHelp("Facts as {\"values\":{},\"unknown\":{}}; - for standard input.", valueName: "file")) var facts: String?
        @Option(help: "The catalog's folder.") var catalog = "Catalog"
        @Option(help: "The baseline that sets the check's parameters.") var baseline = "default"
        @Option(help: "Judge at this instant (2026-01-31T09:30:00.000Z) instead of now.") var at: String?

        func run() async throws {
            let catalog = try CatalogFolder.load(self.catalog)
            guard let id = CheckID(check), let definition = catalog.checks[id] else { throw ValidationError("there is no check \(check)") }
            guard let code = Code(code), definition.drift.contains(where: { $0.code == code }) else {
                throw ValidationError(
                    "\(check) has no drift \(self.code); it has \(definition.drift.map(\.code.description).joined(separator: ", "))")
            }
            guard let now = at.map(Timestamp.init) ?? WallClock.system.now() else { throw ValidationError("--at is no instant") }
            for name in platform where !PlatformFamily.isKnown(name) {
                throw ValidationError("there is no platform \(name); there are \(PlatformFamily.known.joined(separator: ", "))")
            }
            let facts = try readFacts()
            if let fault = definition.fault(of: facts, schema: .code()) { throw ValidationError("the facts \(fault)") }
            let parameters = catalog.parameters(of: definition, baseline: catalog.baselines[baseline])
            let incident = Incident(
                id: IncidentID(at: now), host: "example", check: id, code: code, severity: definition.severity, opened: now, lastSeen: now,
                facts: facts)
            let index = L1Index(catalog.rules)
            let platforms = index.platforms(platform)
            let decision = index.decide(incident, on: platforms, facts: facts, parameters: parameters, at: now)
            let refusal = decision.refusal(for: id, on: platform, catalog: catalog)
            let steps = index.explain(incident, on: platforms, facts: facts, parameters: parameters, at: now)
            for step in steps {
                print("\(step.rule.id)  \(step.rule.title)\n    \(step.fate.sentence)")
                if case .fires = step.fate, let refusal { print("      and is refused: \(refusal.sentence) (\(refusal.code)); a person") }
                if let condition = step.rule.condition, step.fate != .notReached, step.fate != .otherPlatform {
                    for line in condition.explain(facts, parameters: parameters, at: now).lines { print("      \(line)") }
                }
            }
            if steps.isEmpty { print("no rule is for \(check) and \(code): a person") }
            guard case .run = decision, refusal == nil else { throw ExitCode(1) }
        }

        private func readFacts() throws -> Facts {
            guard let facts else { return Facts() }
            guard let stream = facts == "-" ? fdopen(0, "r") : fopen(facts, "r") else { throw ValidationError("\(facts) cannot be read") }
            defer { fclose(stream) }
            var bytes = [UInt8](repeating: 0, count: 1 << 20)
            let length = fread(&bytes, 1, bytes.count, stream)
            return try Facts(json: JSONValue(parsing: Array(bytes[..<length]), limits: JSONLimits(bytesMax: bytes.count - 1)))
        }
    }
}

extension L1Index.Explanation.Fate {
    fileprivate var sentence: String {
        switch self {
        case .fires(.run(_, let runbook, let arguments)):
            "fires: \(runbook) with \(arguments.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value.json.plain)" }.joined(separator: ", "))"
        case .fires(.escalate): "fires: hands the incident to a person"
        case .fires(.undecided(_, let code)): "holds, but an argument cannot be had (\(code)): a person"
        case .fires(.noRule): "fires"
        case .otherPlatform: "passed over: for another platform"
        case .conditionFails: "passed over: its condition does not hold"
        case .conditionUnknown(let code): "cannot be decided (\(code)): a person, and no later rule"
        case .notReached: "not reached"
        }
    }
}

extension JSONValue {
    fileprivate var plain: String { (try? canonicalBytes()).map { String(decoding: $0, as: UTF8.self) } ?? "?" }
}
