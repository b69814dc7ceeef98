package import Model
import Seal

/// All that one partner has learned: statistics, learned rules, and the limits that they share. A value: the same events give the same
/// portfolio, so a store need keep no more than the events.
package struct PartnerPortfolio: Sendable {
    /// Rules in shadow at once: appliances ask each of them at each incident.
    package static let shadowsMax = 50

    package let partner: PartnerID
    package var policy: LearningPolicy
    /// Where canaries may be tried.
    package var sites: [SiteID]
    package private(set) var statistics = PatternStatistics()
    package private(set) var patterns: [PatternKey: LearnedPattern] = [:]

    package init(_ partner: PartnerID, policy: LearningPolicy, sites: [SiteID]) {
        self.partner = partner
        self.policy = policy
        self.sites = sites
    }

    /// As it was when it was kept.
    ///
    /// - Parameter occurrences: all that were added, each with its position, in that order.
    package init(
        _ partner: PartnerID, policy: LearningPolicy, sites: [SiteID], patterns: [LearnedPattern],
        occurrences: [(position: Int64, occurrence: Occurrence)]
    ) {
        self.init(partner, policy: policy, sites: sites)
        self.patterns = Dictionary(patterns.map { ($0.key, $0) }, uniquingKeysWith: { $1 })
        var forgotten = patterns.filter { $0.forgotten > 0 }.sorted { $0.forgotten > $1.forgotten }
        func forget(upTo position: Int64) {
            while let pattern = forgotten.last, pattern.forgotten <= position {
                statistics.forget(pattern.key)
                forgotten.removeLast()
            }
        }
        for (position, occurrence) in occurrences {
            forget(upTo: position - 1)
            statistics.add(occurrence, at: position)
        }
        forget(upTo: .max)
    }

    @discardableResult
    package mutating func add(_ occurrence: Occurrence, at position: Int64) -> Bool { statistics.add(occurrence, at: position) }

    /// Candidates that pass the gate and wait for their rule to be made, in a fixed order.
    package var ready: [PatternKey] {
        guard policy.figures.isOn else { return [] }
        return statistics.judge(policy).filter { $0.isReady && (patterns[$0.key]?.stage ?? .candidate) == .candidate }.map(\.key).sorted()
    }

    package func figures(of key: PatternKey) -> PromotionFigures? {
        guard let entry = statistics[key.signature], let remedy = statistics[key] else { return nil }
        return PromotionFigures(entry, remedy, policy)
    }

    /// Puts a candidate into shadow. That it has a rule which passes the catalog's lint, `LearnedRule` vouches for.
    package mutating func admit(
        _ rule: LearnedRule, by actor: String = "policy", at now: Timestamp
    ) throws(PromotionRefusal) -> StageChange {
        guard policy.figures.isOn else { throw .switchedOff }
        guard let figures = figures(of: rule.key), let remedy = statistics[rule.key] else { throw .unknownPattern(rule.key) }
        var pattern = patterns[rule.key] ?? LearnedPattern(rule, partner: partner, at: now)
        guard pattern.stage == .candidate else { throw .isInStage(pattern.stage) }
        guard figures.isReady else { throw .notReady(figures.lacks.codes) }
        // Made before the newest success came in.
        guard remedy.varying.isEmpty, remedy.parameters == rule.parameters else { throw .notReady(["learned.parameters_vary"]) }
        guard patterns.values.count(where: { $0.stage == .shadow }) < Self.shadowsMax else { throw .noRoom(.shadow) }
        let change = pattern.enterShadow(rule, on: figures, remedy.evidence, by: actor, at: now)
        patterns[rule.key] = pattern
        return change
    }

    /// Takes an event, and what the policy does by itself after it.
    ///
    /// - Throws: where a person's wish cannot be followed; nothing has changed then.
    package mutating func take(_ event: PatternEvent, of key: PatternKey, at now: Timestamp) throws(PromotionRefusal) -> [StageChange] {
        guard var pattern = patterns[key] else { throw .unknownPattern(key) }
        var changes: [StageChange] = []
        if let change = try pattern.take(event, policy, at: now) {
            changes.append(change)
            // A success of before the failure must not promote it again.
            if change.to == .candidate {
                statistics.forget(key)
                pattern.forgotten = statistics.position
            }
        }
        if let next = pattern.awaiting {
            let approval = next == .canary ? policy.figures.canaryApproval : policy.figures.activeApproval
            if case .approved(let person) = event {
                changes.append(try advance(&pattern, to: next, by: person, at: now))
            } else if approval == .automatic, let change = try? advance(&pattern, to: next, by: "policy", at: now) {
                // Where there is no room it waits; each event, and at least each tick, tries again.
                changes.append(change)
            }
        }
        // With nobody left to take it, it is a rule no more.
        if pattern.stage == .shadow || pattern.stage.runs, !sites.isEmpty, sites.allSatisfy({ pattern.isRefused(at: $0) }),
            let change = try pattern.take(.lost("policy.learned_refused"), policy, at: now)
        {
            changes.append(change)
        }
        patterns[key] = pattern
        return changes
    }

    /// Lets time pass for all, in a fixed order.
    package mutating func tick(at now: Timestamp) -> [StageChange] {
        // A tick is no wish of a person: it is never refused.
        patterns.keys.sorted().flatMap { (try? take(.tick, of: $0, at: now)) ?? [] }
    }

    private func advance(
        _ pattern: inout LearnedPattern, to next: Stage, by approver: String, at now: Timestamp
    ) throws(PromotionRefusal) -> StageChange {
        guard policy.figures.isOn else { throw .switchedOff }
        let others = patterns.values.filter { $0.key != pattern.key }
        if others.contains(where: { $0.stage.runs && $0.key.signature == pattern.key.signature }) { throw .patternTaken }
        let room = next == .canary ? policy.figures.canariesMax : policy.figures.activeMax
        guard others.count(where: { $0.stage == next }) < room else { throw .noRoom(next) }
        let chosen = next == .canary ? canarySites(for: pattern) : []
        if next == .canary && chosen.isEmpty { throw .noSite }
        return pattern.advance(to: chosen, by: approver, at: now)
    }

    /// The same for a pattern and version wherever it is asked, and others for others: no site is everybody's canary.
    private func canarySites(for pattern: LearnedPattern) -> [SiteID] {
        let ranked = Set(sites).filter { !pattern.isRefused(at: $0) }.map { site in
            (rank: Digest(of: Array("\(pattern.key.signature) \(pattern.version) \(site)".utf8)).bytes, site: site)
        }
        return ranked.sorted { $0.rank.lexicographicallyPrecedes($1.rank) }.prefix(policy.figures.canarySitesMax).map(\.site).sorted()
    }

    /// What a site's appliances are told of: what runs there, and what looks on. The first is the most important.
    package func told(to site: SiteID) -> [LearnedPattern] {
        guard sites.contains(site) else { return [] }
        return patterns.values.filter { !$0.isRefused(at: site) }
            .filter { $0.stage == .active || $0.stage == .shadow || ($0.stage == .canary && $0.sites.contains(site)) }
            .sorted { ($0.stage == .shadow ? 1 : 0, $0.key) < ($1.stage == .shadow ? 1 : 0, $1.key) }
    }
}
