import Conditions
import Documents
import Model

/// Reads the parts of a catalog from nodes, whether of YAML or of a compiled pack, and checks every reference and type.
///
/// Parts must come in the order checks, runbooks, rules, baselines: each is checked against those before. A method answers nil
/// after it has logged why.
struct CatalogReader {
    enum Kind: String, CaseIterable {
        case check, runbook, rule, baseline
        /// Where files of this kind stand.
        var folder: String { "\(rawValue)s" }
    }

    let schema: CatalogSchema
    let log: DiagnosticLog
    private(set) var checks: [CheckID: CheckDefinition] = [:]
    private(set) var runbooks: [RunbookID: RunbookDefinition] = [:]
    /// Where steps name documents; each baseline is held against them.
    private var namedDocuments: [(name: String, mark: Mark)] = []
    private var parameterTypes: [CheckID: [String: ValueType]] = [:]
    /// Parts that are there and have faults of their own: what refers to one is not faulted again.
    private var faulty: [Kind: Set<String>] = [:]

    /// Whether every part that is there could be read.
    var isWhole: Bool { faulty.isEmpty }

    mutating func noteFaulty(_ kind: Kind, _ ids: String...) { faulty[kind, default: []].formUnion(ids) }

    private func isFaulty(_ kind: Kind, _ id: String) -> Bool { faulty[kind]?.contains(id) == true }

    init(schema: CatalogSchema, log: DiagnosticLog) {
        self.schema = schema
        self.log = log
    }

    /// For rules of one check of a catalog that was read before.
    init(rulesOf check: CheckDefinition, runbooks: [RunbookID: RunbookDefinition], schema: CatalogSchema, log: DiagnosticLog) {
        self.init(schema: schema, log: log)
        checks = [check.id: check]
        self.runbooks = runbooks
        parameterTypes = [check.id: check.parameters.mapValues(\.type)]
    }

    // MARK: Checks

    private enum PHIRisk: String, CaseIterable { case none, low, medium, high }

    /// - Parameter controls: of the check with this id, from the crosswalk; nil where it is not there.
    mutating func check(_ node: Node, controls: (CheckID, NodeReader) -> [ControlCitation]?) -> CheckDefinition? {
        guard var reader = NodeReader(node, kind: "check", log: log) else { return nil }
        let start = log.errorCount
        reader.skipSchema()
        let id = reader.name("id", as: CheckID.self)
        let title = reader.text("title", bytesMax: 200)
        let probe = reader.name("probe", as: ProbeID.self)
        let platforms = readPlatforms(&reader, node, mayBeEmpty: false)
        let severity = reader.choice("severity", of: Severity.self)
        let interval = reader.duration("interval", in: .seconds(10) ... .seconds(30 * 86_400))
        let staleAfter = reader.duration("staleAfter", in: .seconds(10) ... .seconds(400 * 86_400))
        let phiRisk = reader.choice("phiRisk", of: PHIRisk.self)
        let (parameters, areWhole) = readParameters(&reader)
        let types = parameters.mapValues(\.type)
        let facts = probe.flatMap { producedFacts(of: $0, at: node.mark(of: "probe")) } ?? [:]
        // A clause may be about the parameter that could not be read.
        let clauseFacts = areWhole ? facts : [:]
        let requires = reader.names("requires", as: FactName.self, default: [])
        for name in requires ?? [] where probe != nil && !facts.isEmpty && facts[name] == nil {
            log.error(
                at: node.mark(of: "requires"), code: "check.unknown_fact",
                "requires \(name), which probe \(probe!) does not produce"
                    + suggestion(for: name.description, in: facts.keys.lazy.map(\.description)))
        }
        let notApplicable = clauses(&reader, "notApplicable", facts: clauseFacts, types: types, isRequired: false)
        let drift = clauses(&reader, "drift", facts: clauseFacts, types: types, isRequired: true)
        if let interval, let staleAfter, staleAfter < interval {
            log.error(
                at: node.mark(of: "staleAfter"), code: "check.stale_before_due",
                "staleAfter is shorter than interval: every result would be stale")
        }
        let citations = id.flatMap { controls($0, reader) }
        if node.value(of: "controls") != nil { _ = reader.optional("controls") }
        reader.finish()
        guard log.errorCount == start, let id, let title, let probe, let severity, let interval, let staleAfter, let phiRisk,
            let requires, let citations
        else { return nil }
        let check = CheckDefinition(
            id: id, title: title, probe: probe, platforms: platforms, severity: severity, interval: interval, staleAfter: staleAfter,
            phiRisk: phiRisk.rawValue, parameters: parameters, notApplicable: notApplicable, drift: drift, requires: requires,
            controls: citations.sorted())
        checks[id] = check
        parameterTypes[id] = types
        return check
    }

