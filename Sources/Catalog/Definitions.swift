package import Conditions
package import Model

/// A parameter of a check or runbook: its type, its range, and, for checks, the default that a baseline may override.
package struct ParameterDefinition: Hashable, Sendable {
    package let type: ValueType
    package let summary: String
    package let `default`: TypedValue?
    /// Inclusive, for integers.
    package let minimum: Int64?
    package let maximum: Int64?
    /// For strings, and each element of a list of strings: the only values allowed.
    package let allowed: [String]?
    /// For strings, and each element: the whole value must match (linear-time subset).
    package let pattern: String?
    /// Compiled here once: ten thousand rules may give values for one parameter. nil where `pattern` is nil, or is none.
    let compiledPattern: Pattern?

    package init(
        type: ValueType, summary: String, default: TypedValue? = nil, minimum: Int64? = nil, maximum: Int64? = nil,
        allowed: [String]? = nil, pattern: String? = nil
    ) {
        self.type = type
        self.summary = summary
        self.default = `default`
        self.minimum = minimum
        self.maximum = maximum
        self.allowed = allowed
        self.pattern = pattern
        compiledPattern = pattern.flatMap { try? Pattern($0) }
    }
}

/// One reason for a verdict: the first clause of a list whose condition holds gives the code.
package struct Clause: Hashable, Sendable {
    package let code: Code
    package let condition: Condition

    package init(code: Code, condition: Condition) {
        self.code = code
        self.condition = condition
    }
}

/// A check as data: which probe reads the facts, and which conditions over them are drift.
package struct CheckDefinition: Hashable, Sendable {
    package let id: CheckID
    package let title: String
    package let probe: ProbeID
    /// `linux`, `debian`, `ubuntu`, `nixos`, `rhel`: the check applies where the host is one of these.
    package let platforms: [String]
    package let severity: Severity
    package let interval: Duration
    /// Age past which the newest observation no longer counts.
    package let staleAfter: Duration
    /// `none`, `low`, `medium`, `high`.
    package let phiRisk: String
    package let parameters: [String: ParameterDefinition]
    /// In order; the first that holds makes the verdict `notApplicable` with its code.
    package let notApplicable: [Clause]
    /// In order; the first that holds makes the verdict `drift` with its code.
    package let drift: [Clause]
    /// Facts without which no verdict is possible: absent ones make it `unknown("facts.missing")`.
    package let requires: [FactName]
    /// From the crosswalk, sorted.
    package let controls: [ControlCitation]

    package init(
        id: CheckID, title: String, probe: ProbeID, platforms: [String], severity: Severity, interval: Duration, staleAfter: Duration,
        phiRisk: String, parameters: [String: ParameterDefinition], notApplicable: [Clause], drift: [Clause], requires: [FactName],
        controls: [ControlCitation]
    ) {
        self.id = id
        self.title = title
        self.probe = probe
        self.platforms = platforms
        self.severity = severity
        self.interval = interval
        self.staleAfter = staleAfter
        self.phiRisk = phiRisk
        self.parameters = parameters
        self.notApplicable = notApplicable
        self.drift = drift
        self.requires = requires
        self.controls = controls
    }
}

/// An L1 rule: for this check, platform and drift code, under these conditions, this runbook with these parameters.
package struct RuleDefinition: Hashable, Sendable {
    package let id: RuleID
    package let title: String
    /// Lower wins; among equals the id decides, so that the order never depends on files.
    package let priority: Int
    package let check: CheckID
    /// Drift codes; never empty.
    package let codes: [Code]
    /// Empty means every platform of the check.
    package let platforms: [String]
    package let condition: Condition?
    /// nil hands the incident to a person at once.
    package let runbook: RunbookID?
    package let parameters: [String: RuleArgument]
    /// Shortest time between two attempts on one host and check.
    package let cooldown: Duration
    /// Attempts per incident; then it goes to a person.
    package let attemptsMax: Int

    package init(
        id: RuleID, title: String, priority: Int, check: CheckID, codes: [Code], platforms: [String], condition: Condition?,
        runbook: RunbookID?, parameters: [String: RuleArgument], cooldown: Duration, attemptsMax: Int
    ) {
        self.id = id
        self.title = title
        self.priority = priority
        self.check = check
        self.codes = codes
        self.platforms = platforms
        self.condition = condition
        self.runbook = runbook
        self.parameters = parameters
        self.cooldown = cooldown
        self.attemptsMax = attemptsMax
    }
}

