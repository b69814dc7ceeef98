package import Model

/// What happened to a learned rule.
package enum PatternEvent: Hashable, Sendable {
    /// It would have fired; this is what came of the incident without it.
    case compared(ShadowComparison, BundleID)
    /// It fired, at that version: the re-check passed and held, or not.
    case fired(version: Int, site: SiteID, held: Bool, BundleID)
    case approved(by: String)
    case revoked(by: String)
    /// Back from `revoked`, or from the last `demoted`, to the very beginning.
    case reinstated(by: String)
    /// The catalog has no such runbook any more, or the rule no longer passes its lint.
    case lost(Code)
    /// An appliance's own lint left that version out.
    case refused(version: Int, by: ApplianceID, at: SiteID, under: LintBasis, Code, BundleID)
    /// The appliance judges by that now.
    case heard(from: ApplianceID, under: LintBasis, BundleID)
    /// The appliance was revoked.
    case gone(ApplianceID)
    /// Time has passed.
    case tick
}

extension ShadowComparison {
    /// What an attempt, or what came without one, says of a rule that would have answered the incident.
    package init(_ occurrence: Occurrence, against rule: LearnedRule) {
        let isSame = occurrence.treatment.map { $0.remedy == rule.key.remedy && $0.parameters == rule.parameters } ?? false
        self =
            switch occurrence.ending {
            case .recoveredAlone: .recoveredAlone
            case .untreated: .untreated
            case .held: isSame ? .sameHeld : .otherHeld
            case .recurred, .failed: isSame ? .sameFailed : .otherFailed
            }
    }
}

/// What was done where a rule in shadow would have fired.
package enum ShadowComparison: String, Hashable, Sendable, CaseIterable {
    /// The same runbook with the same parameters, and it held.
    case sameHeld
    case sameFailed
    /// Another remedy held: the rule might have, and was not needed.
    case otherHeld
    case otherFailed
    /// The drift was gone before anything was done.
    case recoveredAlone
    /// Nothing was done.
    case untreated

    /// Whether it speaks for the rule; nil where it says nothing.
    var supports: Bool? {
        switch self {
        case .sameHeld: true
        case .sameFailed, .otherHeld, .recoveredAlone: false
        case .otherFailed, .untreated: nil
        }
    }
}

