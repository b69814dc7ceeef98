import Conditions
import Documents
import Model
import Seal

/// What holds of a catalog as a whole: ids once and as their files say, every rule reachable, every drift answered.
struct CatalogLint {
    private let log: DiagnosticLog
    private var checks: [CheckID: (definition: CheckDefinition, mark: Mark)] = [:]
    private var runbooks: [RunbookID: (definition: RunbookDefinition, mark: Mark)] = [:]
    private var rules: [(definition: RuleDefinition, mark: Mark)] = []
    private var baselines: [String: BaselineDefinition] = [:]
    private var places: [String: Mark] = [:]

    init(log: DiagnosticLog) { self.log = log }

    mutating func add(_ check: CheckDefinition, id: String, file: String, at mark: Mark) {
        if isNew("check", id, file, mark) { checks[check.id] = (check, mark) }
    }

    mutating func add(_ runbook: RunbookDefinition, id: String, file: String, at mark: Mark) {
        if isNew("runbook", id, file, mark) { runbooks[runbook.id] = (runbook, mark) }
    }

    mutating func add(_ rule: RuleDefinition, id: String, file: String, at mark: Mark) {
        if isNew("rule", id, file, mark) { rules.append((rule, mark)) }
    }

    mutating func add(_ baseline: BaselineDefinition, id: String, file: String, at mark: Mark) {
        if isNew("baseline", id, file, mark) { baselines[id] = baseline }
    }

    private mutating func isNew(_ kind: String, _ id: String, _ file: String, _ mark: Mark) -> Bool {
        if id != file {
            log.error(at: mark, code: "catalog.file_name", "\(kind) \(id) stands in a file named \(quoted(file)).yaml; the two must agree")
        }
        guard let first = places.updateValue(mark, forKey: "\(kind) \(id)") else { return true }
        log.error(at: mark, code: "catalog.duplicate_id", "\(kind) \(id) stands in \(first) already")
        return false
    }

    /// Everything that compares parts with one another. Called once, after all were added.
    mutating func finish() {
        rules.sort { RuleDefinition.precedes($0.definition, $1.definition) }
        for (check, mark) in checks.values.sorted(by: { $0.definition.id < $1.definition.id }) { lintClauses(check, mark) }
        for (rule, mark) in rules { lintReach(rule, mark) }
        lintShadows()
        lintAnswers()
    }

    private func lintClauses(_ check: CheckDefinition, _ mark: Mark) {
        var seen: Set<Condition> = []
        for clause in check.notApplicable + check.drift {
            if let reason = Contradiction.find(in: [clause.condition]) {
                log.error(at: mark, code: "check.impossible_clause", "\(clause.code) can never be reported: \(reason)")
            }
            if !seen.insert(clause.condition).inserted {
                log.error(at: mark, code: "check.repeated_clause", "\(clause.code) repeats the condition of a clause before it")
            }
        }
    }

    /// Each code of a rule must be able to come up together with the rule's own condition.
    private func lintReach(_ rule: RuleDefinition, _ mark: Mark) {
        guard let condition = rule.condition, let check = checks[rule.check]?.definition else { return }
        for code in rule.codes {
            var reason: String?
            for clause in check.drift where clause.code == code {
                reason = Contradiction.find(in: [clause.condition, condition])
                if reason == nil { break }
            }
            if let reason { log.error(at: mark, code: "rule.unsatisfiable", "the rule can never match \(code): \(reason)") }
        }
    }

    /// A rule behind one without a condition, or with the same, for every code and platform of its own is never tried.
    private func lintShadows() {
        for (_, group) in Dictionary(grouping: rules, by: \.definition.check).sorted(by: { $0.key < $1.key }) {
            guard let check = checks[group[0].definition.check]?.definition else { continue }
            var before: [Code: [RuleDefinition]] = [:]
            for (rule, mark) in group {
                let platforms = rule.platforms.isEmpty ? check.platforms : rule.platforms
                let shadows = rule.codes.map { code in
                    platforms.map { platform in
                        before[code]?.first { other in
                            (other.condition == nil || other.condition == rule.condition)
                                && PlatformFamily.covers(other.platforms.isEmpty ? check.platforms : other.platforms, platform)
                        }
                    }
                }
                if let first = shadows.first?.first ?? nil, shadows.allSatisfy({ $0.allSatisfy { $0 != nil } }) {
                    log.error(at: mark, code: "rule.unreachable", "rule \(first.id) comes first and matches whatever \(rule.id) would")
                }
                for code in rule.codes { before[code, default: []].append(rule) }
            }
        }
    }

    /// A drift that no rule answers goes to a person, which may be meant; a runbook that nothing uses may be for orders.
    private func lintAnswers() {
        let byCheck = Dictionary(grouping: rules.map(\.definition), by: \.check)
        for (check, mark) in checks.values.sorted(by: { $0.definition.id < $1.definition.id }) {
            let answered = Set((byCheck[check.id] ?? []).flatMap(\.codes))
            let open = Set(check.drift.map(\.code)).subtracting(answered).sorted()
            if !open.isEmpty {
                let codes = open.map(\.description).joined(separator: ", ")
                log.warning(at: mark, code: "check.unanswered", "no rule answers \(codes): such drift goes to a person")
            }
        }
        let used = Set(rules.compactMap(\.definition.runbook))
        for (runbook, mark) in runbooks.values.sorted(by: { $0.definition.id < $1.definition.id }) where !used.contains(runbook.id) {
            log.warning(at: mark, code: "runbook.unused", "no rule uses runbook \(runbook.id): it runs only by order")
        }
    }

    func catalog(version: Int64, schema: CatalogSchema) throws(JSONError) -> CompiledCatalog {
        var digests: [RunbookID: Digest] = [:]
        for (id, runbook) in runbooks { digests[id] = Digest(of: try runbook.definition.json.canonicalBytes()) }
        func make(_ digest: Digest) -> CompiledCatalog {
            CompiledCatalog(
                version: version, digest: digest, checks: checks.mapValues(\.definition), rules: rules.map(\.definition),
                runbooks: runbooks.mapValues(\.definition), runbookDigests: digests, baselines: baselines)
        }
        return make(Digest(of: try CatalogPack.encode(make(.genesis), schema: schema)))
    }
}
