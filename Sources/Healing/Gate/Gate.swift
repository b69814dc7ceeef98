package import Catalog
package import Model
package import Seal

/// The one place where guardrails are enforced: a pure function, so that any judgement can be repeated from the evidence.
///
/// `docs/healing.md` lists each rule with its number. The order below is part of the contract: what makes acting wrong
/// comes first, then what hands the matter to a person, then what only makes it wait, and the dry run last, so that it
/// says "would have been done" only of what would have been.
package enum Gate {
    /// How long a plan waits that is only in somebody's way.
    package static let busyWait: Duration = .seconds(30)
    /// The clock is compared every five minutes.
    package static let clockWait: Duration = .seconds(300)
    package static let budgetSpan: Duration = .seconds(3_600)

    /// - Parameter authority: the verified order that the plan was made from. Tier L3 without one is refused.
    package static func judge(
        _ plan: Plan, runbook: RunbookDefinition, authority: AuthenticatedOrder?, policy: HealingPolicy,
        circumstances: Circumstances, now: Timestamp
    ) -> Admission {
        if let code = reasonNotToAct(plan, runbook, authority, policy, circumstances) { return .refused(code.code) }
        // A person who orders has already been handed the matter.
        if plan.tier != .l3, let code = reasonForAPerson(policy, circumstances, now) { return .refused(code.code) }
        let isDisruptive = plan.isDisruptive || runbook.isDisruptive || runbook.needsReboot
        // What a model chose to disturb, a person sees first, whatever the site's mode.
        let asksFirst = policy.needsApprovalForDisruptive || plan.tier == .l2
        if runbook.needsApproval || (isDisruptive && asksFirst), !isApproved(plan, authority, circumstances, now) {
            return .needsApproval(GateCode.approval.code)
        }
        if isDisruptive || runbook.needsWindow {
            if let admission = judgeTime(runbook, policy, circumstances, now) { return admission }
        }
        if let admission = judgeLoad(plan, policy, circumstances, now) { return admission }
        return policy.mode == .dryRun ? .refused(GateCode.dryRun.code) : .admitted
    }

    private static func reasonNotToAct(
        _ plan: Plan, _ runbook: RunbookDefinition, _ authority: AuthenticatedOrder?, _ policy: HealingPolicy, _ seen: Circumstances
    ) -> GateCode? {
        if !seen.evidenceIsDurable { return .evidenceUnavailable }
        if !seen.keysAreSafe { return .keysExposed }
        if plan.tier == .l3 || plan.order != nil {
            guard let authority else { return .orderUnauthenticated }
            guard isAsked(plan, by: authority.order) else { return .orderMismatch }
        }
        if plan.runbook != runbook.id || plan.runbookDigest != seen.runbookDigest { return .runbookChanged }
        if runbook.misfit(for: plan.check, on: seen.platforms, with: plan.parameters) != nil { return .runbookUnfit }
        if policy.clinicalHosts.contains(plan.host) { return .clinicalDevice }
        if seen.isPausedLocally { return .pausedLocally }
        if policy.mode == .off { return .healingOff }
        if seen.isCheckDisabled { return .checkDisabled }
        if seen.isRunbookDisabled { return .runbookDisabled }
        if seen.isPaused, plan.tier != .l3 { return .paused }
        return nil
    }

    /// Exactly what was signed, or less: an order for every host may become a plan for one.
    private static func isAsked(_ plan: Plan, by order: Order) -> Bool {
        order.kind == .runbook && order.id == plan.order && order.runbook == plan.runbook && order.check == plan.check
            && (order.host == nil || order.host == plan.host) && order.parameters == plan.parameters
    }

    private static func reasonForAPerson(_ policy: HealingPolicy, _ seen: Circumstances, _ now: Timestamp) -> GateCode? {
        if seen.history.attempts >= min(policy.attemptsMax, seen.ruleAttemptsMax ?? .max) { return .attempts }
        let recent = seen.history.openings.count { $0 > now - policy.flapSpan }
        if recent > policy.flapOpeningsMax { return .flapping }
        let repairs = seen.history.repairs.count { $0 > now - policy.daySpan }
        return repairs >= policy.repairsPerDayMax ? .daily : nil
    }

    /// An approval counts for this very plan, in its time, and from somebody else than the one who asked. What an order says of
    /// an approver is only a text, and never counts.
    private static func isApproved(
        _ plan: Plan, _ authority: AuthenticatedOrder?, _ seen: Circumstances, _ now: Timestamp
    ) -> Bool {
        guard let given = seen.approval, given.approval.plan == seen.planDigest, now < given.approval.expires else { return false }
        let asking = [authority?.order.requester, PersonName.behind(plan.proposer)].compactMap(\.self)
        return !asking.contains { PersonName.mayBeSame($0, given.approver.name) }
    }

    /// Disruptive work, and what needs the window in any case: a clock that can be trusted, and the window.
    private static func judgeTime(
        _ runbook: RunbookDefinition, _ policy: HealingPolicy, _ seen: Circumstances, _ now: Timestamp
    ) -> Admission? {
        if let offset = seen.clock.offsetMilliseconds {
            if offset.magnitude > UInt64(max(policy.clockOffsetMillisecondsMax, 0)) {
                return .deferred(until: now + clockWait, GateCode.clockOffset.code)
            }
        } else if policy.unknownClock == .defer {
            return .deferred(until: now + clockWait, GateCode.clockUnknown.code)
        }
        if policy.allowsDisruptiveOutsideWindow, !runbook.needsWindow { return nil }
        guard let window = policy.window else { return .refused(GateCode.windowMissing.code) }
        return window.contains(now) ? nil : .deferred(until: window.nextStart(after: now), GateCode.outsideWindow.code)
    }

    /// Times in the future come from a clock that was put back; they count as now, so that nothing waits for years.
    private static func judgeLoad(_ plan: Plan, _ policy: HealingPolicy, _ seen: Circumstances, _ now: Timestamp) -> Admission? {
        let history = seen.history
        if plan.tier != .l3, let last = history.lastAttempt {
            let end = min(last, now) + max(policy.cooldown, seen.ruleCooldown ?? .zero)
            if now < end { return .deferred(until: end, GateCode.cooldown.code) }
        }
        if history.running.contains(plan.host) { return .deferred(until: now + busyWait, GateCode.hostBusy.code) }
        let atOnceMax = max(1, history.hostCount * policy.hostsAtOncePercentMax / 100)
        if history.running.count >= atOnceMax { return .deferred(until: now + busyWait, GateCode.blastRadius.code) }
        let recent = history.actions.map { min($0, now) }.filter { $0 > now - budgetSpan }.sorted()
        if recent.count >= policy.actionsPerHourMax {
            // Room is made when so many have left the hour that one less than the budget remains.
            let leaving = recent.count - policy.actionsPerHourMax
            let until = recent.isEmpty ? now + budgetSpan : recent[min(leaving, recent.count - 1)] + budgetSpan
            return .deferred(until: until, GateCode.budget.code)
        }
        return nil
    }
}