    private func producedFacts(of probe: ProbeID, at mark: Mark) -> [FactName: ValueType]? {
        if let facts = schema.probes[probe] { return facts }
        let hint = suggestion(for: probe.description, in: schema.probes.keys.lazy.map(\.description))
        log.error(at: mark, code: "check.unknown_probe", "there is no probe \"\(probe)\"\(hint)")
        return nil
    }

    private func clauses(
        _ reader: inout NodeReader, _ key: String, facts: [FactName: ValueType], types: [String: ValueType], isRequired: Bool
    ) -> [Clause] {
        guard let node = isRequired ? reader.required(key) : reader.optional(key), let items = node.items(key, countMax: 50, log: log)
        else {
            return []
        }
        if items.isEmpty && isRequired {
            log.error(at: node.mark, code: "check.no_drift", "\(key) has no clause: the check could never fail")
        }
        // Without the probe's facts every condition would be faulted again; the missing probe is the one thing to say.
        guard !facts.isEmpty else { return [] }
        var conditions = ConditionReader(facts: facts, parameters: types, elsewhere: owner(of:), log: log)
        return items.compactMap { item in
            guard var clause = NodeReader(item, kind: "clause", log: log) else { return nil }
            let code = clause.name("code", as: Code.self)
            let condition = clause.required("when").flatMap { conditions.read($0) }
            clause.finish()
            guard let code, let condition else { return nil }
            return Clause(code: code, condition: condition)
        }
    }

    /// The probe that produces a fact which the check's own does not.
    private func owner(of fact: FactName) -> String? {
        schema.probes.filter { $0.value[fact] != nil }.keys.min().map { "probe \($0)" }
    }

    // MARK: Runbooks

    mutating func runbook(_ node: Node) -> RunbookDefinition? {
        guard var reader = NodeReader(node, kind: "runbook", log: log) else { return nil }
        let start = log.errorCount
        reader.skipSchema()
        let id = reader.name("id", as: RunbookID.self)
        let title = reader.text("title", bytesMax: 200)
        let checks = reader.names("checks", as: CheckID.self)
        for check in checks ?? [] where self.checks[check] == nil { unknownCheck(check, at: node.mark(of: "checks")) }
        let platforms = readPlatforms(&reader, node, mayBeEmpty: false)
        let (parameters, areWhole) = readParameters(&reader)
        let disruptive = reader.boolean("disruptive", default: false)
        let reboot = reader.boolean("needsReboot", default: false)
        let approval = reader.boolean("needsApproval", default: false)
        let window = reader.boolean("needsWindow", default: false)
        let timeout = reader.duration("timeout", in: .seconds(1) ... .seconds(4 * 3_600))
        let retries = reader.integer("retries", in: 0...5, default: 0)
        // A step may name the parameter that could not be read.
        let steps = areWhole ? readSteps(&reader, node, parameters) : []
        if !areWhole { _ = reader.required("steps") }
        reader.finish()
        if checks?.isEmpty == true {
            log.error(at: node.mark(of: "checks"), code: "runbook.no_check", "a runbook must name the checks that it repairs")
        }
        guard log.errorCount == start, let id, let title, let checks, let disruptive, let reboot, let approval, let window, let timeout,
            let retries
        else { return nil }
        let runbook = RunbookDefinition(
            id: id, title: title, checks: checks, platforms: platforms, parameters: parameters, steps: steps, isDisruptive: disruptive,
            needsReboot: reboot, needsApproval: approval, needsWindow: window, timeout: timeout, retries: Int(retries))
        runbooks[id] = runbook
        return runbook
    }