/// Where a runbook's argument comes from.
package enum RuleArgument: Hashable, Sendable {
    case literal(TypedValue)
    /// The incident's fact of that name, when the rule fires.
    case fact(FactName)
    /// The check's parameter of that name, as the site's baseline sets it.
    case checkParameter(String)
}

/// One step: a verb of the fixed set with its arguments.
package struct StepDefinition: Hashable, Sendable {
    package let verb: String
    package let arguments: [String: StepArgument]

    package init(verb: String, arguments: [String: StepArgument]) {
        self.verb = verb
        self.arguments = arguments
    }
}

package enum StepArgument: Hashable, Sendable {
    case literal(TypedValue)
    case parameter(String)
}

/// How a drift is repaired: typed parameters, steps from the fixed set of verbs, and what must hold before and after.
package struct RunbookDefinition: Hashable, Sendable {
    package let id: RunbookID
    package let title: String
    /// The checks it can repair. The one whose incident it is run for must pass after the last step: the only proof of success.
    package let checks: [CheckID]
    package let platforms: [String]
    package let parameters: [String: ParameterDefinition]
    package let steps: [StepDefinition]
    package let isDisruptive: Bool
    package let needsReboot: Bool
    package let needsApproval: Bool
    /// Runs only inside the maintenance window even where disruptive work outside it is allowed (logging is never
    /// restarted outside the window).
    package let needsWindow: Bool
    package let timeout: Duration
    /// Tries of a failed step, besides the first.
    package let retries: Int

    package init(
        id: RunbookID, title: String, checks: [CheckID], platforms: [String], parameters: [String: ParameterDefinition],
        steps: [StepDefinition], isDisruptive: Bool, needsReboot: Bool, needsApproval: Bool, needsWindow: Bool, timeout: Duration,
        retries: Int
    ) {
        self.id = id
        self.title = title
        self.checks = checks
        self.platforms = platforms
        self.parameters = parameters
        self.steps = steps
        self.isDisruptive = isDisruptive
        self.needsReboot = needsReboot
        self.needsApproval = needsApproval
        self.needsWindow = needsWindow
        self.timeout = timeout
        self.retries = retries
    }
}

/// What a site is held to: values for parameters of checks, and named documents (a firewall ruleset).
package struct BaselineDefinition: Hashable, Sendable {
    package let id: String
    package let title: String
    package let parameters: [CheckID: [String: TypedValue]]
    /// Text by name, as it is put on a host (`nftables.ruleset`).
    package let documents: [String: String]

    package init(id: String, title: String, parameters: [CheckID: [String: TypedValue]], documents: [String: String]) {
        self.id = id
        self.title = title
        self.parameters = parameters
        self.documents = documents
    }
}

/// A whole catalog, checked: every rule can match something a check produces, every runbook named exists.
/// Made by the YAML loader (`CatalogLoader`) or from a compiled pack (`CatalogPack`), which have passed the same lint.
package struct CompiledCatalog: Sendable {
    /// Only grows.
    package let version: Int64
    /// SHA-256 of the pack's canonical bytes.
    package let digest: Digest
    package let checks: [CheckID: CheckDefinition]
    package let rules: [RuleDefinition]
    package let runbooks: [RunbookID: RunbookDefinition]
    /// SHA-256 of each runbook's canonical JSON; plans name it.
    package let runbookDigests: [RunbookID: Digest]
    package let baselines: [String: BaselineDefinition]

    package init(
        version: Int64, digest: Digest, checks: [CheckID: CheckDefinition], rules: [RuleDefinition],
        runbooks: [RunbookID: RunbookDefinition], runbookDigests: [RunbookID: Digest], baselines: [String: BaselineDefinition]
    ) {
        self.version = version
        self.digest = digest
        self.checks = checks
        self.rules = rules
        self.runbooks = runbooks
        self.runbookDigests = runbookDigests
        self.baselines = baselines
    }

    /// The check's parameters at a site: defaults, with the baseline's values over them.
    package func parameters(of check: CheckDefinition, baseline: BaselineDefinition?) -> [String: TypedValue] {
        var values = check.parameters.compactMapValues(\.default)
        values.merge(baseline?.parameters[check.id] ?? [:]) { $1 }
        return values
    }
}
