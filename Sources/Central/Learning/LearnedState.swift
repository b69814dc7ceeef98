import Database
import Learning
import Model
import Seal

/// What was learned of all partners, as its tables have it at one revision. Both the server and people's commands work on it; whoever finds
/// another revision than the one that it read begins again.
struct LearnedState: Sendable {
    /// One partner's, with the repairs that have to show that they last.
    struct Partner: Sendable {
        var portfolio: PartnerPortfolio
        var watches: [ApplianceID: HoldWatch] = [:]
        /// By the bundle that tells of it. Its id is only its appliance's word: another one may have used it too.
        var waiting: [ApplianceID: [BundleID: Attempt]] = [:]
    }

    /// What has to be known of an attempt once it is settled, beside the occurrence itself.
    struct Attempt: Sendable {
        /// The bundle's place in the log.
        let position: Int64
        let appliance: ApplianceID
        let site: SiteID
        /// By which version of a learned rule; nil where it was no learned one.
        let ruleVersion: Int?
        /// Rules in shadow that would have answered.
        let shadow: [ShadowName]
    }

    /// A learned rule in one of its lives.
    struct ShadowName: Hashable, Sendable {
        let rule: RuleID
        let version: Int
    }

    var revision: Int64
    /// Number of the occurrence that was settled last.
    var settled: Int64
    /// Of the pack against which learned rules were held last.
    var catalog: Int64
    var partners: [PartnerID: Partner]

    static let none = LearnedState(revision: -1, settled: 0, catalog: 0, partners: [:])
}

extension LearnedState {
    static func revision(in transaction: any SQLTransaction) throws -> Int64 {
        try transaction.query("SELECT revision FROM learning_state")[0].integer(0)
    }

    static func load(in transaction: any SQLTransaction) throws -> LearnedState {
        let head = try transaction.query("SELECT revision, settled, catalog_version FROM learning_state")[0]
        let sites = try LearningTables.sites(in: transaction)
        let policies = try LearningTables.policies(in: transaction)
        let patterns = Dictionary(grouping: try LearningTables.patterns(in: transaction), by: \.partner)
        let kept = try LearningTables.occurrences(in: transaction)
        var partners: [PartnerID: Partner] = [:]
        for name in Set(sites.keys).union(policies.keys).union(patterns.keys).union(kept.keys) {
            let policy = policies[name] ?? LearningPolicy()
            let (settled, waiting) = kept[name] ?? ([], [])
            var partner = Partner(
                portfolio: PartnerPortfolio(
                    name, policy: policy, sites: sites[name] ?? [], patterns: patterns[name] ?? [], occurrences: settled))
            for (occurrence, attempt) in waiting {
                partner.waiting[attempt.appliance, default: [:]][occurrence.evidence] = attempt
                _ = partner.watches[attempt.appliance, default: HoldWatch(policy)].take(occurrence)
            }
            partners[name] = partner
        }
        return LearnedState(
            revision: try head.integer(0), settled: try head.integer(1), catalog: try head.integer(2), partners: partners)
    }
}

extension LearnedState.Partner {
    /// The learned rule of that name, in whatever stage.
    func pattern(named name: RuleID) -> LearnedPattern? { portfolio.patterns.values.first { $0.rule.id == name } }
}

extension HoldWatch {
    init(_ policy: LearningPolicy) { self.init(period: .seconds(policy.figures.holdSeconds)) }
}