    private mutating func readSteps(
        _ reader: inout NodeReader, _ node: Node, _ parameters: [String: ParameterDefinition]
    ) -> [StepDefinition] {
        guard let list = reader.required("steps"), let items = list.items("steps", countMax: 50, log: log) else { return [] }
        if items.isEmpty { log.error(at: list.mark, code: "runbook.no_step", "a runbook must have a step") }
        var used: Set<String> = []
        var steps: [StepDefinition] = []
        for item in items {
            if let step = step(item, parameters, &used) { steps.append(step) }
        }
        for name in parameters.keys.sorted() where !used.contains(name) && steps.count == items.count {
            log.error(
                at: node.value(of: "parameters")?.mark(of: name) ?? node.mark, code: "runbook.unused_parameter",
                "no step uses the parameter \(quoted(name))")
        }
        return steps
    }

    private mutating func step(_ node: Node, _ parameters: [String: ParameterDefinition], _ used: inout Set<String>) -> StepDefinition? {
        guard var reader = NodeReader(node, kind: "step", log: log) else { return nil }
        let verb = reader.text("verb", bytesMax: 100)
        let with = reader.optional("with")
        reader.finish()
        guard let verb else { return nil }
        guard let signature = schema.verbs[verb] else {
            log.error(
                at: reader.mark, code: "step.unknown_verb",
                "there is no verb \(quoted(verb))\(suggestion(for: verb, amongAll: schema.verbs.keys))")
            return nil
        }
        var arguments: [String: StepArgument] = [:]
        if let with, var given = NodeReader(with, kind: "arguments of \(verb)", log: log) {
            for (key, name, value) in given.all() {
                guard let type = signature[name] else {
                    let known = Array(signature.required.keys) + Array(signature.optional.keys)
                    log.error(
                        at: key.mark, code: "step.unknown_argument",
                        "\(verb) takes no argument \(quoted(name))\(suggestion(for: name, in: known))")
                    continue
                }
                arguments[name] = stepArgument(value, name, of: type, parameters, &used)
                if signature.documents.contains(name), let argument = arguments[name] {
                    note(argument, parameters, at: value.mark)
                }
            }
        }
        for name in signature.required.keys.sorted() where arguments[name] == nil && with?.value(of: name) == nil {
            log.error(at: reader.mark, code: "step.missing_argument", "\(verb) needs the argument \"\(name)\"")
        }
        return StepDefinition(verb: verb, arguments: arguments)
    }

    private mutating func note(_ document: StepArgument, _ parameters: [String: ParameterDefinition], at mark: Mark) {
        switch document {
        case .literal(.string(let name)): namedDocuments.append((name, mark))
        case .literal: break
        case .parameter(let parameter):
            guard let names = parameters[parameter]?.allowed else {
                log.error(
                    at: mark, code: "step.any_document",
                    "parameter \(quoted(parameter)) may name any document; say in its \"allowed\" which ones there are")
                return
            }
            namedDocuments += names.map { ($0, mark) }
        }
    }

    private func stepArgument(
        _ node: Node, _ name: String, of type: ValueType, _ parameters: [String: ParameterDefinition], _ used: inout Set<String>
    ) -> StepArgument? {
        guard case .mapping = node.content else { return node.value(name, of: type, log: log).map(StepArgument.literal) }
        guard var reader = NodeReader(node, kind: "argument", log: log), let parameter = reader.text("parameter") else { return nil }
        reader.finish()
        guard let definition = parameters[parameter] else {
            log.error(
                at: node.mark, code: "step.unknown_parameter",
                "the runbook has no parameter \(quoted(parameter))\(suggestion(for: parameter, in: parameters.keys))")
            return nil
        }
        used.insert(parameter)
        guard definition.type == type else {
            log.error(
                at: node.mark, code: "step.argument_type",
                "\(name) is of type \(type.rawValue), parameter \(parameter) of type \(definition.type.rawValue)")
            return nil
        }
        return .parameter(parameter)
    }

