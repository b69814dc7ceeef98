import Catalog
import Learning
import Model
import Seal

/// What Central would do with the evidence of the simulated sites: settle, count, promote, and hand out rules. All sites are one
/// partner's, and its policy promotes without asking a person.
struct LearningDesk {
    /// A rule that some site carries.
    struct Carried {
        let key: PatternKey
        let version: Int
    }

    /// What a bundle would say besides the occurrence.
    private struct Firing {
        let site: SiteID
        /// Of a learned rule that fired.
        let rule: Carried?
    }

    private let catalog: CompiledCatalog
    private let pack: [UInt8]
    private let schema: CatalogSchema
    private var portfolio: PartnerPortfolio
    private var watch: HoldWatch
    private var position: Int64 = 0
    private var firings: [BundleID: Firing] = [:]
    private var patterns: [PatternSignature: IncidentPattern] = [:]
    /// Of admitted rules, as boxes read them.
    private var definitions: [RuleID: RuleDefinition] = [:]
    private(set) var promotions = 0
    private(set) var demotions = 0

    /// - Parameter catalog: without the rules that L2 has to find.
    init(_ catalog: CompiledCatalog, schema: CatalogSchema, sites: [SiteID]) throws {
        var figures = LearningPolicy.Figures()
        figures.canaryApproval = .automatic
        figures.activeApproval = .automatic
        let policy = try LearningPolicy(figures)
        pack = try CatalogPack.encode(catalog, schema: schema)
        self.schema = schema
        // Digests of runbooks as a box has them, from the pack.
        self.catalog = try CatalogPack.decode(pack, schema: nil)
        portfolio = PartnerPortfolio("laboratory", policy: policy, sites: sites)
        watch = HoldWatch(period: .seconds(Int64(figures.holdSeconds)))
    }

    /// The same runbook digests as `rules` are made with.
    var runbookDigests: [RunbookID: Digest] { catalog.runbookDigests }

    mutating func drifted(_ pattern: IncidentPattern, on host: HostKey, at now: Timestamp) {
        patterns[pattern.signature] = pattern
        if let before = watch.drifted(pattern.signature, on: host, at: now) { settle(before, at: now) }
    }

    mutating func take(_ occurrence: Occurrence, at site: SiteID, by rule: Carried?, now: Timestamp) {
        // A failure is known at once, a success a day later: those that are due come first, or failures would seem to follow one another.
        for settled in watch.settle(at: now) { settle(settled, at: now) }
        firings[occurrence.evidence] = Firing(site: site, rule: rule)
        if let settled = watch.take(occurrence) { settle(settled, at: now) }
    }

    /// Once a day.
    mutating func turn(at now: Timestamp) {
        for occurrence in watch.settle(at: now) { settle(occurrence, at: now) }
        count(portfolio.tick(at: now))
        for key in portfolio.ready {
            guard let pattern = patterns[key.signature], let remedy = portfolio.statistics[key],
                let rule = try? LearnedRule(pattern, remedy, in: catalog, pack: pack), let change = try? portfolio.admit(rule, at: now)
            else { continue }
            definitions[rule.id] = read(rule, at: now)
            count([change])
        }
    }

    /// Those that a site's box carries now.
    func rules(at site: SiteID) -> [(definition: RuleDefinition, carried: Carried)] {
        portfolio.told(to: site).filter(\.stage.runs).compactMap { pattern in
            definitions[pattern.rule.id].map { ($0, Carried(key: pattern.key, version: pattern.version)) }
        }
    }

    /// As a box does: out of a site policy, against its own pack.
    private func read(_ rule: LearnedRule, at now: Timestamp) -> RuleDefinition? {
        guard let site = portfolio.sites.first else { return nil }
        // Whose it is says nothing about what is read.
        var random = SystemRandomNumberGenerator()
        let learned = SitePolicy.Learned(
            pattern: rule.key.signature.digest, version: 1, stage: .active, ruleID: rule.id, rule: rule.json)
        let policy = SitePolicy(
            version: 1, site: site, appliance: ApplianceID(at: now, random: &random), issued: now, learned: [learned])
        return FittedPolicy(policy, over: catalog, schema: schema, takesLearned: true).acting.first?.definition
    }

    var active: Int { portfolio.patterns.values.count { $0.stage == .active } }

    private mutating func settle(_ occurrence: Occurrence, at now: Timestamp) {
        guard let firing = firings.removeValue(forKey: occurrence.evidence), let treatment = occurrence.treatment else { return }
        let held = occurrence.ending == .held
        let shadows = portfolio.patterns.values.filter { $0.key.signature == occurrence.pattern && $0.stage == .shadow }
        for key in shadows.map(\.key).sorted() {
            let isSame = treatment.remedy == key.remedy
            let comparison: ShadowComparison = isSame ? (held ? .sameHeld : .sameFailed) : (held ? .otherHeld : .otherFailed)
            take(.compared(comparison, occurrence.evidence), of: key, at: now)
        }
        if let rule = firing.rule {
            take(.fired(version: rule.version, site: firing.site, held: held, occurrence.evidence), of: rule.key, at: now)
        }
        position += 1
        portfolio.add(occurrence, at: position)
    }

    private mutating func take(_ event: PatternEvent, of key: PatternKey, at now: Timestamp) {
        // Refusals are for what persons wish; nobody wishes here.
        if let changes = try? portfolio.take(event, of: key, at: now) { count(changes) }
    }

    private mutating func count(_ changes: [StageChange]) {
        for change in changes {
            if change.to == .active { promotions += 1 }
            if change.to == .demoted { demotions += 1 }
        }
    }
}
