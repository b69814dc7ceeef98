package import Model

/// Every answer of the gate but "admitted": one code, one sentence, and what becomes of the incident.
package enum GateCode: String, Hashable, Sendable, CaseIterable {
    case evidenceUnavailable = "gate.evidence_unavailable"
    case keysExposed = "gate.keys_exposed"
    case orderUnauthenticated = "gate.order_unauthenticated"
    case orderMismatch = "gate.order_mismatch"
    case runbookChanged = "gate.runbook_changed"
    case runbookUnfit = "gate.runbook_unfit"
    case clinicalDevice = "gate.clinical_device"
    case pausedLocally = "gate.paused_locally"
    case paused = "gate.paused"
    case healingOff = "gate.healing_off"
    case checkDisabled = "gate.check_disabled"
    case runbookDisabled = "gate.runbook_disabled"
    case attempts = "gate.attempts"
    case flapping = "gate.flapping"
    case daily = "gate.daily"
    case approval = "gate.approval"
    case clockOffset = "gate.clock_offset"
    case clockUnknown = "gate.clock_unknown"
    case windowMissing = "gate.window_missing"
    case outsideWindow = "gate.outside_window"
    case cooldown = "gate.cooldown"
    case hostBusy = "gate.host_busy"
    case blastRadius = "gate.blast_radius"
    case budget = "gate.budget"
    case dryRun = "gate.dry_run"

    package var code: Code { Code(rawValue)! }

    /// Whether a person must act because automation has nothing more to try. Other refusals are judged again when the
    /// check next finds the drift.
    package var isForPerson: Bool {
        switch self {
        case .orderUnauthenticated, .orderMismatch, .runbookUnfit, .clinicalDevice, .runbookDisabled, .attempts, .flapping, .daily,
            .approval, .windowMissing:
            true
        default: false
        }
    }

    package var sentence: String {
        switch self {
        case .evidenceUnavailable: "Evidence cannot be written durably; nothing was changed. Free or repair the state disk."
        case .keysExposed: "A private key has wrong mode or owner; nothing was changed. Make it 0600 and ours, then restart."
        case .orderUnauthenticated: "The plan names an order or a person without a verified order; nothing was changed."
        case .orderMismatch: "The plan is not what the verified order asks for; nothing was changed. Issue the order again."
        case .runbookChanged: "The runbook has changed since the plan was made; nothing was changed. It is planned anew."
        case .runbookUnfit:
            "The runbook does not fit the host, the check or its parameters; nothing was changed. Correct the rule or order."
        case .clinicalDevice: "The host is a clinical device; nothing was changed. A person must act."
        case .pausedLocally: "Repair is paused on the appliance itself; nothing was changed. Remove the pause file to go on."
        case .paused: "Automatic repair is paused from Central; nothing was changed. Resume it there."
        case .healingOff: "Healing is switched off at this site; nothing was changed."
        case .checkDisabled: "The check is switched off by the site's policy; nothing was changed. See: martlet central catalog enablement."
        case .runbookDisabled:
            "The runbook is switched off by the site's policy; nothing was changed. See: martlet central catalog enablement."
        case .attempts: "As many attempts as are allowed for this incident have failed; nothing more was changed. A person must act."
        case .flapping: "The drift keeps coming back; nothing was changed. A person must find what undoes the repair."
        case .daily:
            "The drift was repaired as often as is allowed in a day; nothing was changed. A person must find what undoes the repair."
        case .approval: "The plan needs the approval of a second person; nothing was changed. See: martlet central approvals."
        case .clockOffset: "The appliance's clock is too far off for disruptive work; nothing was changed. It is judged again."
        case .clockUnknown: "No time source could be reached, so disruptive work waits; nothing was changed. It is judged again."
        case .windowMissing: "Disruptive work needs a maintenance window and the site has none; nothing was changed. Configure one."
        case .outsideWindow: "Outside the maintenance window; nothing was changed. It will run when the window opens."
        case .cooldown: "Too soon after the last attempt; nothing was changed. It is judged again."
        case .hostBusy: "Another runbook runs on the host; nothing was changed. It is judged again."
        case .blastRadius: "As many hosts as may be changed at once are being changed; nothing was changed. It is judged again."
        case .budget: "The site's budget of actions for this hour is used up; nothing was changed. It is judged again."
        case .dryRun: "Dry run: this would have been done; nothing was changed."
        }
    }
}
