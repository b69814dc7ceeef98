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
        lintConflicts()
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

    /// Earlier rules that are looked at together: more alternatives than this nobody could follow either.
    private static let coveringMax = 8

    /// A rule whose every drift, on every platform of its own, rules before it take is never reached: one of them without a condition,
    /// with the same, with one that holds wherever the rule's own does, or several that leave nothing between them.
    private func lintShadows() {
        for (_, group) in Dictionary(grouping: rules, by: \.definition.check).sorted(by: { $0.key < $1.key }) {
            guard let check = checks[group[0].definition.check]?.definition else { continue }
            var before: [Code: [RuleDefinition]] = [:]
            for (rule, mark) in group {
                let platforms = rule.platforms.isEmpty ? check.platforms : rule.platforms
                let shadows = rule.codes.map { code in
                    platforms.map { platform in
                        let earlier = (before[code] ?? []).filter {
                            PlatformFamily.covers($0.platforms.isEmpty ? check.platforms : $0.platforms, platform)
                        }
                        return Self.covering(rule, earlier, check.drift.filter { $0.code == code }.map(\.condition))
                    }
                }
                if let first = shadows.first?.first ?? nil, shadows.allSatisfy({ $0.allSatisfy { $0 != nil } }) {
                    let names = first.map(\.id.description).joined(separator: ", ")
                    log.error(
                        at: mark, code: "rule.unreachable",
                        first.count == 1
                            ? "rule \(names) comes first and matches whatever \(rule.id) would"
                            : "rules \(names) come first and together match whatever \(rule.id) would")
                }
                for code in rule.codes { before[code, default: []].append(rule) }
            }
        }
    }

    /// Rules before `rule` that leave it nothing of a drift with these clauses; nil where something may be left.
    private static func covering(_ rule: RuleDefinition, _ earlier: [RuleDefinition], _ clauses: [Condition]) -> [RuleDefinition]? {
        if let one = earlier.first(where: { $0.condition == nil || $0.condition == rule.condition }) { return [one] }
        func cover(_ others: [RuleDefinition]) -> Bool {
            let excluded = others.compactMap(\.condition).map { Condition.not($0) }
            return !clauses.isEmpty
                && clauses.allSatisfy { Contradiction.find(in: [$0] + (rule.condition.map { [$0] } ?? []) + excluded) != nil }
        }
        if let one = earlier.first(where: { cover([$0]) }) { return [one] }
        let several = Array(earlier.suffix(coveringMax))
        return several.count > 1 && cover(several) ? several : nil
    }

    /// Two rules of one priority that can both hold and do different things: which of them acts hangs on their ids alone.
    private func lintConflicts() {
        for (_, group) in Dictionary(grouping: rules, by: \.definition.check).sorted(by: { $0.key < $1.key }) {
            guard let check = checks[group[0].definition.check]?.definition else { continue }
            var before: [Code: [RuleDefinition]] = [:]
            for (rule, mark) in group {
                var told: Set<RuleID> = []
                for code in rule.codes {
                    for other in (before[code] ?? []).suffix(Self.coveringMax)
                    where other.priority == rule.priority && !told.contains(other.id) && isConflict(other, rule, code, check) {
                        told.insert(other.id)
                        log.warning(
                            at: mark, code: "rule.conflict",
                            "\(other.id) and \(rule.id) can both match \(code) with priority \(rule.priority); \(other.id) acts only because "
                                + "its id comes first. Give them priorities, or conditions that exclude each other")
                    }
                    before[code, default: []].append(rule)
                }
            }
        }
    }

    private func isConflict(_ one: RuleDefinition, _ other: RuleDefinition, _ code: Code, _ check: CheckDefinition) -> Bool {
        guard one.runbook != other.runbook || one.parameters != other.parameters else { return false }
        let (left, right) = (
            one.platforms.isEmpty ? check.platforms : one.platforms, other.platforms.isEmpty ? check.platforms : other.platforms
        )
        guard left.contains(where: { PlatformFamily.covers(right, $0) }) || right.contains(where: { PlatformFamily.covers(left, $0) })
        else { return false }
        let conditions = [one.condition, other.condition].compactMap(\.self)
        return check.drift.contains { $0.code == code && Contradiction.find(in: [$0.condition] + conditions) == nil }
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
