package import Evidence
import Healing
package import Model

/// Makes bundles: who, where, when and under which rules are filled in here, once.
package struct BundleDrafts: Sendable {
    private let identity: Identity
    private let configuration: ApplianceConfiguration
    private let catalog: ActiveCatalog
    private let clock: WallClock
    private let clockState: ClockState
    private let softwareVersion: String

    package init(
        identity: Identity, configuration: ApplianceConfiguration, catalog: ActiveCatalog, clock: WallClock, clockState: ClockState,
        softwareVersion: String
    ) {
        self.identity = identity
        self.configuration = configuration
        self.catalog = catalog
        self.clock = clock
        self.clockState = clockState
        self.softwareVersion = softwareVersion
    }

    package var now: Timestamp { clock.now() }

    /// Everything that does not depend on the occasion; the caller sets the rest.
    ///
    /// - Parameter stamp: of what judged; nil: what is in force.
    package func bundle(
        _ kind: Bundle.Kind, host: HostID, from started: Timestamp, to ended: Timestamp, outcome: Outcome,
        stamp: ActiveCatalog.Stamp? = nil
    ) -> Bundle {
        let stamp = stamp ?? catalog.stamp
        let policyVersion = configuration.policyVersion + (stamp.policyVersion.map { "+\($0)" } ?? "")
        return Bundle(
            id: BundleID(at: ended), kind: kind,
            origin: Bundle.Origin(
                site: identity.site, appliance: identity.appliance, deploymentMode: configuration.policy.deploymentMode,
                reseller: configuration.reseller, policyVersion: policyVersion, catalogVersion: stamp.version,
                rulesetDigest: stamp.digest, nixosRevision: nil, derivationDigest: nil, softwareVersion: softwareVersion),
            host: host, observed: started, started: started, ended: ended, clock: clockState.reading(at: ended), outcome: outcome)
    }

    /// About the appliance itself.
    package func system(
        _ outcome: Outcome, note: String, checkpoints: [SeenCheckpoint] = [], stamp: ActiveCatalog.Stamp? = nil
    ) -> Bundle {
        let now = clock.now()
        var bundle = bundle(.system, host: configuration.hostID, from: now, to: now, outcome: outcome, stamp: stamp)
        bundle.note = note
        bundle.checkpoints = checkpoints
        return bundle
    }
}