    // MARK: Rules

    func rule(_ node: Node) -> RuleDefinition? {
        guard var reader = NodeReader(node, kind: "rule", log: log) else { return nil }
        let start = log.errorCount
        reader.skipSchema()
        let id = reader.name("id", as: RuleID.self)
        let title = reader.text("title", bytesMax: 200)
        let priority = reader.integer("priority", in: 0...1_000_000, default: 100)
        let check = reader.name("check", as: CheckID.self)
        let codes = reader.names("codes", as: Code.self)
        let platforms = readPlatforms(&reader, node, mayBeEmpty: true)
        let when = reader.optional("when")
        let runbookNode = reader.optional("runbook")
        let runbook = runbookNode?.name("runbook", as: RunbookID.self, log: log)
        let escalates = reader.boolean("escalate", default: false)
        let with = reader.optional("with")
        let cooldown = reader.duration("cooldown", in: .seconds(0) ... .seconds(7 * 86_400), default: .seconds(600))
        let attempts = reader.integer("attemptsMax", in: 1...20, default: 2)
        reader.finish()
        if (runbookNode != nil) == (escalates == true) {
            log.error(
                at: node.mark(of: "escalate"), code: "rule.action", "a rule names a runbook or says escalate: true, one of the two")
        }
        guard let check else { return nil }
        guard let definition = checks[check] else {
            unknownCheck(check, at: node.mark(of: "check"))
            return nil
        }
        if codes?.isEmpty == true { log.error(at: node.mark(of: "codes"), code: "rule.no_code", "a rule must name a drift code") }
        for code in codes ?? [] where !definition.drift.contains(where: { $0.code == code }) {
            let hint = suggestion(for: code.description, in: definition.drift.lazy.map(\.code.description))
            log.error(at: node.mark(of: "codes"), code: "rule.unknown_code", "check \(check) never reports \"\(code)\"\(hint)")
        }
        for platform in platforms where !PlatformFamily.covers(definition.platforms, platform) {
            log.error(at: node.mark(of: "platforms"), code: "rule.platform", "check \(check) does not look at \(platform)")
        }
        var condition: Condition?
        if let when {
            var conditions = ConditionReader(
                facts: schema.probes[definition.probe] ?? [:], parameters: parameterTypes[check] ?? [:], elsewhere: owner(of:), log: log)
            condition = conditions.read(when)
        }
        var arguments: [String: RuleArgument] = [:]
        if let runbook {
            arguments = self.arguments(with, for: runbook, definition, platforms.isEmpty ? definition.platforms : platforms, in: node)
        } else if with != nil {
            log.error(at: node.mark(of: "with"), code: "rule.action", "a rule without a runbook has no arguments")
        }
        guard log.errorCount == start, let id, let title, let priority, let codes, let cooldown, let attempts else { return nil }
        return RuleDefinition(
            id: id, title: title, priority: Int(priority), check: check, codes: codes, platforms: platforms, condition: condition,
            runbook: runbook, parameters: arguments, cooldown: cooldown, attemptsMax: Int(attempts))
    }

