import Evidence
package import Model

/// Reads bundles once, in chain order, appliance after appliance, and says what was seen. Keeps an hour's bit for each host
/// and check, and of bundles nothing.
package struct CoverageBuilder: Sendable {
    /// (host, check) that are followed; hostile bundles could name millions.
    package static let pairsMax = 50_000

    private let site: SiteID
    private let period: CoveragePeriod
    private let prior: [ExpectationLedger.Entry]
    private let statements: [CentralStatement]
    private let pruned: [PrunedSpan]
    /// For the exceptions among them, by place: when a later one of the same id took their place.
    private let superseded: [Int: Timestamp]

    private var read: [Coverage.Read] = []
    private var trust = DateTrust()
    /// Of the appliance that is being read.
    private var entries: [ExpectationLedger.Entry] = []
    private var marks: [HourMarks?] = []
    /// Hours in which it said, before, that it could not look; of all checks of a host: `hostBlind`.
    private var blind: [HourMarks?] = []
    private var hostBlind: [HostID: HourMarks] = [:]
    /// No hour after it is marked, in any of these three.
    private var newestMark: Hour?
    /// End of the newest bundle whose dates count that speaks of it.
    private var spoken: [Timestamp?] = []
    /// What it said last of each host, and before which instant nothing that it says of them takes effect.
    private var expected: [HostID: [CheckID: SlotRule]] = [:]
    private var told: Timestamp?
    /// Of those before it.
    private var ledger: [ExpectationLedger.Entry] = []
    private var allMarks: [HourMarks?] = []

    private var places: [WatchedCheck: Int] = [:]
    private var subjects: [WatchedCheck] = []
    /// By place: the one that was asked for next. A host's checks are mostly listed in the same order.
    private var following: [Int] = []
    private var newestPlace = 0
    private var reasons: [HourCodes?] = []
    private var gaps: [HourCodes?] = []
    private var hostGaps: [HostID: HourCodes] = [:]
    /// The newest of each appliance's bundles.
    private var received: [ApplianceID: Timestamp] = [:]
    private var codes: [Code] = []
    private var codeNumbers: [Code: Int] = [:]

    /// - Parameters:
    ///   - prior: entries of the ledger from before the bundles that will be read.
    ///   - statements: in their order in the kit; those of other sites are left out.
    ///   - pruned: what the site's chains begin with and is gone. What was expected then and still is comes as `prior`.
    package init(
        site: SiteID, period: CoveragePeriod, prior: [ExpectationLedger.Entry] = [], statements: [CentralStatement] = [],
        pruned: [PrunedSpan] = []
    ) {
        self.site = site
        self.period = period
        self.prior = prior
        self.pruned = pruned.filter { $0.touches(period) }.sorted { $0.appliance < $1.appliance }
        let own = statements.filter {
            switch $0 {
            case .gap(let gap): gap.site == site
            case .exception(let exception): exception.site == site
            }
        }
        var superseded: [Int: Timestamp] = [:]
        var next: [String: Timestamp] = [:]
        for (place, statement) in own.enumerated().reversed() {
            guard case .exception(let exception) = statement else { continue }
            superseded[place] = next[exception.id]
            next[exception.id] = exception.issued
        }
        self.statements = own
        self.superseded = superseded
    }

    /// - Precondition: appliances come one after the other, in ascending order. Who calls has sorted them.
    package mutating func add(_ entry: ChainEntry) throws(CoverageError) {
        if let last = read.last, last.appliance == entry.appliance {
            guard entry.sequence > last.last else { return }
            read[read.count - 1].last = entry.sequence
        } else {
            precondition(read.last.map { $0.appliance < entry.appliance } ?? true, "appliances out of order")
            endAppliance()
            for known in prior.sorted() where known.appliance == entry.appliance { expected[known.host] = known.rules }
            read.append(Coverage.Read(appliance: entry.appliance, first: entry.sequence, last: entry.sequence))
        }
        received[entry.appliance] = max(entry.received, received[entry.appliance] ?? entry.received)
        let judgement = trust.judge(entry)
        if let withdrawal = judgement.withdrawal { withdraw(withdrawal) }
        if let latest = judgement.latest {
            // Ascending, so that only the newest can be too late.
            let latest = told.map { max($0, latest) } ?? latest
            for index in entries.indices.reversed() {
                guard entries[index].effective > latest else { break }
                entries[index].effective = latest
            }
        }
        switch entry.content {
        case .looks(let looks):
            for look in looks { try self.look(look, entry, judgement) }
        case .expectation(let checks):
            let rules = SlotRule.rules(checks)
            if let before = expected.updateValue(rules, forKey: entry.host), SlotRule.asksForLess(rules, than: before) {
                let heard = entry.received - DateTrust.toldMax
                told = told.map { max($0, heard) } ?? heard
            }
            let effective = [judgement.instant, trust.newest, told, entries.last?.effective].compactMap { $0 }.max()!
            entries.append(
                ExpectationLedger.Entry(
                    appliance: entry.appliance, sequence: entry.sequence, host: entry.host, effective: effective, expected: checks))
        case .gap(let check, let code):
            let from = max(entry.started.hour, period.from.hour)
            let hours = from..<max(from, min(entry.ended.hourRoundedUp, period.until.hour))
            guard entry.started < entry.ended, !hours.isEmpty else { return }
            let number = self.number(of: code)
            let blindFrom = max((entry.started + DateTrust.offsetMax).hourRoundedUp, period.from.hour)
            let blindHours = blindFrom..<max(blindFrom, min((entry.ended - DateTrust.offsetMax).hour, period.until.hour))
            let isSure = judgement.counts && !blindHours.isEmpty
            if isSure { newestMark = max(newestMark ?? .min, blindHours.upperBound - 1) }
            if let check {
                let place = try place(of: WatchedCheck(host: entry.host, check: check))
                gaps[place, default: HourCodes()].insert(hours, number)
                if isSure { blind[place, default: HourMarks(period.lookHours)].insert(blindHours) }
            } else {
                hostGaps[entry.host, default: HourCodes()].insert(hours, number)
                if isSure { hostBlind[entry.host, default: HourMarks(period.lookHours)].insert(blindHours) }
            }
        }
    }

    private mutating func look(
        _ look: ChainEntry.Look, _ entry: ChainEntry, _ judgement: DateTrust.Judgement
    ) throws(CoverageError) {
        var before: Timestamp?
        if judgement.counts {
            let place = try place(of: look.subject)
            before = spoken[place]
            spoken[place] = entry.ended
        }
        let reason: Code
        if case .unknown(let code) = look.verdict {
            reason = code
        } else if judgement.counts {
            let (place, hour) = (try place(of: look.subject), look.instant.hour)
            guard trust.believes(look.instant, in: entry), period.lookHours.contains(hour),
                before.map({ look.instant >= min($0, entry.ended - DateTrust.listedMax) }) ?? true,
                !(blind[place]?.contains(hour) ?? false), !(hostBlind[look.subject.host]?.contains(hour) ?? false)
            else { return }
            marks[place, default: HourMarks(period.lookHours)].insert(hour)
            newestMark = max(newestMark ?? hour, hour)
            return
        } else {
            reason = GapCause.clock.code
        }
        let hour = judgement.instant.hour
        guard period.hours.contains(hour) else { return }
        let place = try place(of: look.subject)
        reasons[place, default: HourCodes()].insert(hour..<(hour + 1), number(of: reason))
    }

    private mutating func withdraw(_ withdrawal: DateTrust.Withdrawal) {
        // A clock that stays wrong says so with each bundle; there is something to withdraw with the first only.
        guard let newest = newestMark else { return }
        switch withdrawal {
        case .everything:
            for index in marks.indices { (marks[index], blind[index]) = (nil, nil) }
            hostBlind = [:]
            newestMark = nil
        case .after(let instant):
            guard newest > instant.hour else { return }
            for index in marks.indices {
                marks[index]?.remove(above: instant.hour)
                blind[index]?.remove(above: instant.hour)
            }
            for host in hostBlind.keys { hostBlind[host]!.remove(above: instant.hour) }
            newestMark = instant.hour
        }
    }

    private mutating func place(of subject: WatchedCheck) throws(CoverageError) -> Int {
        if newestPlace < following.count, subjects[following[newestPlace]] == subject {
            newestPlace = following[newestPlace]
            return newestPlace
        }
        let place = if let known = places[subject] { known } else { try newPlace(of: subject) }
        following[newestPlace] = place
        newestPlace = place
        return place
    }

    private mutating func newPlace(of subject: WatchedCheck) throws(CoverageError) -> Int {
        guard places.count < Self.pairsMax else { throw .tooManyChecks(limit: Self.pairsMax) }
        places[subject] = marks.count
        subjects.append(subject)
        following.append(marks.count)
        marks.append(nil)
        blind.append(nil)
        spoken.append(nil)
        allMarks.append(nil)
        reasons.append(nil)
        gaps.append(nil)
        return marks.count - 1
    }

    private mutating func number(of code: Code) -> Int {
        if let number = codeNumbers[code] { return number }
        codeNumbers[code] = codes.count
        codes.append(code)
        return codes.count - 1
    }

    private mutating func endAppliance() {
        for index in marks.indices {
            (blind[index], spoken[index]) = (nil, nil)
            guard let own = marks[index] else { continue }
            marks[index] = nil
            if allMarks[index] == nil { allMarks[index] = own } else { allMarks[index]!.formUnion(own) }
        }
        ledger += entries
        entries = []
        newestMark = nil
        hostBlind = [:]
        expected = [:]
        told = nil
        trust = DateTrust()
    }

    /// What all that was read comes to.
    package mutating func finish() -> Coverage {
        endAppliance()
        let ledger = ExpectationLedger(site: site, entries: prior + ledger)
        let (segments, takeovers) = ledger.segments(until: period.horizon)
        let unknown = number(of: GapCause.unknown.code)
        var pairs: [Coverage.Pair] = []
        for subject in segments.keys.sorted() {
            let layers = self.layers(of: subject)
            var pair = PairBuilder(
                subject, period: period, marks: places[subject].flatMap { allMarks[$0] }, layers: layers.own,
                statements: layers.statements, exceptions: layers.exceptions, codes: codes, unknown: unknown)
            for slot in segments[subject]!.slots(in: period) { pair.add(slot) }
            if let pair = pair.finish() { pairs.append(pair) }
        }
        let named = Set(ledger.entries.flatMap { entry in entry.expected.map { WatchedCheck(host: entry.host, check: $0.check) } })
        let unexpected = places.filter { place in !(allMarks[place.value]?.isEmpty ?? true) && !named.contains(place.key) }.keys.sorted()
        let disputed = takeovers.filter { takeover in
            period.from <= takeover.at && takeover.at < period.until
                && received[takeover.before].map { $0 > takeover.at + Takeover.quietMin } ?? false
        }
        return Coverage(
            site: site, period: period, ledger: ledger, statements: statements, read: read, pairs: pairs, pruned: pruned,
            unexpected: unexpected, takeovers: disputed)
    }

    private mutating func layers(
        of subject: WatchedCheck
    ) -> (own: [HourCodes], statements: [PairBuilder.Statement], exceptions: [Range<Timestamp>]) {
        let place = places[subject]
        let own = [place.flatMap { gaps[$0] }, hostGaps[subject.host], place.flatMap { reasons[$0] }].compactMap { $0 }
        var spans: [PairBuilder.Statement] = []
        var exceptions: [Range<Timestamp>] = []
        for (place, statement) in statements.enumerated() {
            switch statement {
            case .gap(let gap):
                guard gap.host.map({ $0 == subject.host }) ?? true, gap.check.map({ $0 == subject.check }) ?? true else { continue }
                spans.append(
                    PairBuilder.Statement(
                        watcher: gap.appliance, hours: gap.from.hour..<gap.until.hourRoundedUp, code: number(of: gap.cause.code)))
            case .exception(let exception):
                let from = max(exception.from, exception.issued)
                let until = superseded[place].map { min($0, exception.until) } ?? exception.until
                if exception.speaks(of: subject), from < until { exceptions.append(from..<until) }
            }
        }
        return (own, spans, exceptions)
    }
}

extension [HourMarks?] {
    fileprivate subscript(place: Int, default fresh: @autoclosure () -> HourMarks) -> HourMarks {
        get { self[place] ?? fresh() }
        _modify {
            if self[place] == nil { self[place] = fresh() }
            yield &self[place]!
        }
    }
}

extension [HourCodes?] {
    fileprivate subscript(place: Int, default fresh: @autoclosure () -> HourCodes) -> HourCodes {
        get { self[place] ?? fresh() }
        _modify {
            if self[place] == nil { self[place] = fresh() }
            yield &self[place]!
        }
    }
}

package enum CoverageError: Error, Hashable, Sendable {
    case tooManyChecks(limit: Int)

    package var code: Code { "coverage.too_many_checks" }
    package var message: String {
        switch self {
        case .tooManyChecks(let limit): "coverage not computed: bundles name more than \(limit) checks of hosts; nothing was stated."
        }
    }
}
