extension Receipt {
    /// What is wrong with the places in the log that this receipt names; nil: nothing.
    ///
    /// Every bundle has its place, each behind the place of the one before, also over receipts: the log is sequenced in the transaction
    /// that accepts. A place that was given before would be one for two bundles.
    ///
    /// - Parameter previous: the newest that holds for the bundles before these; nil where there is none.
    package func fault(inPlacesAfter previous: Receipt?) -> String? {
        var (sequence, index) = (firstSequence, previous?.logged.last.map { $0.index + $0.count } ?? 0)
        for run in logged {
            guard run.sequence == sequence else { return "bundle \(sequence) has no place in the log, or two" }
            guard run.index >= index else { return "bundle \(sequence) has place \(run.index), which is not behind the ones before" }
            (sequence, index) = (sequence + run.count, run.index + run.count)
        }
        return sequence == lastSequence + 1 ? nil : "its places in the log end before bundle \(sequence)"
    }
}
