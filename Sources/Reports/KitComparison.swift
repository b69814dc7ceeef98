import Compliance
import Model
import Seal
import TransparencyLog
import Wire

/// Whether a kit goes on from an earlier one of the same site: nothing that the earlier one holds, and the other has to hold as well, is
/// gone, is another, or has another date or place. `scripts/verify_kit.py` does the same; the rule is in `docs/formats/kit.md`.
struct KitComparison {
    /// How long after its end a period's evidence is in a kit.
    private static let tail: Duration = .seconds(8 * 86_400)
    private static let slack: Duration = .seconds(3_600)

    private let earlier: KitTrace
    private let later: KitTrace
    private(set) var findings: [KitReport.Finding] = []
    private(set) var bundles = 0
    /// Whether it follows that the one log is the other's beginning; false where the kits hold too few nodes.
    private(set) var isLogShown = false
    /// What is another, and may be so.
    private(set) var notes: [Code] = []

    init(_ earlier: KitTrace, _ later: KitTrace) {
        self.earlier = earlier
        self.later = later
        let (old, new) = (earlier.manifest, later.manifest)
        guard old.site == new.site, old.organization == new.organization else {
            find("earlier.other_site", KitPath.manifest, "is of another site than the earlier kit: nothing was compared.")
            return
        }
        if old.logKey != new.logKey {
            find("earlier.other_log", KitPath.manifest, "names another log than the earlier kit, \(old.logKey.text).")
        }
        if isAsLong, new.period.horizon < old.period.horizon - Self.slack {
            find("earlier.horizon_back", KitPath.manifest, "is judged up to an instant before that of the earlier kit.")
        }
        if let before = earlier.quorum, let now = later.quorum, now < before {
            find("earlier.quorum_lower", KitPath.witnesses, "wants \(now) witnesses; the earlier kit wanted \(before).")
        }
        for appliance in old.appliances { compare(appliance) }
        compareStatements()
        if old.logKey == new.logKey { compareLogs() }
        comparePopulations()
        let overlaps = old.period.from < new.period.until && new.period.from < old.period.until
        if overlaps, old.controls.listed != new.controls.listed { notes.append("earlier.controls_changed") }
    }

    private mutating func find(_ code: Code, _ subject: String, _ sentence: String) {
        findings.append(KitReport.Finding(code: code, subject: subject, sentence: sentence))
    }

    /// A period that ends before the earlier kit's need not hold what came at that one's end.
    private var isAsLong: Bool { later.manifest.period.until >= earlier.manifest.period.until }

    // MARK: Boxes

    private mutating func compare(_ old: KitManifest.Appliance) {
        let subject = old.appliance.description
        guard let new = later.manifest.appliances.first(where: { $0.appliance == old.appliance }) else {
            return find("earlier.appliance_missing", subject, "is in the earlier kit and not in this one.")
        }
        let kept =
            old.keys.count == new.keys.count
            && zip(old.keys, new.keys).allSatisfy { before, now in
                before.id == now.id && before.validFrom == now.validFrom
                    && (before.validUntil == nil || before.validUntil == now.validUntil)
            }
        if !kept { find("earlier.key_changed", subject, "has another key, or other dates of it, than in the earlier kit.") }

        let (before, now) = (earlier.bundles[old.appliance] ?? [:], later.bundles[old.appliance] ?? [:])
        let span = new.chain.map { $0.first...$0.last }
        let pruned = later.prunedLast(of: old.appliance)
        let days = later.manifest.period.from...(later.manifest.period.until + Self.tail)
        var (missing, back, changed, redated, moved) = (Int64?.none, Int64?.none, Int64?.none, Int64?.none, Int64?.none)
        for (sequence, held) in before.sorted(by: { $0.key < $1.key }) {
            guard let span, span.contains(sequence) else {
                guard sequence > pruned, days.contains(held.received ?? earlier.manifest.period.horizon) else { continue }
                if let span, sequence < span.lowerBound { missing = missing ?? sequence } else { back = back ?? sequence }
                continue
            }
            // One that does not verify has a finding of its own.
            guard let other = now[sequence] else { continue }
            bundles += 1
            if other.digest != held.digest { changed = changed ?? sequence }
            if let received = held.received, received != other.received { redated = redated ?? sequence }
            if let place = earlier.place(of: sequence, old.appliance), let other = later.place(of: sequence, old.appliance), place != other
            {
                moved = moved ?? sequence
            }
        }
        if let missing {
            find("earlier.bundle_missing", subject, "begins after bundle \(missing), which the earlier kit holds and this one has to.")
        }
        if let back { find("earlier.chain_back", subject, "ends before bundle \(back), which the earlier kit holds and this one has to.") }
        for (code, sequence, sentence) in [
            ("earlier.bundle_changed", changed, "is not the bundle that the earlier kit holds under this number."),
            ("earlier.received_changed", redated, "was received at another instant, says the earlier kit."),
            ("earlier.place_changed", moved, "stands at another place in the log, says the earlier kit."),
        ] as [(Code, Int64?, String)] {
            if let sequence { find(code, KitPath.bundle(old.appliance, sequence), sentence) }
        }
    }

