import Documents
package import Model
import Seal

/// What of a site's policy fits the catalog that it stands over, and what was left out of it.
///
/// A pack may come under a policy that was written over another one: what no longer fits is left out and said, and the rest holds.
package struct FittedPolicy: Sendable {
    /// A learned rule that the catalog's own lint has taken.
    package struct LearnedRule: Hashable, Sendable {
        package let source: SitePolicy.Learned
        package let definition: RuleDefinition
    }

    package struct LeftOut: Hashable, Sendable {
        package let code: Code
        package let sentence: String
        /// Where it is a learned rule.
        package let learned: SitePolicy.Learned?
    }

    package let checks: [CheckID: SitePolicy.SwitchedOff<CheckSubject>]
    package let rules: [RuleID: SitePolicy.SwitchedOff<RuleSubject>]
    package let runbooks: [RunbookID: SitePolicy.SwitchedOff<RunbookSubject>]
    /// Canary and active, then shadow; each sorted by id.
    package let acting: [LearnedRule]
    package let shadows: [LearnedRule]
    package let leftOut: [LeftOut]

    /// Nothing is switched off and nothing learned.
    package static let none = FittedPolicy(checks: [:], rules: [:], runbooks: [:], acting: [], shadows: [], leftOut: [])

    private init(
        checks: [CheckID: SitePolicy.SwitchedOff<CheckSubject>], rules: [RuleID: SitePolicy.SwitchedOff<RuleSubject>],
        runbooks: [RunbookID: SitePolicy.SwitchedOff<RunbookSubject>], acting: [LearnedRule], shadows: [LearnedRule], leftOut: [LeftOut]
    ) {
        self.checks = checks
        self.rules = rules
        self.runbooks = runbooks
        self.acting = acting
        self.shadows = shadows
        self.leftOut = leftOut
    }

    /// - Parameters:
    ///   - schema: what this software can do.
    ///   - takesLearned: false where the site's own configuration refuses learned rules.
    package init(_ policy: SitePolicy, over catalog: CompiledCatalog, schema: CatalogSchema, takesLearned: Bool) {
        var leftOut: [LeftOut] = []
        func known<Subject>(
            _ entries: [SitePolicy.SwitchedOff<Subject>], _ kind: String, _ code: Code, _ isKnown: (Name<Subject>) -> Bool
        ) -> [Name<Subject>: SitePolicy.SwitchedOff<Subject>] {
            var found: [Name<Subject>: SitePolicy.SwitchedOff<Subject>] = [:]
            for entry in entries {
                if isKnown(entry.id) {
                    found[entry.id] = entry
                } else {
                    leftOut.append(
                        LeftOut(
                            code: code, sentence: "\(kind) \(entry.id) is switched off, and catalog \(catalog.version) has none.",
                            learned: nil))
                }
            }
            return found
        }
        let ruleIDs = Set(catalog.rules.map(\.id))
        checks = known(policy.checks, "check", "policy.unknown_check") { catalog.checks[$0] != nil }
        rules = known(policy.rules, "rule", "policy.unknown_rule") { ruleIDs.contains($0) }
        runbooks = known(policy.runbooks, "runbook", "policy.unknown_runbook") { catalog.runbooks[$0] != nil }
        var (acting, shadows): ([LearnedRule], [LearnedRule]) = ([], [])
        let lint = LearnedRuleLint(catalog: catalog, schema: schema, ids: ruleIDs)
        for source in policy.learned {
            guard takesLearned else {
                leftOut.append(
                    LeftOut(
                        code: "policy.learned_off", sentence: "learned rules are switched off in this appliance's configuration.",
                        learned: source))
                continue
            }
            do throws(LearnedRuleLint.Fault) {
                // A shadow only has to fit the catalog: several may be compared with one drift.
                let beside = source.stage.runs ? acting.map(\.definition) : []
                let rule = LearnedRule(source: source, definition: try lint.read(source, beside: beside))
                if source.stage.runs { acting.append(rule) } else { shadows.append(rule) }
            } catch {
                leftOut.append(LeftOut(code: "policy.learned_refused", sentence: error.sentence, learned: source))
            }
        }
        self.acting = acting
        self.shadows = shadows
        self.leftOut = leftOut
    }
}

/// Reads a learned rule as if it had stood in the catalog, and lints it with the rules of its check: no other rule can meet it.
private struct LearnedRuleLint {
    struct Fault: Error { let sentence: String }

    let catalog: CompiledCatalog
    let schema: CatalogSchema
    let ids: Set<RuleID>

    func read(_ source: SitePolicy.Learned, beside learned: [RuleDefinition]) throws(Fault) -> RuleDefinition {
        guard !ids.contains(source.ruleID) else { throw Fault(sentence: "the catalog has a rule \(source.ruleID).") }
        guard let name = source.rule["check"]?.string, let check = CheckID(name).flatMap({ catalog.checks[$0] }) else {
            throw Fault(sentence: "catalog \(catalog.version) has no such check.")
        }
        let log = DiagnosticLog()
        let mark = Mark(file: source.ruleID.description, line: 0)
        let reader = CatalogReader(rulesOf: check, runbooks: catalog.runbooks, schema: schema, log: log)
        let element: JSONElement
        do throws(JSONError) {
            element = try JSONElement(parsing: try source.rule.canonicalBytes(), limits: JSONLimits(bytesMax: SitePolicy.ruleBytesMax))
        } catch { throw Fault(sentence: error.message) }
        let node = Node(json: element, at: mark)
        guard let rule = reader.rule(node) else { throw Fault(log) }
        guard rule.runbook != nil else { throw Fault(sentence: "a learned rule names a runbook.") }
        var lint = CatalogLint(log: log)
        lint.add(check, id: check.id.description, file: check.id.description, Node(compiled: check.id.description))
        for other in catalog.rules + learned where other.check == check.id {
            lint.add(other, id: other.id.description, file: other.id.description, Node(compiled: other.id.description))
        }
        lint.add(rule, id: rule.id.description, file: rule.id.description, node)
        lint.finish()
        guard log.errorCount == 0 else { throw Fault(log) }
        return rule
    }
}

extension LearnedRuleLint.Fault {
    init(_ log: DiagnosticLog) {
        let first = log.all.first { $0.level == .error }
        self.init(sentence: first.map { "\($0.sentence) [\($0.code)]" } ?? "it cannot be read.")
    }
}
