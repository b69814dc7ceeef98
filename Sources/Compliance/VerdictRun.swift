package import Model
package import Seal

/// A span in which one appliance saw one verdict, look after look: a row of Central's `verdict_run`.
///
/// Key: (`appliance`, `host`, `check`, `first`, `firstSequence`). Two statements answer the posture of a host's check at T, both by an index on
/// (site, host, check, first, appliance): `WHERE site = … AND host = … AND check = … AND first <= T ORDER BY first DESC, appliance DESC
/// LIMIT 1`, once for each check that is watched. No statement reads more runs than there are checks, however many bundles there are.
package struct VerdictRun: Hashable, Sendable {
    package let appliance: ApplianceID
    package let subject: WatchedCheck
    package let verdict: Verdict
    package let first: Timestamp
    package internal(set) var last: Timestamp
    /// The bundles that say so.
    package let firstSequence: Int64
    package internal(set) var lastSequence: Int64
    /// How long the verdict stands after `last`.
    package let reachSeconds: Int64

    package init(
        appliance: ApplianceID, subject: WatchedCheck, verdict: Verdict, first: Timestamp, last: Timestamp, firstSequence: Int64,
        lastSequence: Int64, reachSeconds: Int64
    ) {
        self.appliance = appliance
        self.subject = subject
        self.verdict = verdict
        self.first = first
        self.last = last
        self.firstSequence = firstSequence
        self.lastSequence = lastSequence
        self.reachSeconds = reachSeconds
    }

    package func reaches(_ instant: Timestamp) -> Bool { first <= instant && instant <= last + .seconds(reachSeconds) }

    package var json: JSONValue {
        [
            "appliance": .string(appliance.description), "check": .string(subject.check.description),
            "code": verdict.code.map { .string($0.description) } ?? .null, "first": .string(first.description),
            "firstSequence": .integer(firstSequence), "host": .string(subject.host.description), "last": .string(last.description),
            "lastSequence": .integer(lastSequence), "reachSeconds": .integer(reachSeconds), "verdict": .string(verdict.word),
        ]
    }
}
