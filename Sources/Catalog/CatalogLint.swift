import Conditions
import Documents
import Model
import Seal

/// What holds of a catalog as a whole: ids once and as their files say, every rule reachable, every drift answered.
struct CatalogLint {
    private let log: DiagnosticLog
    private var checks: [CheckID: (definition: CheckDefinition, node: Node)] = [:]
    private var runbooks: [RunbookID: (definition: RunbookDefinition, node: Node)] = [:]
    private var rules: [(definition: RuleDefinition, node: Node)] = []
    private var baselines: [String: BaselineDefinition] = [:]
    private var places: [String: Mark] = [:]

    private let refusal: CatalogSchema.Refusal

    init(refusal: @escaping CatalogSchema.Refusal = { _, _ in nil }, log: DiagnosticLog) {
        self.refusal = refusal
        self.log = log
    }

    mutating func add(_ check: CheckDefinition, id: String, file: String, _ node: Node) {
        if isNew("check", id, file, node.mark) { checks[check.id] = (check, node) }
    }

    mutating func add(_ runbook: RunbookDefinition, id: String, file: String, _ node: Node) {
        if isNew("runbook", id, file, node.mark) { runbooks[runbook.id] = (runbook, node) }
    }

    mutating func add(_ rule: RuleDefinition, id: String, file: String, _ node: Node) {
        if isNew("rule", id, file, node.mark) { rules.append((rule, node)) }
    }

