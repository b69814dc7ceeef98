/// Something Central asks of one appliance: `martlet.order/v1`. Only its signed form travels (`SignedOrder` in Seal).
package struct Order: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// Run a catalogued runbook against `host`; `runbook` and `check` are set.
        case runbook
        /// Run checks now: `check`, or all that apply to `host`.
        case check
        /// Stop all automatic repair at this appliance until `resume`.
        case pause
        case resume
        /// Hand over a person's signed approval of a plan that waits for one; `parameters` hold it.
        case approve
        /// Hand over what the planner proposes about an incident, or why it proposes nothing; `parameters` hold it. It is no person's
        /// word: what comes of it is judged as a rule's plan.
        case proposal
    }

    package let id: OrderID
    package let site: SiteID
    package let appliance: ApplianceID
    /// nil means every host of the site (`*` on the wire).
    package let host: HostID?
    package let kind: Kind
    package let runbook: RunbookID?
    package let check: CheckID?
    package let parameters: [String: TypedValue]
    package let issued: Timestamp
    package let expires: Timestamp
    /// 32 lower-case hexadecimal digits, never used twice for an appliance.
    package let nonce: String
    /// Grows with every order to this appliance; one not above the last accepted is a replay.
    package let sequence: Int64
    package let requester: String
    package let reason: String
    /// Never looked at: who approves signs an `Approval`.
    package let approver: String?

    package init(
        id: OrderID, site: SiteID, appliance: ApplianceID, host: HostID?, kind: Kind, runbook: RunbookID?, check: CheckID?,
        parameters: [String: TypedValue], issued: Timestamp, expires: Timestamp, nonce: String, sequence: Int64,
        requester: String, reason: String, approver: String?
    ) {
        self.id = id
        self.site = site
        self.appliance = appliance
        self.host = host
        self.kind = kind
        self.runbook = runbook
        self.check = check
        self.parameters = parameters
        self.issued = issued
        self.expires = expires
        self.nonce = nonce
        self.sequence = sequence
        self.requester = requester
        self.reason = reason
        self.approver = approver
    }
}
