package import Model
package import Seal

/// What the gate must know besides plan and policy. All of it is read before judging, so that a judgement can be repeated.
package struct Circumstances: Hashable, Sendable {
    /// Digest of the runbook in the catalog that is in force.
    package var runbookDigest: Digest
    /// Of the plan's host (`linux`, `debian`).
    package var platforms: Set<String>
    package var clock: ClockReading
    /// Start-up found every private key 0600 and owned by the process.
    package var keysAreSafe: Bool
    /// The outbox can be written, and what is written is on disk.
    package var evidenceIsDurable: Bool
    /// By an order from Central: stops automation, not a person's orders.
    package var isPaused = false
    /// By a file on the appliance: stops everything.
    package var isPausedLocally = false
    /// By the site's policy: for everybody, persons included.
    package var isCheckDisabled = false
    package var isRunbookDisabled = false
    package var history: History
    /// Of the plan's `PlanStatement`: what an approval must name.
    package var planDigest: Digest?
    /// The newest that was given for this plan and has not been used.
    package var approval: VerifiedApproval?

    /// What was done at the site, as the incident store knows it.
    package struct History: Hashable, Sendable {
        /// Hosts the site has, changed or not.
        package var hostCount: Int
        /// Hosts on which a plan runs now.
        package var running: Set<HostID> = []
        /// Plans that ran for this incident.
        package var attempts = 0
        /// End of the newest attempt on this host and check.
        package var lastAttempt: Timestamp?
        /// Openings of this host and check, the present one included.
        package var openings: [Timestamp] = []
        /// Ends of plans that succeeded on this host and check.
        package var repairs: [Timestamp] = []
        /// Starts of plans at this site.
        package var actions: [Timestamp] = []

        package init(hostCount: Int) { self.hostCount = hostCount }
    }

    /// The rule's own limits; nil where the plan comes from elsewhere.
    package var ruleCooldown: Duration?
    package var ruleAttemptsMax: Int?

    package init(
        runbookDigest: Digest, platforms: Set<String>, clock: ClockReading, keysAreSafe: Bool, evidenceIsDurable: Bool, history: History
    ) {
        self.runbookDigest = runbookDigest
        self.platforms = platforms
        self.clock = clock
        self.keysAreSafe = keysAreSafe
        self.evidenceIsDurable = evidenceIsDurable
        self.history = history
    }
}
