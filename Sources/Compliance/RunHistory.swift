package import Model

/// The table of verdict runs, in memory: what a verifier rebuilds from bundles, and the as-of questions over it.
package struct RunHistory: Sendable {
    /// Ascending by (`first`, `appliance`) for each (host, check).
    private var rows: [WatchedCheck: [VerdictRun]] = [:]
    private var isSorted = true

    package init() {}

    /// - Parameter rows: in any order.
    package init(_ rows: [VerdictRun]) {
        for run in rows { self.rows[run.subject, default: []].append(run) }
        sort()
    }

    /// Appliances one after the other; `sort` before anything is asked.
    package mutating func apply(_ changes: [VerdictRuns.Change], of appliance: ApplianceID) {
        for change in changes {
            switch change {
            case .open(let run): rows[run.subject, default: []].append(run)
            case .extend(let run):
                let count = rows[run.subject]!.count
                rows[run.subject]![count - 1] = run
            case .withdraw(let instant):
                for subject in rows.keys {
                    rows[subject] = rows[subject]!.compactMap { run in
                        guard run.appliance == appliance else { return run }
                        guard let instant, run.first <= instant else { return nil }
                        var run = run
                        run.last = min(run.last, instant)
                        return run
                    }
                }
            case .expect, .settle: break
            }
        }
        isSorted = false
    }

    package mutating func sort() {
        for subject in rows.keys { rows[subject]!.sort { ($0.first, $0.appliance) < ($1.first, $1.appliance) } }
        isSorted = true
    }

    /// By host, check, `first`, appliance.
    package var runs: [VerdictRun] { rows.keys.sorted().flatMap { rows[$0]! } }

    package func runs(of subject: WatchedCheck) -> [VerdictRun] { rows[subject] ?? [] }

    package var subjects: Set<WatchedCheck> { Set(rows.keys) }
}

/// The as-of questions about one (host, check), over its runs, ascending by (`first`, `appliance`). Pure: a store hands in what its
/// statement found, which may be the newest run alone for `answer`.
package enum AsOf {
    package struct Answer: Hashable, Sendable {
        package let verdict: Verdict
        /// What proves it; empty where nobody looked.
        package let proof: [Sample.Draw]

        package init(verdict: Verdict, proof: [Sample.Draw]) {
            self.verdict = verdict
            self.proof = proof
        }
    }

    package static func answer(_ runs: [VerdictRun], at instant: Timestamp) -> Answer {
        guard let run = newest(runs, at: instant), run.reaches(instant) else { return Answer(verdict: .unknown("stale"), proof: []) }
        let sequences = run.firstSequence == run.lastSequence ? [run.firstSequence] : [run.firstSequence, run.lastSequence]
        return Answer(verdict: run.verdict, proof: sequences.map { Sample.Draw(appliance: run.appliance, sequence: $0) })
    }

    /// Since when it fails at an instant, and the bundle that shows its begin; nil where it does not fail then.
    package static func failingSince(_ runs: [VerdictRun], at instant: Timestamp) -> (since: Timestamp, proof: Sample.Draw)? {
        guard let run = newest(runs, at: instant), run.reaches(instant), case .drift = run.verdict else { return nil }
        var oldest = run
        for run in runs.reversed() where run.first <= instant {
            switch run.verdict {
            case .drift: oldest = run
            case .unknown: continue
            case .compliant, .notApplicable:
                return (oldest.first, Sample.Draw(appliance: oldest.appliance, sequence: oldest.firstSequence))
            }
        }
        return (oldest.first, Sample.Draw(appliance: oldest.appliance, sequence: oldest.firstSequence))
    }

    private static func newest(_ runs: [VerdictRun], at instant: Timestamp) -> VerdictRun? { runs.last { $0.first <= instant } }
}

extension RunHistory {
    /// The posture of a site: every check that is expected at the instant, and those that a run still speaks of.
    package func posture(at instant: Timestamp, ledger: ExpectationLedger) -> [WatchedCheck: AsOf.Answer] {
        precondition(isSorted, "asked before it was sorted")
        var posture: [WatchedCheck: AsOf.Answer] = [:]
        for subject in ledger.expected(at: instant) { posture[subject] = AsOf.answer(runs(of: subject), at: instant) }
        for subject in subjects where posture[subject] == nil {
            let answer = AsOf.answer(runs(of: subject), at: instant)
            if !answer.proof.isEmpty { posture[subject] = answer }
        }
        return posture
    }

    package struct Difference: Hashable, Sendable {
        package let subject: WatchedCheck
        /// nil where it was not watched.
        package let before: AsOf.Answer?
        package let after: AsOf.Answer?

        /// Of two postures, by host and check.
        package static func all(
            _ before: [WatchedCheck: AsOf.Answer], _ after: [WatchedCheck: AsOf.Answer]
        ) -> [Difference] {
            Set(before.keys).union(after.keys).sorted().compactMap { subject in
                guard before[subject]?.verdict != after[subject]?.verdict else { return nil }
                return Difference(subject: subject, before: before[subject], after: after[subject])
            }
        }
    }

    /// What is not the same at two instants, by host and check.
    package func changes(from earlier: Timestamp, to later: Timestamp, ledger: ExpectationLedger) -> [Difference] {
        Difference.all(posture(at: earlier, ledger: ledger), posture(at: later, ledger: ledger))
    }
}