    /// Checks that the runbook fits the check and its platforms, and reads its arguments.
    private func arguments(
        _ with: Node?, for id: RunbookID, _ check: CheckDefinition, _ platforms: [String], in node: Node
    ) -> [String: RuleArgument] {
        let mark = node.mark(of: "runbook")
        if isFaulty(.runbook, id.description) { return [:] }
        guard let runbook = runbooks[id] else {
            let hint = suggestion(for: id.description, in: runbooks.keys.lazy.map(\.description))
            log.error(at: mark, code: "rule.unknown_runbook", "there is no runbook \"\(id)\"\(hint)")
            return [:]
        }
        if !runbook.checks.contains(check.id) {
            log.error(at: mark, code: "rule.runbook_check", "runbook \(id) does not repair \(check.id)")
        }
        for platform in platforms where !PlatformFamily.covers(runbook.platforms, platform) {
            log.error(at: mark, code: "rule.runbook_platform", "runbook \(id) does not run on \(platform)")
        }
        var arguments: [String: RuleArgument] = [:]
        var named: Set<String> = []
        if let with, var given = NodeReader(with, kind: "arguments of \(id)", log: log) {
            for (key, name, value) in given.all() {
                named.insert(name)
                guard let parameter = runbook.parameters[name] else {
                    log.error(
                        at: key.mark, code: "rule.unknown_argument",
                        "runbook \(id) has no parameter \(quoted(name))\(suggestion(for: name, in: runbook.parameters.keys))")
                    continue
                }
                arguments[name] = argument(value, name, parameter, check)
            }
        }
        let missing = runbook.parameters.lazy.filter { $0.value.default == nil && !named.contains($0.key) }.map(\.key)
        for name in missing.sorted() {
            log.error(at: node.mark(of: "with", "runbook"), code: "rule.missing_argument", "runbook \(id) needs the argument \"\(name)\"")
        }
        return arguments
    }

    private func argument(_ node: Node, _ name: String, _ parameter: ParameterDefinition, _ check: CheckDefinition) -> RuleArgument? {
        guard case .mapping = node.content else {
            guard let value = node.value(name, of: parameter.type, log: log) else { return nil }
            if let fault = parameter.fault(of: value) {
                log.error(at: node.mark, code: "rule.argument_range", "\(name) \(fault)")
                return nil
            }
            return .literal(value)
        }
        guard var reader = NodeReader(node, kind: "argument", log: log) else { return nil }
        let fact = reader.optional("fact")?.name("fact", as: FactName.self, log: log)
        let reference = reader.optional("checkParameter")?.text("checkParameter", log: log)
        reader.finish()
        let found: ValueType?
        let source: String
        let argument: RuleArgument
        switch (fact, reference) {
        case (let fact?, nil):
            (source, found, argument) = ("fact \(fact)", schema.probes[check.probe]?[fact], .fact(fact))
        case (nil, let reference?):
            (source, found) = ("check parameter \(quoted(reference))", parameterTypes[check.id]?[reference])
            argument = .checkParameter(reference)
        default:
            log.error(at: node.mark, code: "rule.argument", "\(name) is a value, {fact: name} or {checkParameter: name}")
            return nil
        }
        guard let found else {
            log.error(at: node.mark, code: "rule.argument_source", "check \(check.id) has no \(source)")
            return nil
        }
        guard found == parameter.type else {
            log.error(
                at: node.mark, code: "rule.argument_type",
                "\(name) is of type \(parameter.type.rawValue), \(source) of type \(found.rawValue)")
            return nil
        }
        return argument
    }

    // MARK: Baselines

    mutating func baseline(_ node: Node) -> BaselineDefinition? {
        guard var reader = NodeReader(node, kind: "baseline", log: log) else { return nil }
        let start = log.errorCount
        reader.skipSchema()
        let id = reader.name("id", as: BaselineName.self)
        let title = reader.text("title", bytesMax: 200)
        var values: [CheckID: [String: TypedValue]] = [:]
        if let node = reader.optional("parameters"), var checks = NodeReader(node, kind: "parameters", log: log) {
            for (key, name, value) in checks.all() {
                if isFaulty(.check, name) { continue }
                guard let check = CheckID(name), let definition = self.checks[check] else {
                    let hint = suggestion(for: name, in: self.checks.keys.lazy.map(\.description))
                    log.error(at: key.mark, code: "baseline.unknown_check", "there is no check \(quoted(name))\(hint)")
                    continue
                }
                values[check] = self.values(value, of: definition)
            }
        }
        var documents: [String: String] = [:]
        if let node = reader.optional("documents"), var texts = NodeReader(node, kind: "documents", log: log) {
            for (_, name, value) in texts.all() { documents[name] = value.text(name, bytesMax: 256 * 1_024, log: log) }
        }
        reader.finish()
        for (name, mark) in namedDocuments where documents[name] == nil && id != nil {
            log.error(
                at: mark, code: "step.no_document",
                "baseline \(id!) has no document \(quoted(name))\(suggestion(for: name, in: documents.keys))")
        }
        for check in checks.values.sorted(by: { $0.id < $1.id }) {
            for (name, parameter) in check.parameters.sorted(by: { $0.key < $1.key })
            where parameter.default == nil && values[check.id]?[name] == nil {
                log.warning(
                    at: reader.mark, code: "baseline.missing_value",
                    "parameter \(name) of check \(check.id) has no default and is not given here: its clauses stay unknown")
            }
        }
        guard log.errorCount == start, let id, let title else { return nil }
        return BaselineDefinition(id: id.description, title: title, parameters: values, documents: documents)
    }

