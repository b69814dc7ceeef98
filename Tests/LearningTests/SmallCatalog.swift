import Catalog
import Conditions
import Learning
import Model
import Seal

/// A catalog of ten checks of one service each, with two runbooks that repair any of them and one that needs approval.
struct SmallCatalog {
    static let runbooks: [RunbookID] = ["svc.start", "svc.restart", "svc.ask"]
    static let now = Timestamp(milliseconds: 1_790_000_000_000)

    let catalog: CompiledCatalog
    let pack: [UInt8]

    static func check(_ number: Int) -> CheckID { CheckID("area.check.c\(number)")! }

    init(extra rules: [RuleDefinition] = [], runbookTimeout: Duration = .seconds(60)) throws {
        let active = Condition.compare(Comparison(fact: "svc.active", operator: .equals, operand: .literal(.boolean(false))))
        let restarts = Condition.compare(Comparison(fact: "svc.restarts", operator: .greater, operand: .parameter("restartsMax")))
        let checks = (0..<10).map { number in
            CheckDefinition(
                id: Self.check(number), title: "Service \(number) runs", probe: "svc", platforms: ["linux"], severity: .high,
                interval: .seconds(3_600), staleAfter: .seconds(7_200), phiRisk: "none",
                parameters: ["restartsMax": ParameterDefinition(type: .integer, summary: "Restarts.", default: .integer(5))],
                notApplicable: [],
                drift: [
                    Clause(code: "svc.inactive", condition: .all([active, .not(restarts)])),
                    Clause(code: "svc.restarts", condition: restarts),
                ], requires: [], controls: [])
        }
        let runbooks = Self.runbooks.map { id in
            RunbookDefinition(
                id: id, title: "Does it", checks: checks.map(\.id), platforms: ["linux"],
                parameters: ["unit": ParameterDefinition(type: .string, summary: "The unit.", pattern: "[a-z.]{1,40}")],
                steps: [StepDefinition(verb: "svc.do", arguments: ["unit": .parameter("unit")])], isDisruptive: false, needsReboot: false,
                needsApproval: id == "svc.ask", needsWindow: false, timeout: runbookTimeout, retries: 0)
        }
        let schema = CatalogSchema(
            probes: ["svc": ["svc.active": .boolean, "svc.restarts": .integer, "svc.banner": .string]],
            verbs: ["svc.do": VerbSignature(required: ["unit": .string])])
        let made = CompiledCatalog(
            version: 3, digest: .genesis, checks: Dictionary(uniqueKeysWithValues: checks.map { ($0.id, $0) }), rules: rules,
            runbooks: Dictionary(uniqueKeysWithValues: runbooks.map { ($0.id, $0) }), runbookDigests: [:], baselines: [:])
        pack = try CatalogPack.encode(made, schema: schema)
        catalog = try CatalogPack.decode(pack, schema: nil)
    }

    func pattern(
        _ number: Int = 0, code: Code = "svc.inactive", platforms: [String] = ["linux", "debian"],
        facts: Facts = Facts(["svc.active": .boolean(false), "svc.restarts": .integer(1)])
    ) -> IncidentPattern? {
        PatternVocabulary(catalog.checks[Self.check(number)]!).pattern(
            code: code, platforms: platforms, facts: facts, parameters: ["restartsMax": .integer(5)], observed: Self.now)
    }

    func remedy(_ runbook: RunbookID = "svc.start") -> RemedyID { RemedyID(catalog.runbookDigests[runbook]!) }

    func treatment(
        _ runbook: RunbookID = "svc.start", by tier: Tier = .l2, unit: String = "a.service", milliseconds: Int64 = 5_000
    ) -> Occurrence.Treatment {
        Occurrence.Treatment(
            tier: tier, remedy: remedy(runbook), runbook: runbook, parameters: ["unit": .string(unit)], milliseconds: milliseconds)
    }

    /// As after one success.
    func statistics(_ pattern: IncidentPattern, _ treatments: [Occurrence.Treatment]) -> RemedyStatistics {
        var statistics = PatternStatistics()
        var random = SplitMix(state: 1)
        for (index, treatment) in treatments.enumerated() {
            let occurrence = Occurrence(
                pattern: pattern.signature, host: Self.hosts[index % 60].key, attempt: 1, treatment: treatment, ending: .held,
                ended: Self.now,
                evidence: BundleID(at: Self.now, random: &random))!
            statistics.add(occurrence, at: Int64(index + 1))
        }
        return statistics[PatternKey(pattern.signature, treatments[0].remedy)]!
    }

    func rule(_ number: Int = 0, _ runbook: RunbookID = "svc.start") throws -> LearnedRule {
        let pattern = pattern(number)!
        return try LearnedRule(pattern, statistics(pattern, [treatment(runbook)]), in: catalog, pack: pack)
    }

    /// Twelve sites with five hosts each.
    static let sites: [SiteID] = (0..<12).map { number in
        var random = SplitMix(state: UInt64(number) + 77)
        return SiteID(at: now, random: &random)
    }
    static let hosts: [(key: HostKey, site: SiteID)] = (0..<60).map { number in
        (HostKey(HostID("host-\(number % 5)")!, at: sites[number / 5]), sites[number / 5])
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}
