package import Model

/// Why `martlet-hands` did not do what it was asked; nothing was changed.
package enum HandsRefusal: Error, Hashable, Sendable {
    /// The caller is not the user that may ask.
    case peer(user: UInt32)
    case tooLarge(bytes: Int)
    /// The request did not arrive in time.
    case timedOut
    case malformed(String)
    /// Another request was still at work when the waiting was over.
    case busy
    case catalogMissing
    /// The request speaks of another catalog than the one held here.
    case catalogDiffers(here: Digest)
    /// With the code of the pack's own refusal.
    case catalogRefused(String)
    case unknownBaseline(String)
    case unknownCheck(CheckID)
    case wrongHost(HostID)
    case unknownRunbook(RunbookID)
    case runbookChanged(RunbookID)
    case wrongCheck(CheckID)
    case wrongPlatform(RunbookID)
    /// Name of the parameter, and what is wrong with it.
    case parameter(String, String)
    /// The step is not what the runbook's definition makes of the plan's parameters.
    case stepDiffers(Int)
    /// Steps come one after the other, each captured before it is applied.
    case stepOutOfOrder(Int)
    /// That plan is changing this machine, and has not come to its end.
    case otherPlan(PlanID)
    /// What was captured is not of this step and plan, was changed, or was not made here.
    case capturedForged
    case capturedTooOld
    case paused(String)
    case clinical

    /// Stable across releases.
    package var code: Code {
        switch self {
        case .peer: "hands.peer_refused"
        case .tooLarge: "hands.too_large"
        case .timedOut: "hands.timed_out"
        case .malformed: "hands.malformed"
        case .busy: "hands.busy"
        case .catalogMissing: "hands.catalog_missing"
        case .catalogDiffers: "hands.catalog_differs"
        case .catalogRefused: "hands.catalog_refused"
        case .unknownBaseline: "hands.unknown_baseline"
        case .unknownCheck: "hands.unknown_check"
        case .wrongHost: "hands.wrong_host"
        case .unknownRunbook: "hands.unknown_runbook"
        case .runbookChanged: "hands.runbook_changed"
        case .wrongCheck: "hands.wrong_check"
        case .wrongPlatform: "hands.wrong_platform"
        case .parameter: "hands.parameter_refused"
        case .stepDiffers: "hands.step_differs"
        case .stepOutOfOrder: "hands.step_out_of_order"
        case .otherPlan: "hands.other_plan"
        case .capturedForged: "hands.captured_forged"
        case .capturedTooOld: "hands.captured_too_old"
        case .paused: "hands.paused"
        case .clinical: "hands.clinical"
        }
    }

    /// What happened, what was not done, what to do.
    package var message: String {
        switch self {
        case .peer(let user): "user \(user) may not ask martlet-hands; nothing was read. Set `user` in its configuration."
        case .tooLarge(let bytes): "a request of \(bytes) bytes, at most \(HandsProtocol.frameBytesMax) are taken; nothing was read."
        case .timedOut: "the request did not arrive within \(HandsProtocol.frameDeadline); nothing was done."
        case .malformed(let why): "the request is not one (\(why)); nothing was done. Use the same release of both programs."
        case .busy: "another request was still at work after \(HandsProtocol.queueMax); nothing was done. Ask again later."
        case .catalogMissing: "no catalog was handed over yet; nothing was done."
        case .catalogDiffers(let here): "the request speaks of another catalog than \(here); nothing was done. Hand over the pack."
        case .catalogRefused(let code): "the catalog pack was refused (\(code)); the one before stays. Compare the catalog keys."
        case .unknownBaseline(let name): "baseline \"\(name)\" is not in the catalog, or not this machine's; nothing was done."
        case .unknownCheck(let check): "check \(check) is not in the catalog; nothing was looked at."
        case .wrongHost(let host): "host \(host) is not this machine; nothing was done. Compare `host` in both configurations."
        case .unknownRunbook(let runbook): "runbook \(runbook) is not in the catalog; nothing was done."
        case .runbookChanged(let runbook): "runbook \(runbook) is not what the plan was made for; nothing was done."
        case .wrongCheck(let check): "the plan's runbook does not repair check \(check); nothing was done."
        case .wrongPlatform(let runbook): "runbook \(runbook) is not for this kind of machine; nothing was done."
        case .parameter(let name, let why): "parameter \(name) \(why); nothing was done."
        case .stepDiffers(let number): "step \(number + 1) is not the runbook's; nothing was done."
        case .stepOutOfOrder(let number): "step \(number + 1) is not the next one of a plan at work here; nothing was done."
        case .otherPlan(let plan): "plan \(plan) is at work on this machine; nothing was done. Ask again when it has come to its end."
        case .capturedForged: "what was captured is not of this step, or was changed; nothing was put back."
        case .capturedTooOld: "what was captured is older than \(CaptureSeal.ageMax); nothing was put back. A person must look."
        case .paused(let path): "\(path) exists, so nothing is changed on this machine; remove it to go on."
        case .clinical: "this machine is marked clinical in martlet-hands' own configuration; nothing is ever changed."
        }
    }
}