/// One learned rule's life, as a state machine without a clock or a store. `PartnerPortfolio` holds many and their common limits.
package struct LearnedPattern: Hashable, Sendable {
    package let partner: PartnerID
    package let key: PatternKey
    package internal(set) var rule: LearnedRule
    package internal(set) var stage: Stage
    package internal(set) var version = 1
    /// Demotions since the beginning, or since a person reinstated it.
    package internal(set) var rounds = 0
    package internal(set) var since: Timestamp
    /// In canary only.
    package internal(set) var sites: [SiteID] = []
    /// The next stage, earned and waiting for a person or for room.
    package internal(set) var awaiting: Stage?
    /// One for each appliance that refused this version.
    package internal(set) var refusals: [RuleRefusal] = []
    package internal(set) var successes = 0
    package internal(set) var failures = 0
    /// Of the newest change of stage.
    package internal(set) var number = 0
    var bundles: [BundleID] = []
    /// Newest firings, the newest in bit 0; set where it held.
    var recent: UInt64 = 0
    var recentCount = 0
    var failuresInARow = 0
    /// What the statistics had counted up to this position when it began anew counts for it no more.
    package internal(set) var forgotten: Int64 = 0

    /// A candidate that has passed the gate and has a rule.
    init(_ rule: LearnedRule, partner: PartnerID, at now: Timestamp) {
        self.partner = partner
        self.rule = rule
        key = rule.key
        stage = .candidate
        since = now
    }

    /// From candidate to shadow: the only way into it.
    mutating func enterShadow(
        _ rule: LearnedRule, on figures: PromotionFigures, _ evidence: [BundleID], by actor: String, at now: Timestamp
    ) -> StageChange {
        precondition(stage == .candidate && figures.isReady, "a pattern that did not pass the gate")
        precondition(figures.key == key && rule.key == key, "figures or a rule of another pattern")
        self.rule = rule
        (successes, failures, bundles) = (figures.successes, figures.attempts - figures.successes, evidence)
        return move(to: .shadow, "promotion.gate_passed", by: actor, at: now)
    }

    /// Takes an event. Late reports of another version or stage change nothing.
    ///
    /// - Returns: the change of stage that follows, but for the two that need room: for those `awaiting` is set.
    mutating func take(_ event: PatternEvent, _ policy: LearningPolicy, at now: Timestamp) throws(PromotionRefusal) -> StageChange? {
        let figures = policy.figures
        switch event {
        case .compared(let comparison, let bundle):
            guard stage == .shadow, awaiting == nil, let supports = comparison.supports else { return nil }
            count(supports, bundle)
            return judge(figures.shadowFirings, limit: figures.shadowLimit, next: .canary, at: now)
        case .fired(let version, let site, let held, let bundle):
            guard version == self.version, stage == .active || (stage == .canary && sites.contains(site)) else { return nil }
            count(held, bundle)
            return stage == .canary ? judgeCanary(held, figures, at: now) : judgeActive(held, figures, at: now)
        case .approved:
            guard awaiting != nil else { throw .nothingToApprove(stage) }
            return nil
        case .revoked(let person):
            guard stage != .revoked else { throw .alreadyRevoked }
            return move(to: .revoked, "promotion.revoked", by: person, at: now)
        case .reinstated(let person):
            guard stage == .revoked || (stage == .demoted && rounds >= figures.roundsMax) else { throw .nothingToReinstate(stage) }
            rounds = 0
            return restart("promotion.reinstated", by: person, at: now)
        case .lost(let code):
            guard stage == .shadow || stage.runs else { return nil }
            return demote(code, at: now)
        case .refused(let version, let appliance, let site, let basis, let code, let bundle):
            guard version == self.version, stage == .shadow || stage.runs else { return nil }
            // What is on trial there fails there.
            if stage == .canary, sites.contains(site) { return demote(code, at: now) }
            return refuse(appliance, site, basis, code, bundle, at: now)
        case .heard(let appliance, let basis, let bundle):
            guard reconsiders(appliance, under: basis) else { return nil }
            return takeUp(appliance, [bundle], at: now)
        case .gone(let appliance): return takeUp(appliance, [], at: now)
        case .tick:
            if stage == .demoted, rounds < figures.roundsMax, now - since >= .seconds(figures.retryDays * 86_400) {
                return restart("promotion.retry", by: "policy", at: now)
            }
            if stage == .shadow || stage == .canary, now - since >= .seconds(figures.stageDaysMax * 86_400) {
                return demote("promotion.stale", at: now)
            }
            return nil
        }
    }

    // MARK: Sites

    package var refusedSites: [SiteID] { Set(refusals.filter(\.stands).map(\.site)).sorted() }

    package func isRefused(at site: SiteID) -> Bool { refusals.contains { $0.stands && $0.site == site } }

    /// Whether an appliance that refused it may have another answer now.
    package func reconsiders(_ appliance: ApplianceID, under basis: LintBasis) -> Bool {
        refusals.contains {
            $0.stands && $0.appliance == appliance && $0.count < RuleRefusal.countMax && basis.isNewer(than: $0.basis)
        }
    }

    /// - Returns: what to state where the site is told the rule no more; nil where it was not told before.
    private mutating func refuse(
        _ appliance: ApplianceID, _ site: SiteID, _ basis: LintBasis, _ code: Code, _ bundle: BundleID, at now: Timestamp
    ) -> StageChange? {
        let wasTold = !isRefused(at: site)
        if let index = refusals.firstIndex(where: { $0.appliance == appliance }) {
            if !refusals[index].stands { refusals[index].count = min(refusals[index].count + 1, RuleRefusal.countMax) }
            (refusals[index].basis, refusals[index].stands) = (basis, true)
        } else {
            refusals.append(RuleRefusal(appliance: appliance, site: site, basis: basis))
        }
        return wasTold ? state(code, of: site, [bundle], at: now) : nil
    }

    private mutating func takeUp(_ appliance: ApplianceID, _ bundles: [BundleID], at now: Timestamp) -> StageChange? {
        guard let index = refusals.firstIndex(where: { $0.appliance == appliance && $0.stands }) else { return nil }
        refusals[index].stands = false
        let site = refusals[index].site
        guard stage == .shadow || stage.runs, !isRefused(at: site) else { return nil }
        return state("promotion.site_returned", of: site, bundles, at: now)
    }

    /// Something about one site; the stage and its counts stay.
    private mutating func state(_ reason: Code, of site: SiteID, _ bundles: [BundleID], at now: Timestamp) -> StageChange {
        number += 1
        return StageChange(
            partner: partner, key: key, number: number, version: version, from: stage, to: stage, at: now, by: "policy", reason: reason,
            successes: successes, failures: failures, bundles: bundles, sites: sites, rule: rule.digest, site: site)
    }

    /// Into the stage that was earned. `PartnerPortfolio` has looked whether there is room.
    mutating func advance(to sites: [SiteID], by approver: String, at now: Timestamp) -> StageChange {
        guard let next = awaiting else { preconditionFailure("a stage that was not earned") }
        precondition(next == .active || !sites.isEmpty, "a canary without a site")
        return move(to: next, next == .canary ? "promotion.shadow_passed" : "promotion.canary_passed", by: approver, to: sites, at: now)
    }

    /// Once, at `firings`: looking again after each further one would let chance pass in the end.
    private mutating func judge(_ firings: Int, limit: Int, next: Stage, at now: Timestamp) -> StageChange? {
        guard awaiting == nil, successes + failures >= firings else { return nil }
        guard WilsonInterval(successes: successes, of: successes + failures).lower > Double(limit) / 1_000 else {
            return demote(stage == .shadow ? "promotion.shadow_failed" : "promotion.canary_failed", at: now)
        }
        awaiting = next
        return nil
    }

    private mutating func judgeCanary(_ held: Bool, _ figures: LearningPolicy.Figures, at now: Timestamp) -> StageChange? {
        if failures > figures.canaryFailuresMax { return demote("promotion.canary_failed", at: now) }
        return judge(figures.canaryFirings, limit: figures.canaryLimit, next: .active, at: now)
    }

    private mutating func judgeActive(_ held: Bool, _ figures: LearningPolicy.Figures, at now: Timestamp) -> StageChange? {
        recent = recent << 1 | (held ? 1 : 0)
        recentCount = min(recentCount + 1, figures.activeWindow)
        failuresInARow = held ? 0 : failuresInARow + 1
        if failuresInARow >= figures.failuresInARowMax { return demote("promotion.failures_in_a_row", at: now) }
        // Of one firing that failed the bound is below 80 % already: half a window at least.
        guard recentCount * 2 >= figures.activeWindow else { return nil }
        let mask: UInt64 = recentCount == 64 ? .max : (1 << UInt64(recentCount)) - 1
        let upper = WilsonInterval(successes: (recent & mask).nonzeroBitCount, of: recentCount).upper
        return upper < Double(figures.activeLimit) / 1_000 ? demote("promotion.active_failed", at: now) : nil
    }

    private mutating func count(_ isSuccess: Bool, _ bundle: BundleID) {
        if isSuccess { successes += 1 } else { failures += 1 }
        // An active rule may fire for years.
        if bundles.count == StageChange.bundlesMax { bundles.removeFirst() }
        bundles.append(bundle)
    }

    private mutating func demote(_ reason: Code, at now: Timestamp) -> StageChange {
        rounds += 1
        return move(to: .demoted, reason, by: "policy", at: now)
    }

    private mutating func restart(_ reason: Code, by actor: String, at now: Timestamp) -> StageChange {
        version += 1
        refusals = []
        return move(to: .candidate, reason, by: actor, at: now)
    }

    private mutating func move(
        to next: Stage, _ reason: Code, by actor: String, to sites: [SiteID] = [], at now: Timestamp
    ) -> StageChange {
        number += 1
        let change = StageChange(
            partner: partner, key: key, number: number, version: version, from: stage, to: next, at: now, by: actor, reason: reason,
            successes: successes, failures: failures, bundles: bundles, sites: next == .canary ? sites : [], rule: rule.digest)
        (stage, since, awaiting) = (next, now, nil)
        self.sites = change.sites
        (successes, failures, bundles) = (0, 0, [])
        (recent, recentCount, failuresInARow) = (0, 0, 0)
        return change
    }
}

