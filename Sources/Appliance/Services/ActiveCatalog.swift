package import Catalog
package import Database
package import Detection
package import Healing
package import Model
package import Seal
import Synchronization

/// The catalog in force and the site's policy over it: read from the state file when they are first needed, replaced whole when a newer
/// one was verified.
package final class ActiveCatalog: Sendable {
    package struct Loaded: Sendable {
        /// The signed pack, with all that it has: what is switched off can still be looked up, and a plan that was begun be ended.
        package let catalog: CompiledCatalog
        package let policy: VerifiedSitePolicy?
        /// What of the policy fits the pack.
        package let fitted: FittedPolicy
        /// Why the stored policy is not in force; it is fetched again then.
        package let policyFault: SitePolicyError?
        /// Of rules that are not switched off; learned ones behind the pack's own.
        package let rules: L1Index
        /// Never acts: asked for what would have been done.
        package let shadows: ShadowIndex
        package let ruleDefinitions: [RuleID: RuleDefinition]
        /// By rule, those that act: which version of what was learned fires.
        package let learned: [RuleID: SitePolicy.Learned]
        /// Of checks that are not switched off.
        package let detector: Detector
        package let stamp: Stamp

        init(_ catalog: CompiledCatalog, _ policy: VerifiedSitePolicy?, takesLearned: Bool, fault: SitePolicyError? = nil) {
            let fitted = policy.map { FittedPolicy($0.policy, over: catalog, schema: .code(), takesLearned: takesLearned) } ?? .none
            let rules = catalog.rules.filter { fitted.rules[$0.id] == nil }
            let acting = fitted.acting
            self.catalog = catalog
            self.policy = policy
            self.fitted = fitted
            policyFault = fault
            self.rules = L1Index(rules, learned: acting.map(\.definition))
            shadows = ShadowIndex(fitted.shadows)
            ruleDefinitions = Dictionary((rules + acting.map(\.definition)).map { ($0.id, $0) }, uniquingKeysWith: { $1 })
            learned = Dictionary(acting.map { ($0.definition.id, $0.source) }, uniquingKeysWith: { $1 })
            detector = Detector(checks: catalog.checks.values.filter { fitted.checks[$0.id] == nil })
            stamp = Stamp(
                version: catalog.version, digest: SitePolicy.ruleset(catalog: catalog.digest, policy: policy?.digest),
                policyVersion: policy?.policy.version)
        }

        package func isDisabled(_ check: CheckID) -> Bool { fitted.checks[check] != nil }
        package func isDisabled(_ runbook: RunbookID) -> Bool { fitted.runbooks[runbook] != nil }
    }

    /// Which rules were in force, for bundles; 0 and zeros before there are any.
    package struct Stamp: Hashable, Sendable {
        /// Of the signed pack.
        package let version: Int64
        /// `SitePolicy.ruleset`.
        package let digest: Digest
        /// nil: the pack stands alone.
        package let policyVersion: Int64?
    }

    private let database: any SQLDatabase
    private let identity: Identity
    private let takesLearned: Bool
    private let loaded = Mutex<Loaded?>(nil)

    /// - Parameter takesLearned: false where the site's configuration refuses learned rules.
    package init(database: any SQLDatabase, identity: Identity, takesLearned: Bool = true) {
        self.database = database
        self.identity = identity
        self.takesLearned = takesLearned
    }

    package var stamp: Stamp {
        loaded.withLock { $0?.stamp } ?? Stamp(version: 0, digest: .genesis, policyVersion: nil)
    }

    /// Of the signed pack, whatever stands over it; zeros before there is one.
    package var packDigest: Digest { loaded.withLock { $0?.catalog.digest } ?? .genesis }

    /// nil while this appliance has none.
    /// - Throws: what the stored pack's verification throws: it is checked again at each start, not trusted for lying here. A stored
    ///   policy that is no longer what was signed is left out (`policyFault`): then more is looked at, not less.
    package func current() async throws -> Loaded? {
        if let loaded = loaded.withLock({ $0 }) { return loaded }
        let (stored, signed) = try await database.read { (try CatalogTable.active(in: $0), try PolicyTable.active(in: $0)) }
        guard let stored else { return nil }
        let catalog = try open(stored.envelope)
        var (policy, fault): (VerifiedSitePolicy?, SitePolicyError?)
        if let signed {
            do throws(SitePolicyError) { policy = try open(policy: signed, newerThan: 0) } catch { fault = error }
        }
        let fresh = Loaded(catalog, policy, takesLearned: takesLearned, fault: fault)
        set(fresh)
        return fresh
    }

    /// The pack in force as it was signed; nil while there is none.
    package func signedPack() async throws -> [UInt8]? {
        try await database.read { try CatalogTable.active(in: $0) }?.envelope
    }

    package func set(_ fresh: Loaded) { loaded.withLock { $0 = fresh } }

    /// Verifies a signed pack and compiles it under the policy in force.
    package func load(pack bytes: [UInt8]) async throws -> Loaded {
        let catalog = try open(bytes)
        return Loaded(catalog, try await current()?.policy, takesLearned: takesLearned)
    }

    /// The catalog in force under another policy.
    package func load(_ policy: VerifiedSitePolicy, over loaded: Loaded) -> Loaded {
        Loaded(loaded.catalog, policy, takesLearned: takesLearned)
    }

    package func open(policy signed: [UInt8], newerThan inForce: Int64) throws(SitePolicyError) -> VerifiedSitePolicy {
        try VerifiedSitePolicy(
            opening: signed, key: identity.orderKey, site: identity.site, appliance: identity.appliance, newerThan: inForce)
    }

    private func open(_ pack: [UInt8]) throws -> CompiledCatalog {
        try CatalogPack.open(pack, keys: [identity.catalogKey], schema: .code())
    }
}