    mutating func add(_ baseline: BaselineDefinition, id: String, file: String, _ node: Node) {
        if isNew("baseline", id, file, node.mark) { baselines[id] = baseline }
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
    ///
    /// - Parameter isWhole: false where parts are missing that have faults of their own; then nothing is said to be unanswered or unused.
    mutating func finish(isWhole: Bool = true) {
        rules.sort { RuleDefinition.precedes($0.definition, $1.definition) }
        for (check, node) in checks.values.sorted(by: { $0.definition.id < $1.definition.id }) { lintClauses(check, node) }
        for (runbook, node) in runbooks.values.sorted(by: { $0.definition.id < $1.definition.id }) { lintSteps(runbook, node) }
        for (rule, node) in rules {
            lintReach(rule, node)
            lintArguments(rule, node)
        }
        lintShadows()
        lintConflicts()
        if isWhole { lintAnswers() }
    }

    private func lintClauses(_ check: CheckDefinition, _ node: Node) {
        var seen: Set<Condition> = []
        let marks = ["notApplicable", "drift"].flatMap { node.items(of: $0).map(\.mark) }
        for (index, clause) in (check.notApplicable + check.drift).enumerated() {
            let mark = marks.indices.contains(index) ? marks[index] : node.mark
            if let reason = Contradiction.find(in: [clause.condition]) {
                log.error(at: mark, code: "check.impossible_clause", "\(clause.code) can never be reported: \(reason)")
            }
            if !seen.insert(clause.condition).inserted {
                log.error(at: mark, code: "check.repeated_clause", "\(clause.code) repeats the condition of a clause before it")
            }
        }
    }

    /// Each code of a rule must be able to come up together with the rule's own condition.
    private func lintReach(_ rule: RuleDefinition, _ node: Node) {
        guard let condition = rule.condition, let check = checks[rule.check]?.definition else { return }
        for code in rule.codes {
            var reason: String?
            for clause in check.drift where clause.code == code {
                reason = Contradiction.find(in: [clause.condition, condition])
                if reason == nil { break }
            }
            if let reason {
                log.error(at: node.mark(of: "when"), code: "rule.unsatisfiable", "the rule can never match \(code): \(reason)")
            }
        }
    }

    /// Values that a rule hands to a runbook from its check's parameters must be ones that the runbook takes, whether they come by
    /// default or from a baseline: the gate refuses others on every host.
    private func lintArguments(_ rule: RuleDefinition, _ node: Node) {
        guard let runbook = rule.runbook.flatMap({ runbooks[$0]?.definition }), let check = checks[rule.check]?.definition else { return }
        var handed: [String: TypedValue] = [:]
        let with = node.value(of: "with")
        for (name, argument) in rule.parameters.sorted(by: { $0.key < $1.key }) {
            if case .literal(let value) = argument { handed[name] = value }
            guard case .checkParameter(let source) = argument, let parameter = runbook.parameters[name] else { continue }
            let mark = with?.mark(of: name) ?? node.mark
            if let value = check.parameters[source]?.default, let fault = parameter.fault(of: value) {
                log.error(
                    at: mark, code: "rule.argument_range",
                    "\(name) of runbook \(runbook.id) does not take the default of check parameter \(quoted(source)): it \(fault)")
            }
            for baseline in baselines.values.sorted(by: { $0.id < $1.id }) {
                guard let value = baseline.parameters[check.id]?[source], let fault = parameter.fault(of: value) else { continue }
                log.error(
                    at: mark, code: "rule.argument_range",
                    "\(name) of runbook \(runbook.id) does not take check parameter \(quoted(source)) as baseline \(baseline.id) sets it: "
                        + "it \(fault)")
            }
        }
        for step in runbook.steps where refusal(step.verb, step.known([:])) == nil {
            if let refusal = refusal(step.verb, step.known(handed)) {
                log.error(at: with?.mark ?? node.mark, code: "step.refused", "\(step.verb) of runbook \(runbook.id) \(refusal)")
            }
        }
    }

    /// A verb's own limits hold whatever a catalog says, so what it refuses on every host is a fault of the catalog: literals of the
    /// steps, and what the runbook's parameters are by default or may be.
    private func lintSteps(_ runbook: RunbookDefinition, _ node: Node) {
        let marks = node.items(of: "steps").map(\.mark)
        for (index, step) in runbook.steps.enumerated() {
            let mark = marks.indices.contains(index) ? marks[index] : node.mark
            if let refusal = refusal(step.verb, step.known(runbook.parameters.compactMapValues(\.default))) {
                log.error(at: mark, code: "step.refused", "\(step.verb) \(refusal)")
                continue
            }
            for name in Set(step.arguments.values.compactMap(\.parameter)).sorted() {
                guard let parameter = runbook.parameters[name], let allowed = parameter.allowed else { continue }
                for text in allowed {
                    let value: TypedValue = parameter.type == .strings ? .strings([text]) : .string(text)
                    guard let refusal = refusal(step.verb, step.known([name: value])) else { continue }
                    log.error(
                        at: node.value(of: "parameters")?.mark(of: name) ?? mark, code: "step.refused",
                        "parameter \(quoted(name)) allows \(quoted(text)); \(step.verb) \(refusal)")
                }
            }
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
            for (rule, node) in group {
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
                    let remedy = first[0].priority > 0 ? "; give it a priority below \(first[0].priority), or another condition" : ""
                    log.error(
                        at: node.mark(of: "when", "codes"), code: "rule.unreachable",
                        (first.count == 1
                            ? "rule \(names) comes first and matches whatever \(rule.id) would"
                            : "rules \(names) come first and together match whatever \(rule.id) would") + remedy)
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
            for (rule, node) in group {
                var told: Set<RuleID> = []
                for code in rule.codes {
                    for other in (before[code] ?? []).suffix(Self.coveringMax)
                    where other.priority == rule.priority && !told.contains(other.id) && isConflict(other, rule, code, check) {
                        told.insert(other.id)
                        log.warning(
                            at: node.mark(of: "priority", "codes"), code: "rule.conflict",
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
        for (check, node) in checks.values.sorted(by: { $0.definition.id < $1.definition.id }) {
            let answered = Set((byCheck[check.id] ?? []).flatMap(\.codes))
            let open = Set(check.drift.map(\.code)).subtracting(answered).sorted()
            if !open.isEmpty {
                let codes = open.map(\.description).joined(separator: ", ")
                log.warning(at: node.mark(of: "drift"), code: "check.unanswered", "no rule answers \(codes): such drift goes to a person")
            }
        }
        let used = Set(rules.compactMap(\.definition.runbook))
        for (runbook, node) in runbooks.values.sorted(by: { $0.definition.id < $1.definition.id }) where !used.contains(runbook.id) {
            log.warning(
                at: node.mark, code: "runbook.unused",
                "no rule uses runbook \(runbook.id): it runs only by order, or where a model chooses it")
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

extension StepDefinition {
    /// The arguments that are known where of the runbook's parameters these are.
    fileprivate func known(_ parameters: [String: TypedValue]) -> [String: TypedValue] {
        arguments.compactMapValues { argument in
            switch argument {
            case .literal(let value): value
            case .parameter(let name): parameters[name]
            }
        }
    }
}

extension StepArgument {
    fileprivate var parameter: String? { if case .parameter(let name) = self { name } else { nil } }
}

extension Node {
    /// Stands for a part of a compiled catalog, which has no lines.
    init(compiled id: String) { self.init(.mapping([]), at: Mark(file: id, line: 0)) }
}
