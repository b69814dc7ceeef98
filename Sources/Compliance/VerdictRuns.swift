package import Evidence
package import Model

/// Turns one appliance's bundles, in chain order, into changes of the tables of verdict runs and of the ledger.
/// `docs/formats/coverage.md`, "Verdict runs" and "The ledger".
///
/// A store keeps `trust` and `lastSequence` in a row for each appliance, the open run of each (host, check) as a mark in its table, and the newest
/// expectation of each host; before `apply` it loads what `needs` names, and afterwards writes what changed, all in the transaction that
/// accepts the bundle.
package struct VerdictRuns: Sendable {
    /// What a table has to do, in order.
    package enum Change: Hashable, Sendable {
        /// Insert; it is the open run of its (host, check) now.
        case open(VerdictRun)
        /// Set `last` and `lastSequence` of the open run.
        case extend(VerdictRun)
        /// No run of the appliance is open any more; those with `first` after the instant are deleted, and a `last` after it becomes it.
        /// nil: all are deleted.
        case withdraw(after: Timestamp?)
        /// Insert: what the appliance looks at from then on.
        case expect(ExpectationLedger.Entry)
        /// Those of the appliance's entries that take effect after the instant take effect at it.
        case settle(at: Timestamp)
    }

    /// Reach of a verdict for which nothing was expected.
    package static let reachSecondsDefault: Int64 = 7_200

    package let appliance: ApplianceID
    package private(set) var trust: DateTrust
    /// -1 before the first.
    package private(set) var lastSequence: Int64
    private var open: [WatchedCheck: VerdictRun]
    private var expected: [HostID: [CheckID: SlotRule]] = [:]
    /// Whether there may be anything to withdraw after an instant.
    package private(set) var newestRun: Timestamp?
    package private(set) var newestEffective: Timestamp?
    /// Nothing that the appliance says of its hosts takes effect before it, since it asked for less.
    package private(set) var told: Timestamp?

    /// - Parameters:
    ///   - open: at least those that `needs` names for the bundles that will be applied.
    ///   - newestRun: the greatest `last` of this appliance's runs; nil where it has none.
    ///   - newestEffective: of this appliance's entries in the ledger.
    ///   - expected: newest expectation of each host that `needs` names.
    package init(
        appliance: ApplianceID, trust: DateTrust = DateTrust(), lastSequence: Int64 = -1, open: [VerdictRun] = [],
        newestRun: Timestamp? = nil, newestEffective: Timestamp? = nil, told: Timestamp? = nil,
        expected: [HostID: [ExpectedCheck]] = [:]
    ) {
        self.appliance = appliance
        self.trust = trust
        self.lastSequence = lastSequence
        self.open = Dictionary(open.map { ($0.subject, $0) }, uniquingKeysWith: { $1 })
        self.newestRun = newestRun
        self.newestEffective = newestEffective
        self.told = told
        for (host, checks) in expected { self.expected[host] = SlotRule.rules(checks) }
    }

    /// The hosts whose newest expectation has to be there before `apply`.
    package static func hosts(_ entry: ChainEntry) -> Set<HostID> {
        if case .expectation = entry.content { return [entry.host] }
        return Set(needs(entry).map(\.host))
    }

    /// The (host, check) whose open run has to be there before `apply`.
    package static func needs(_ entry: ChainEntry) -> [WatchedCheck] {
        guard case .looks(let looks) = entry.content else { return [] }
        return looks.map(\.subject)
    }

    /// Those that go on with the next look of the same kind.
    package var openRuns: [VerdictRun] { Array(open.values) }

    package mutating func apply(_ entry: ChainEntry) -> [Change] {
        guard entry.appliance == appliance, entry.sequence > lastSequence else { return [] }
        lastSequence = entry.sequence
        let judgement = trust.judge(entry)
        var changes: [Change] = []
        if let withdrawal = judgement.withdrawal, let newest = newestRun {
            switch withdrawal {
            case .everything:
                changes.append(.withdraw(after: nil))
                newestRun = nil
            case .after(let instant):
                changes.append(.withdraw(after: instant))
                newestRun = min(newest, instant)
            }
            open = [:]
        }
        let settled = judgement.latest.map { latest in told.map { max($0, latest) } ?? latest }
        if let latest = settled, let newest = newestEffective, newest > latest {
            changes.append(.settle(at: latest))
            newestEffective = latest
        }
        switch entry.content {
        case .looks(let looks):
            guard judgement.counts else { break }
            for look in looks {
                if let change = take(look, entry, judgement) { changes.append(change) }
            }
        case .expectation(let checks):
            let rules = SlotRule.rules(checks)
            if let before = expected.updateValue(rules, forKey: entry.host), SlotRule.asksForLess(rules, than: before) {
                let heard = entry.received - DateTrust.toldMax
                told = told.map { max($0, heard) } ?? heard
            }
            let effective = [judgement.instant, trust.newest, told, newestEffective].compactMap { $0 }.max()!
            newestEffective = effective
            changes.append(
                .expect(
                    ExpectationLedger.Entry(
                        appliance: appliance, sequence: entry.sequence, host: entry.host, effective: effective, expected: checks)))
        case .gap: break
        }
        return changes
    }

    private mutating func take(_ look: ChainEntry.Look, _ entry: ChainEntry, _ judgement: DateTrust.Judgement) -> Change? {
        var look = look
        if case .unknown = look.verdict {
            look = ChainEntry.Look(look.subject, at: judgement.instant, look.verdict)
        } else if !trust.believes(look.instant, in: entry)
            || judgement.before.map({ look.instant < min($0, entry.ended - DateTrust.runListedMax) }) ?? false
        {
            return nil
        }
        if var run = open[look.subject] {
            guard look.instant > run.last else { return nil }
            if look.verdict == run.verdict, run.reaches(look.instant) {
                run.last = look.instant
                run.lastSequence = entry.sequence
                return keep(run, as: Change.extend)
            }
        }
        let reach = expected[look.subject.host]?[look.subject.check]?.reachSeconds ?? Self.reachSecondsDefault
        return keep(
            VerdictRun(
                appliance: appliance, subject: look.subject, verdict: look.verdict, first: look.instant, last: look.instant,
                firstSequence: entry.sequence, lastSequence: entry.sequence, reachSeconds: reach), as: Change.open)
    }

    private mutating func keep(_ run: VerdictRun, as change: (VerdictRun) -> Change) -> Change {
        open[run.subject] = run
        newestRun = newestRun.map { max($0, run.last) } ?? run.last
        return change(run)
    }
}
