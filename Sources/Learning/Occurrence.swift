package import Model
import Seal

/// One attempt at one incident of a pattern, and what came of it. `docs/learning.md` says which bundle gives which field.
package struct Occurrence: Hashable, Sendable {
    package enum Ending: String, Hashable, Sendable, CaseIterable {
        /// The re-check passed, and the drift did not come back to that host within the policy's hold period.
        case held
        /// The re-check passed, and it came back.
        case recurred
        /// The re-check did not pass, or the repair was rolled back.
        case failed
        /// The check passed again before anything was done.
        case recoveredAlone
        /// Nothing was done and the check does not pass.
        case untreated
    }

    /// What was done.
    package struct Treatment: Hashable, Sendable {
        package let tier: Tier
        package let remedy: RemedyID
        package let runbook: RunbookID
        package let parameters: [String: TypedValue]
        /// From the first step to the re-check that passed, or did not; what a person took to answer is not in it.
        package let milliseconds: Int64

        package init(tier: Tier, remedy: RemedyID, runbook: RunbookID, parameters: [String: TypedValue], milliseconds: Int64) {
            self.tier = tier
            self.remedy = remedy
            self.runbook = runbook
            self.parameters = parameters
            self.milliseconds = milliseconds
        }
    }

    package let pattern: PatternSignature
    package let host: HostKey
    /// From 1; later attempts at an incident are not further occurrences of its pattern.
    package let attempt: Int
    /// nil exactly for `recoveredAlone` and `untreated`.
    package let treatment: Treatment?
    package let ending: Ending
    package let ended: Timestamp
    /// The bundle that says so.
    package let evidence: BundleID

    /// nil where `ending` and `treatment` contradict one another.
    package init?(
        pattern: PatternSignature, host: HostKey, attempt: Int, treatment: Treatment?, ending: Ending, ended: Timestamp,
        evidence: BundleID
    ) {
        guard attempt >= 1, (treatment == nil) == (ending == .recoveredAlone || ending == .untreated) else { return nil }
        self.init(pattern, host, attempt, treatment, ending, ended, evidence)
    }

    private init(
        _ pattern: PatternSignature, _ host: HostKey, _ attempt: Int, _ treatment: Treatment?, _ ending: Ending, _ ended: Timestamp,
        _ evidence: BundleID
    ) {
        self.pattern = pattern
        self.host = host
        self.attempt = attempt
        self.treatment = treatment
        self.ending = ending
        self.ended = ended
        self.evidence = evidence
    }

    /// The same, after its drift came back.
    var recurred: Occurrence { Occurrence(pattern, host, attempt, treatment, .recurred, ended, evidence) }
}

/// A host of a site, to tell hosts apart and for nothing else: 64 bits of a digest.
package struct HostKey: Hashable, Sendable {
    let word: UInt64

    package init(_ host: HostID, at site: SiteID) {
        word = Digest(of: Array("\(site) \(host)".utf8)).bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// For a store, and from it.
    package var stored: Int64 { Int64(bitPattern: word) }
    package init(stored: Int64) { word = UInt64(bitPattern: stored) }
}
