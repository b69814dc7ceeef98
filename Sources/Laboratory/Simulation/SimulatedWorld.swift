import Catalog
import Detection
import Healing
import Learning
package import Model

/// What does not change while a simulation runs. A subject is a check on a host.
struct SimulatedWorld {
    /// Until the stand-in for L2 has answered.
    static let modelTakes: Duration = .seconds(20)

    /// Those that a scenario is about, by id.
    let checks: [CheckDefinition]
    /// By check.
    let parameters: [[String: TypedValue]]
    let vocabularies: [Int: PatternVocabulary]
    let names: [HostID]
    /// Without the rules that L2 has to find.
    let catalog: CompiledCatalog
    let shipped: RuleSet
    /// With them.
    let whole: RuleSet
    /// By scenario: what a person's rule does about it; nil where none does.
    let remedies: [Remedy?]
    private let numbers: [CheckID: Int]
    private let detector: Detector

    init(_ scenarios: [Scenario], _ catalog: CompiledCatalog, _ setup: SimulationSetup) throws {
        let wanted = Set(scenarios.map(\.check)).sorted()
        checks = wanted.compactMap { catalog.checks[$0] }
        guard checks.count == wanted.count else {
            throw LaboratoryError.noCheck(wanted.first { catalog.checks[$0] == nil }?.description ?? "")
        }
        numbers = Dictionary(uniqueKeysWithValues: checks.enumerated().map { ($1.id, $0) })
        let baseline = catalog.baselines["default"]
        parameters = checks.map { catalog.parameters(of: $0, baseline: baseline) }
        detector = Detector(checks: checks)
        let left = scenarios.filter(\.course.isLeftToL2)
        let rules = catalog.rules.filter { rule in
            !left.contains { scenario in scenario.check == rule.check && scenario.code.map(rule.codes.contains) ?? false }
        }
        self.catalog = CompiledCatalog(
            version: catalog.version, digest: catalog.digest, checks: catalog.checks, rules: rules, runbooks: catalog.runbooks,
            runbookDigests: catalog.runbookDigests, baselines: catalog.baselines)
        shipped = RuleSet(rules)
        let whole = RuleSet(catalog.rules)
        self.whole = whole
        let (checks, parameters, numbers) = (checks, parameters, numbers)
        remedies = scenarios.map { scenario in
            guard let check = numbers[scenario.check], let code = scenario.code else { return nil }
            let facts = SoundHost.facts(of: scenario.check, with: scenario, at: SimulationSetup.start)
            let incident = Incident(
                id: IncidentID(at: SimulationSetup.start), host: "any", check: scenario.check, code: code, severity: checks[check].severity,
                opened: SimulationSetup.start, lastSeen: SimulationSetup.start, facts: facts)
            let decision = whole.index.decide(
                incident, on: whole.index.platforms(SoundHost.platforms), facts: facts, parameters: parameters[check],
                at: SimulationSetup.start)
            guard case .run(_, let runbook, let arguments) = decision else { return nil }
            return Remedy(runbook: runbook, parameters: arguments)
        }
        var vocabularies: [Int: PatternVocabulary] = [:]
        for scenario in left { if let number = numbers[scenario.check] { vocabularies[number] = PatternVocabulary(checks[number]) } }
        self.vocabularies = vocabularies
        // Digits: always a name.
        names = (0..<setup.hosts).map { HostID("host-\($0)")! }
    }

    func subject(_ host: Int, _ scenario: Scenario) -> Int { host * checks.count + (numbers[scenario.check] ?? 0) }
    func subjects(of host: Int) -> Range<Int> { host * checks.count..<(host + 1) * checks.count }
    func host(of subject: Int) -> Int { subject / checks.count }
    func check(of subject: Int) -> Int { subject % checks.count }

    /// As if all had been looked at before the start, each at a time of its own.
    func lookedBefore(_ check: Int, on host: Int, seed: UInt64) -> Timestamp {
        var random = KeyedRandom(seed, 8, UInt64(host), UInt64(check))
        return SimulationSetup.start - .seconds(Int64(random.below(Int(interval(check, on: host).wholeSeconds))))
    }

    /// To the second: that is the simulation's grain.
    func interval(_ check: Int, on host: Int) -> Duration {
        .seconds(detector.interval(of: checks[check], on: names[host]).wholeSeconds)
    }
}

/// The rules that a site's box carries.
struct RuleSet {
    let index: L1Index
    let definitions: [RuleID: RuleDefinition]
    let learned: [RuleID: LearningDesk.Carried]

    init(_ rules: [RuleDefinition], learned: [(definition: RuleDefinition, carried: LearningDesk.Carried)] = []) {
        let definitions = learned.map(\.definition)
        index = L1Index(rules, learned: definitions)
        self.definitions = Dictionary((rules + definitions).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.learned = Dictionary(learned.map { ($0.definition.id, $0.carried) }, uniquingKeysWith: { first, _ in first })
    }
}

/// What is done about a fault.
struct Remedy: Hashable {
    let runbook: RunbookID
    let parameters: [String: TypedValue]

    init(runbook: RunbookID, parameters: [String: TypedValue]) {
        self.runbook = runbook
        self.parameters = parameters
    }

    init(_ plan: Plan) { self.init(runbook: plan.runbook, parameters: plan.parameters) }
}

/// A plan that a host is worked on by.
struct RunningRepair {
    let plan: Plan
    let subject: Int
    /// nil where there was nothing to repair any more.
    let fault: UInt64?
    let scenario: Int
    let works: Bool
    let started: Timestamp
    /// From 1.
    let attempt: Int
    let learned: LearningDesk.Carried?
    /// Where something can be learned from it.
    let pattern: IncidentPattern?
}

/// Why nothing was simulated.
package enum LaboratoryError: Error, Hashable, Sendable {
    case noCheck(String)

    package var code: Code { "lab.no_check" }

    package var message: String {
        switch self {
        case .noCheck(let id): "the catalog has no check \(id), which a scenario is about; nothing was simulated."
        }
    }
}