    private func values(_ node: Node, of check: CheckDefinition) -> [String: TypedValue] {
        guard var reader = NodeReader(node, kind: "parameters of \(check.id)", log: log) else { return [:] }
        var values: [String: TypedValue] = [:]
        for (key, name, value) in reader.all() {
            guard let parameter = check.parameters[name] else {
                let hint = suggestion(for: name, in: check.parameters.keys)
                log.error(
                    at: key.mark, code: "baseline.unknown_parameter", "check \(check.id) has no parameter \(quoted(name))\(hint)")
                continue
            }
            guard let typed = value.value(name, of: parameter.type, log: log) else { continue }
            if let fault = parameter.fault(of: typed) {
                log.error(at: value.mark, code: "baseline.range", "\(name) \(fault)")
                continue
            }
            values[name] = typed
        }
        return values
    }

    // MARK: Shared

    private func unknownCheck(_ id: CheckID, at mark: Mark) {
        if isFaulty(.check, id.description) { return }
        let hint = suggestion(for: id.description, in: checks.keys.lazy.map(\.description))
        log.error(at: mark, code: "catalog.unknown_check", "there is no check \"\(id)\"\(hint)")
    }

    private func readPlatforms(_ reader: inout NodeReader, _ node: Node, mayBeEmpty: Bool) -> [String] {
        guard let platforms = reader.texts("platforms", default: mayBeEmpty ? [] : nil) else { return [] }
        if platforms.isEmpty && !mayBeEmpty {
            log.error(at: node.mark(of: "platforms"), code: "catalog.no_platform", "\(reader.kind) names no platform")
        }
        for platform in platforms where !PlatformFamily.isKnown(platform) {
            log.error(
                at: node.mark(of: "platforms"), code: "catalog.unknown_platform",
                "there is no platform \(quoted(platform))\(suggestion(for: platform, in: PlatformFamily.known))")
        }
        return platforms
    }

    /// - Returns: with `areWhole` false where one has not even a type that can be read.
    private func readParameters(_ reader: inout NodeReader) -> (definitions: [String: ParameterDefinition], areWhole: Bool) {
        guard let node = reader.optional("parameters") else { return ([:], true) }
        guard var entries = NodeReader(node, kind: "parameters", log: log) else { return ([:], false) }
        var definitions: [String: ParameterDefinition] = [:]
        var areWhole = true
        for (key, name, value) in entries.all() {
            guard FactName(name) != nil else {
                log.error(at: key.mark, code: "parameter.name", "\(quoted(name)) is not a name")
                areWhole = false
                continue
            }
            definitions[name] = ParameterDefinition(value, name: name, log: log)
            if definitions[name] == nil { areWhole = false }
        }
        return (definitions, areWhole)
    }
}

/// Baselines have names like everything else.
private typealias BaselineName = Name<CodeSubject>

extension NodeReader {
    /// Files say what they are in `schema`, which the loader has looked at; entries of a pack do not.
    mutating func skipSchema() { _ = optional("schema") }
}
