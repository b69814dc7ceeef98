package import Model
package import Seal

/// What automation may do at a site. Each limit is a house value unless its comment says otherwise.
package struct HealingPolicy: Hashable, Sendable {
    package enum Mode: String, Hashable, Sendable, CaseIterable {
        /// Nothing is repaired, by nobody; checks go on.
        case off
        /// Everything is judged, nothing is done: the refusal `gate.dry_run` says what would have been.
        case dryRun
        case on
    }

    /// What an unknown clock offset means for disruptive work.
    package enum UnknownClock: String, Hashable, Sendable, CaseIterable { case `defer`, allow }

    package var deploymentMode: DeploymentMode
    package var mode: Mode = .on
    /// nil: there is no window, and disruptive work needs a person.
    package var window: MaintenanceWindow?
    package var allowsDisruptiveOutsideWindow = false
    /// True where nobody at an MSP sees each event: disruptive work then needs an approver.
    package var needsApprovalForDisruptive: Bool
    /// Exactly this far off is still accepted (SPEC: "over 5,000 ms").
    package var clockOffsetMillisecondsMax: Int64 = 5_000
    package var unknownClock: UnknownClock = .defer
    /// Shortest time between two attempts on one host and check; a rule may ask for more, never for less.
    package var cooldown: Duration = .seconds(600)
    /// Attempts per incident; a rule may ask for fewer.
    package var attemptsMax = 3
    /// More openings than this of one host and check within `flapSpan` are flapping.
    package var flapOpeningsMax = 3
    package var flapSpan: Duration = .seconds(1_800)
    /// As many repairs of one host and check within `daySpan` may have succeeded before another: beyond them something keeps undoing
    /// it, too slowly to be flapping.
    package var repairsPerDayMax = 6
    package var daySpan: Duration = .seconds(86_400)
    /// Plans admitted at the site within an hour.
    package var actionsPerHourMax = 30
    /// Share of the site's hosts that may be changed at once; one is always allowed.
    package var hostsAtOncePercentMax = 10
    /// Who may approve, by the site's own word. Empty: whom Central's order key vouches for.
    package var approvers: [Approver] = []
    /// Never touched by anybody's plan.
    package var clinicalHosts: Set<HostID> = []

    /// The defaults of a deployment mode: `reseller` leaves disruptive work in the window to automation, because every
    /// event is mirrored to the MSP; `direct` asks a person first.
    package init(deploymentMode: DeploymentMode = .reseller, window: MaintenanceWindow? = nil) {
        self.deploymentMode = deploymentMode
        self.window = window
        needsApprovalForDisruptive = deploymentMode == .direct
    }
}
