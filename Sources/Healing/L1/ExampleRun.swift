package import Catalog
package import Model

/// Runs a catalog's examples through the judgement and the index that appliances use.
package enum ExampleRun {
    /// What one example found otherwise than expected; nil when all is as expected.
    package static func failure(
        _ example: CatalogExample, catalog: CompiledCatalog, index: L1Index, baseline: BaselineDefinition?, at now: Timestamp
    ) -> String? {
        guard let check = catalog.checks[example.check] else { return "there is no check \(example.check)" }
        let parameters = catalog.parameters(of: check, baseline: baseline).merging(example.parameters) { $1 }
        let expected = example.expected
        let verdict = check.judge(example.facts, parameters: parameters, at: now)
        guard verdict.word == expected.verdict, expected.code == nil || expected.code == verdict.code else {
            return "the verdict is \(check.described(verdict, of: example.facts)), "
                + "expected \(expected.verdict)\(expected.code.map { " \($0)" } ?? "")"
        }
        guard case .drift(let code) = verdict else { return nil }
        let incident = Incident(
            id: IncidentID(at: now), host: "example", check: example.check, code: code, severity: check.severity, opened: now,
            lastSeen: now, facts: example.facts)
        let decision = index.decide(
            incident, on: index.platforms(example.platforms), facts: example.facts, parameters: parameters, at: now)
        switch decision {
        case .run(let rule, let runbook, let arguments):
            if let refusal = decision.refusal(for: example.check, on: example.platforms, catalog: catalog) {
                guard expected.rule != nil else { return nil }
                return "rule \(rule) matches, but \(refusal.sentence) (\(refusal.code)): a person gets it"
            }
            guard rule == expected.rule, runbook == expected.runbook else {
                return "rule \(rule) runs \(runbook), expected \(said(expected))"
            }
            let texts = arguments.mapValues(text)
            guard let wanted = expected.arguments, wanted != texts else { return nil }
            return "\(runbook) gets \(texts.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }.joined(separator: ", ")), "
                + "expected \(wanted.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }.joined(separator: ", "))"
        case .escalate(let rule):
            return rule == expected.rule && expected.runbook == nil ? nil : "rule \(rule) escalates, expected \(said(expected))"
        case .undecided(let rule, let code):
            return expected.rule == nil ? nil : "rule \(rule) cannot be decided (\(code)), expected \(said(expected))"
        case .noRule: return expected.rule == nil ? nil : "no rule matches, expected \(said(expected))"
        }
    }

    private static func said(_ expected: CatalogExample.Expected) -> String {
        guard let rule = expected.rule else { return "no rule" }
        return expected.runbook.map { "rule \(rule) to run \($0)" } ?? "rule \(rule) to escalate"
    }

    private static func text(_ value: TypedValue) -> String {
        switch value {
        case .boolean(let flag): "\(flag)"
        case .integer(let number): "\(number)"
        case .string(let text): text
        case .strings(let texts): texts.joined(separator: " ")
        case .instant(let instant): instant.description
        case .version(let version): version.description
        }
    }
}
