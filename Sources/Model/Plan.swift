/// Who made a plan.
package enum Tier: String, Hashable, Sendable {
    /// A deterministic rule.
    case l1
    /// A language model that chose among catalogued runbooks.
    case l2
    /// A person, by a signed order.
    case l3
}

/// What to do about an incident or an order, as a value: it can be printed, stored, compared and refused.
///
/// The same type whoever made it; guardrails judge it, and the executor carries out exactly this.
package struct Plan: Hashable, Sendable {
    package let id: PlanID
    package let host: HostID
    /// What is re-checked after the last step; "healed" needs it to pass.
    package let check: CheckID
    package let incident: IncidentID?
    package let order: OrderID?
    package let tier: Tier
    /// The rule, model or person that made it: `rule:L1-LIN-SSH-001`, `order:alice@msp.example`.
    package let proposer: String
    /// Of a learned rule: which of its lives made the plan. nil for the catalog's own rules, and where no rule did.
    package let ruleVersion: Int?
    package let runbook: RunbookID
    /// Digest of the runbook's canonical definition: the executor refuses a plan whose runbook has changed since.
    package let runbookDigest: Digest
    package let parameters: [String: TypedValue]
    package let isDisruptive: Bool
    package let made: Timestamp

    package init(
        id: PlanID, host: HostID, check: CheckID, incident: IncidentID?, order: OrderID?, tier: Tier, proposer: String,
        ruleVersion: Int? = nil, runbook: RunbookID, runbookDigest: Digest, parameters: [String: TypedValue], isDisruptive: Bool,
        made: Timestamp
    ) {
        self.id = id
        self.host = host
        self.check = check
        self.incident = incident
        self.order = order
        self.tier = tier
        self.proposer = proposer
        self.ruleVersion = ruleVersion
        self.runbook = runbook
        self.runbookDigest = runbookDigest
        self.parameters = parameters
        self.isDisruptive = isDisruptive
        self.made = made
    }

    /// The rule that made it; nil where a model or a person did.
    package var rule: RuleID? {
        guard tier == .l1, proposer.hasPrefix("rule:") else { return nil }
        return RuleID(String(proposer.dropFirst(5)))
    }
}

/// What the guardrails say of a plan.
package enum Admission: Hashable, Sendable {
    case admitted
    /// Not now: will be judged again at this instant.
    case deferred(until: Timestamp, Code)
    case needsApproval(Code)
    case refused(Code)
}
