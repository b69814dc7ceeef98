import Catalog
import Healing
import Laboratory
import Model
import Testing

/// The list says what the shipped catalog does.
@Suite struct ScenarioTests {
    let catalog: CompiledCatalog
    let now = SimulationSetup.start

    init() throws { catalog = try SiteValues.applied(to: LabSetup.catalog.get()) }

    private func parameters(_ check: CheckDefinition) -> [String: TypedValue] {
        catalog.parameters(of: check, baseline: catalog.baselines["default"])
    }

    @Test func thereAreEnoughOfEnoughKinds() {
        #expect(Scenario.all.count >= 25)
        #expect(Set(Scenario.all.map(\.family)).count >= 8)
        #expect(Set(Scenario.all.map(\.id)).count == Scenario.all.count)
        for scenario in Scenario.all { #expect(scenario.id.description.hasPrefix(scenario.family.rawValue + ".")) }
        let real = Scenario.all.filter { $0.rehearsal != nil }
        #expect(real.count >= 25)
        #expect(Set(real.map(\.family)).count >= 8)
        for scenario in real where !scenario.isHealable {
            #expect(scenario.rehearsal?.state.isEmpty == false && scenario.rehearsal?.undo.isEmpty == false, "\(scenario.id)")
        }
    }

    @Test func aSoundHostIsCompliant() throws {
        for id in Set(Scenario.all.map(\.check)) {
            let check = try #require(catalog.checks[id])
            let facts = SoundHost.facts(of: id, with: nil, at: now)
            #expect(check.judge(facts, parameters: parameters(check), at: now) == .compliant, "\(id)")
        }
    }

    @Test func eachScenarioIsSeenAndDecidedAsItSays() throws {
        let index = L1Index(catalog.rules)
        for scenario in Scenario.all {
            let check = try #require(catalog.checks[scenario.check])
            let facts = SoundHost.facts(of: check.id, with: scenario, at: now)
            let verdict = check.judge(facts, parameters: parameters(check), at: now)
            guard let code = scenario.code else {
                #expect(verdict.word == (scenario.ending == .accepted ? "compliant" : "unknown"), "\(scenario.id): \(verdict)")
                continue
            }
            #expect(verdict == .drift(code), "\(scenario.id)")
            let incident = Incident(
                id: IncidentID(at: now), host: "host", check: check.id, code: code, severity: check.severity, opened: now, lastSeen: now,
                facts: facts)
            let decision = index.decide(
                incident, on: index.platforms(SoundHost.platforms), facts: facts, parameters: parameters(check), at: now)
            switch (scenario.ending, decision) {
            case (.handedOver("rule.none"), .noRule), (.handedOver("rule.escalates"), .escalate): break
            case (.healed, .run(_, let runbook, _)), (.waits, .run(_, let runbook, _)):
                #expect(catalog.runbooks[runbook]?.needsApproval == false, "\(scenario.id)")
            case (.handedOver(let code), .run(_, let runbook, _)):
                #expect(code.description.hasPrefix("gate."), "\(scenario.id)")
                if code == "gate.approval" { #expect(catalog.runbooks[runbook]?.needsApproval == true, "\(scenario.id)") }
            default: Issue.record("\(scenario.id): \(decision)")
            }
        }
    }
}
