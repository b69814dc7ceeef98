package import Database
package import Logging
package import Model
package import Redaction

/// What the services of one appliance share.
package struct ApplianceContext: Sendable {
    package let configuration: ApplianceConfiguration
    package let identity: Identity
    package let database: any SQLDatabase
    package let journal: EvidenceJournal
    package let catalog: ActiveCatalog
    package let central: CentralLink
    package let drafts: BundleDrafts
    package let alerts: AlertLog
    package let expectations: ExpectationRecorder
    package let witness: WitnessService
    /// For what is kept of a host's words and is not evidence: digests, the log.
    package let scrubber: Scrubber
    package let clock: WallClock
    package let clockState: ClockState
    package let heartbeats: Heartbeats
    package let wakes: Wakes
    package let faults: Faults
    package let logger: Logger
    package let softwareVersion: String
    /// Gives freed pages of the state file back to the disk.
    package let compact: @Sendable () async throws -> Void
    /// Called whenever a piece of work is done and nothing may come for a while. `main` gives memory back then.
    package let atRest: @Sendable () -> Void

    /// Ends the rest of one service each.
    package struct Wakes: Sendable {
        package let poll = Wake()
        package let detect = Wake()
        package let heal = Wake()
        package let push = Wake()
        package init() {}
    }
}