    // MARK: Statements and log

    private mutating func compareStatements() {
        let places = Dictionary(later.statements.map { ($0.digest, $0.index) }, uniquingKeysWith: { first, _ in first })
        let limit = later.manifest.period.until + Self.tail
        for (number, statement) in earlier.statements.enumerated() {
            let name = KitPath.statement(number + 1)
            guard let place = places[statement.digest] else {
                // What says no date, or is kept for ever, is in every kit that ends as late.
                let isWanted = isAsLong || (!statement.isPruned && statement.issued.map { $0 <= limit } ?? false)
                if isWanted { find("earlier.statement_missing", name, "of the earlier kit is not in this one.") }
                continue
            }
            if let place, let before = statement.index, place != before {
                find("earlier.place_changed", name, "of the earlier kit stands at another place in the log here.")
            }
        }
    }

    private mutating func compareLogs() {
        guard let before = earlier.tree, let now = later.tree else { return }
        let isSame = Self.commonLeavesAgree(before.leaves, now.leaves)
        let (small, large) = before.nodes.size <= now.nodes.size ? (before, now) : (now, before)
        // Its proof was verified: nothing is thrown.
        let root = try? large.nodes.root(ofFirst: small.nodes.size, leaves: large.leaves)
        if !isSame || (root.map { $0 != small.root } ?? false) {
            return find("earlier.log_forked", KitPath.checkpoint, "is of a log that does not go on as it was in the earlier kit.")
        }
        isLogShown = root != nil
    }

    private static func commonLeavesAgree(_ one: [LogLeaf], _ other: [LogLeaf]) -> Bool {
        var (first, second) = (one[...], other[...])
        while let left = first.first, let right = second.first {
            if left.index == right.index, left.hash != right.hash { return false }
            if left.index <= right.index { first.removeFirst() }
            if right.index <= left.index { second.removeFirst() }
        }
        return true
    }

    // MARK: What had to be seen

    /// Hours in which a check of a host had to be looked at. The last day is left out: a rule may have changed just then. So is what
    /// came before something that was pruned since.
    private mutating func comparePopulations() {
        guard let old = earlier.population, let new = later.population else { return }
        let hour: Int64 = 3_600_000
        let (before, now) = (earlier.manifest.period, later.manifest.period)
        let gone = later.pruned.map(\.receivedUntil).max()
        let begin = max(before.from, now.from, gone.map { $0 + .seconds(86_400) } ?? before.from).milliseconds
        let end = min(before.until, now.until, before.horizon - .seconds(86_400), now.horizon - .seconds(86_400)).milliseconds
        guard begin < end else { return }
        let hours = (begin + hour - 1) / hour..<max(end / hour, (begin + hour - 1) / hour)
        let kept = Self.spans(new, within: Int64.min..<Int64.max)
        for (subject, spans) in Self.spans(old, within: hours).sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            let covered = kept[subject] ?? []
            if !spans.allSatisfy({ span in covered.contains { $0.lowerBound <= span.lowerBound && span.upperBound <= $0.upperBound } }) {
                find("earlier.population_shrunk", subject, "had to be looked at more often, says the earlier kit.")
            }
        }
    }

    /// Hours by host and check, as few spans as possible, of slots that lie wholly within these.
    private static func spans(_ population: JSONValue, within hours: Range<Int64>) -> [String: [Range<Int64>]] {
        var spans: [String: [Range<Int64>]] = [:]
        for item in population["slots"]?.array ?? [] {
            guard let host = item["host"]?.string, let check = item["check"]?.string, let length = item["hours"]?.integer else { continue }
            for run in item["runs"]?.array ?? [] {
                guard let parts = run.array, parts.count == 2, let first = parts[0].integer, let count = parts[1].integer else { continue }
                let low = max(first, hours.lowerBound == .min ? first : (hours.lowerBound + length - 1) / length)
                let high = min(first + count, hours.upperBound == .max ? first + count : hours.upperBound / length)
                if low < high { spans["\(host) \(check)", default: []].append(low * length..<high * length) }
            }
        }
        return spans.mapValues { list in
            var joined: [Range<Int64>] = []
            for span in list.sorted(by: { $0.lowerBound < $1.lowerBound }) {
                if let last = joined.last, span.lowerBound <= last.upperBound {
                    joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, span.upperBound)
                } else {
                    joined.append(span)
                }
            }
            return joined
        }
    }
}

extension KitTrace {
    fileprivate func place(of sequence: Int64, _ appliance: ApplianceID) -> Int64? {
        leaves?.runs[appliance]?.last(upTo: sequence).map { sequence - $0.sequence + $0.index }
    }
}