/// Why a person's wish concerning a learned rule was not followed. Nothing has changed.
package enum PromotionRefusal: Error, Hashable, Sendable {
    case unknownPattern(PatternKey)
    case nothingToApprove(Stage)
    case alreadyRevoked
    case nothingToReinstate(Stage)
    case notReady([Code])
    case isInStage(Stage)
    case noRoom(Stage)
    case patternTaken
    case noSite
    case switchedOff

    package var code: Code {
        switch self {
        case .unknownPattern: "promotion.unknown_pattern"
        case .nothingToApprove: "promotion.nothing_to_approve"
        case .alreadyRevoked: "promotion.already_revoked"
        case .nothingToReinstate: "promotion.nothing_to_reinstate"
        case .notReady: "promotion.not_ready"
        case .isInStage: "promotion.is_in_stage"
        case .noRoom: "promotion.no_room"
        case .patternTaken: "promotion.pattern_taken"
        case .noSite: "promotion.no_site"
        case .switchedOff: "promotion.switched_off"
        }
    }

    package var message: String {
        switch self {
        case .unknownPattern(let key): "pattern \(key.signature) has no learned rule with that runbook here; nothing was changed."
        case .nothingToApprove(let stage): "nothing was approved: the rule is in stage \(stage.rawValue) and has not earned the next yet."
        case .alreadyRevoked: "nothing was changed: the rule is revoked already."
        case .nothingToReinstate(let stage):
            "nothing was reinstated: the rule is in stage \(stage.rawValue), and only what is revoked or out of rounds needs it."
        case .notReady(let codes): "not promoted: \(codes.map(\.description).joined(separator: ", "))."
        case .isInStage(let stage): "not promoted: the rule is in stage \(stage.rawValue) already."
        case .noRoom(let stage): "not promoted: as many rules are in stage \(stage.rawValue) as the policy allows; demote one or raise it."
        case .patternTaken: "not promoted: another runbook runs for the same pattern; revoke that one first."
        case .noSite: "not promoted: the partner has no site to try it at."
        case .switchedOff: "not promoted: the policy has learning switched off."
        }
    }
}
