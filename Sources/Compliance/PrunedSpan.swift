package import Model
package import Seal

/// The beginning of an appliance's chain that is gone, because its term was over.
///
/// What was seen then, and what had to be, can no longer be shown. So nothing is said of that time but that it was pruned: neither that
/// something was there, nor that nothing was required.
package struct PrunedSpan: Hashable, Sendable {
    package let appliance: ApplianceID
    /// When the chain's first bundle was received.
    package let from: Timestamp
    /// The first instant after the newest bundle that is gone was received.
    package let until: Timestamp
    /// Of the newest bundle that is gone.
    package let lastSequence: Int64

    package init(appliance: ApplianceID, from: Timestamp, until: Timestamp, lastSequence: Int64) {
        self.appliance = appliance
        self.from = from
        self.until = until
        self.lastSequence = lastSequence
    }

    /// What stands instead of a verdict. Never a pass.
    package static let verdict = Verdict.unknown("pruned")

    package func contains(_ instant: Timestamp) -> Bool { from <= instant && instant < until }

    package func touches(_ period: CoveragePeriod) -> Bool { from < period.until && period.from < until }

    /// Whether what this run says at an instant cannot be shown: it lies in the span, or all bundles that say it do.
    package func hides(_ run: VerdictRun, at instant: Timestamp) -> Bool {
        run.appliance == appliance && (instant < until || (run.lastSequence <= lastSequence && run.reaches(instant)))
    }

    package var json: JSONValue {
        [
            "appliance": .string(appliance.description), "from": .string(from.description), "lastSequence": .integer(lastSequence),
            "until": .string(until.description),
        ]
    }
}
