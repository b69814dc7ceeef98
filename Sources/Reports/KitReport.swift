package import Compliance
package import Model
package import Seal

/// What verification of a kit found.
package struct KitReport: Hashable, Sendable {
    package struct Finding: Hashable, Sendable {
        package let code: Code
        /// A file's name in the kit, or an appliance.
        package let subject: String
        package let sentence: String
    }

    package struct Appliance: Hashable, Sendable {
        package let appliance: ApplianceID
        /// As the kit has them: whether they are the box's own is for the reader to compare.
        package let keys: [KitManifest.Key]
        /// Sequences of its first and last bundle, as the manifest has them; nil when it sent nothing.
        package let sequences: ClosedRange<Int64>?
        /// Bundles whose signature, form and place are right.
        package let verified: Int
        /// Verified bundles of which nothing says when they were received.
        package let withoutReceipt: Int
    }

    /// One that counts.
    package struct Cosignature: Hashable, Sendable {
        package let name: String
        package let instant: Timestamp
    }

    /// What the looks in the bundles found, whether they were required or not.
    package struct Found: Hashable, Sendable {
        package private(set) var compliant = 0
        package private(set) var drift = 0
        package private(set) var unknown = 0
        package private(set) var notApplicable = 0

        mutating func add(_ entry: ChainEntry) {
            guard case .looks(let looks) = entry.content else { return }
            for look in looks {
                switch look.verdict {
                case .compliant: compliant += 1
                case .drift: drift += 1
                case .unknown: unknown += 1
                case .notApplicable: notApplicable += 1
                }
            }
        }
    }

    /// What the transparency log shows of it.
    package struct Log: Hashable, Sendable {
        package let origin: String
        package let size: Int64
        /// By the witnesses that count, each once, in time.
        package let cosigned: [Cosignature]
        package let cosignaturesNotCounted: Int
        package var cosignatures: Int { cosigned.count }
        package let witnesses: Int
        package let quorum: Int
    }

    /// What comparing with an earlier kit showed; what is wrong is among the findings.
    package struct Earlier: Hashable, Sendable {
        /// Of it, that are here too and the same.
        package let bundles: Int
        /// Of its log; nil where it was not verified.
        package let size: Int64?
        package let isLogShown: Bool
        /// What is another, and may be so: somebody should ask why.
        package let notes: [Code]
    }

    package enum Trust: Hashable, Sendable {
        /// The signing key is one that the caller brought along.
        case pinned(KeyID)
        /// The kit itself brought the key: proof only once somebody compared it.
        case unpinned(KeyID)
        /// Well signed, but not by the key that the caller brought along.
        case stranger(KeyID)
        case none
    }

    /// At most `findingsMax`, the first ones.
    package let findings: [Finding]
    /// How many there are besides.
    package let findingsOmitted: Int
    package let appliances: [Appliance]
    package let site: SiteID?
    package let organizationName: String?
    package let trust: Trust
    /// nil where its checkpoint is not one.
    package let log: Log?
    package let period: CoveragePeriod?
    /// What was required and seen, computed again from the bundles; nil where findings stood in the way.
    package let figures: CoverageFigures?
    package let found: Found?
    /// Central's statements that were read.
    package let statements: Int
    /// Entries of the ledger that nothing in the kit shows.
    package let prior: Int
    /// Those of them that no bundle of an appliance says.
    package let priorUnsigned: Int
    package let anchors: Int
    /// Texts for people in the kit that are not what this program writes.
    package let strangePages: [String]
    /// Who took a host over from whom while that one still sent.
    package let takeovers: [Takeover]
    /// What is gone after its term, as the provider's statements in the kit say.
    package let pruned: [PrunedStatement]
    /// nil where no earlier kit was named, or it cannot be compared.
    package let earlier: Earlier?
    /// In the order drawn; nil where none was asked for, or the population was not computed.
    package let sample: [Sample.Draw]?
    /// What the kit cannot show by itself, and the reader did not bring along.
    package let notChecked: [String]
    /// 0 all verified, 1 findings, 2 no kit or not readable.
    package let exitCode: Int32

    /// What a report keeps: a hostile kit can have a finding for every few bytes. `scripts/verify_kit.py` has the same number.
    package static let findingsMax = 10_000

    static func refused(_ refusal: KitRefusal) -> KitReport {
        KitReport(
            findings: [Finding(code: refusal.code, subject: "kit", sentence: refusal.message)], findingsOmitted: 0, appliances: [],
            site: nil, organizationName: nil, trust: .none, log: nil, period: nil, figures: nil, found: nil, statements: 0, prior: 0,
            priorUnsigned: 0, anchors: 0, strangePages: [], takeovers: [], pruned: [], earlier: nil, sample: nil, notChecked: [],
            exitCode: 2)
    }
}

extension KitReport {
    package var trustSentence: String {
        switch trust {
        case .pinned(let key): "signed by \(key), the key you named"
        case .unpinned(let key): "signed by \(key), which this kit itself supplies: compare it with the key your provider published"
        case .stranger(let key): "signed by \(key), which is not the key you named: nobody you named vouches for it"
        case .none: "not signed by any key that was found"
        }
    }

    /// Of the period's days those at its end that go beyond the horizon.
    package var daysNotJudged: Int64 {
        guard let period else { return 0 }
        let day: Int64 = 86_400_000
        let begin = max(period.from.milliseconds, period.horizon.milliseconds / day * day)
        return max(0, period.until.milliseconds - begin) / day
    }

    package var json: JSONValue {
        [
            "appliances": .array(
                appliances.map {
                    [
                        "appliance": .string($0.appliance.description), "first": $0.sequences.map { .integer($0.lowerBound) } ?? nil,
                        "keys": .array(
                            $0.keys.map { key in
                                [
                                    "id": .string(key.id.description), "validFrom": .string(key.validFrom.description),
                                    "validUntil": key.validUntil.map { .string($0.description) } ?? nil,
                                ]
                            }),
                        "last": $0.sequences.map { .integer($0.upperBound) } ?? nil,
                        "verified": .integer(Int64($0.verified)), "withoutReceipt": .integer(Int64($0.withoutReceipt)),
                    ]
                }),
            "anchors": .integer(Int64(anchors)),
            "earlier": earlier.map {
                [
                    "bundles": .integer(Int64($0.bundles)), "isLogShown": .boolean($0.isLogShown),
                    "notes": .array($0.notes.map { .string($0.description) }), "size": $0.size.map { .integer($0) } ?? nil,
                ]
            } ?? nil,
            "exit": .integer(Int64(exitCode)),
            "findings": .array(
                findings.map { ["code": .string($0.code.description), "sentence": .string($0.sentence), "subject": .string($0.subject)] }),
            "figures": figures.map { .object($0.json) } ?? nil,
            "found": found.map {
                [
                    "compliant": .integer(Int64($0.compliant)), "drift": .integer(Int64($0.drift)),
                    "not_applicable": .integer(Int64($0.notApplicable)), "unknown": .integer(Int64($0.unknown)),
                ]
            } ?? nil,
            "findingsOmitted": .integer(Int64(findingsOmitted)),
            "log": log.map {
                [
                    "cosignatures": .integer(Int64($0.cosignatures)),
                    "cosignaturesNotCounted": .integer(Int64($0.cosignaturesNotCounted)),
                    "cosigned": .array($0.cosigned.map { ["at": .string($0.instant.description), "name": .string($0.name)] }),
                    "origin": .string($0.origin), "quorum": .integer(Int64($0.quorum)),
                    "size": .integer($0.size), "witnesses": .integer(Int64($0.witnesses)),
                ]
            } ?? nil,
            "notChecked": .array(notChecked.map { .string($0) }),
            "organization": organizationName.map { .string($0) } ?? nil,
            "period": period.map {
                [
                    "daysNotJudged": .integer(daysNotJudged), "from": .string($0.from.description),
                    "horizon": .string($0.horizon.description), "until": .string($0.until.description),
                ]
            } ?? nil,
            "prior": .integer(Int64(prior)), "priorUnsigned": .integer(Int64(priorUnsigned)),
            "pruned": .array(pruned.map(\.listed)),
            "takeovers": .array(takeovers.map(\.json)),
            "sample": sample.map { .array($0.map { [.string($0.appliance.description), .integer($0.sequence)] }) } ?? nil,
            "site": site.map { .string($0.description) } ?? nil,
            "statements": .integer(Int64(statements)), "strangePages": .array(strangePages.map { .string($0) }),
            "trust": .string(trustSentence),
        ]
    }

    /// For people; findings after the first hundred are counted only.
    package var table: String {
        var lines: [String] = []
        if let site { lines.append("site          \(site)  \(organizationName ?? "")") }
        if exitCode != 2 { lines.append("trust         \(trustSentence)") }
        if let period {
            lines.append("period        \(period.from) to \(period.until), judged up to \(period.horizon)")
            if daysNotJudged > 0 { lines.append("              the last \(daysNotJudged) days of it are not judged, or not to their end") }
        }
        for appliance in appliances { lines += appliance.lines }
        if let log {
            lines.append(
                "log           \(log.origin), \(log.size) entries, signed by \(log.cosignatures) of \(log.witnesses) witnesses; "
                    + "\(log.quorum) are wanted")
            for one in log.cosigned { lines.append("cosigned      \(one.instant) by \(one.name)") }
            if log.cosignaturesNotCounted > 0 {
                lines.append(
                    "              \(log.cosignaturesNotCounted) more do not count: by one key twice, older than the newest receipt, "
                        + "or later than the horizon")
            }
        }
        if statements > 0 { lines.append("statements    \(statements) of the provider") }
        if prior > 0 {
            lines.append(
                "ledger        \(prior) entries from before these bundles; \(priorUnsigned) of them on the provider's word, the others signed "
                    + "by the boxes; when they took effect is the provider's word")
        }
        for one in pruned { lines.append("pruned        \(one.sentence)") }
        for one in takeovers { lines.append("taken over    \(one.sentence)") }
        if let earlier {
            let log = earlier.size.map { size in
                earlier.isLogShown
                    ? "; the log goes on from its \(size) entries"
                    : "; that the log goes on from its \(size) entries does not follow from what the two kits hold"
            }
            lines.append("earlier       \(earlier.bundles) bundles of the earlier kit are here, the same\(log ?? "")")
            for note in earlier.notes { lines.append("              \(note): ask why") }
        }
        if anchors > 0 { lines.append("anchors       \(anchors), not checked here") }
        for name in strangePages { lines.append("other         \(name) is not what this program writes: do not rely on what it says") }
        if let figures {
            lines.append(
                "seen          \(figures.required) required: \(figures.made) in time, \(figures.late) late, \(figures.excepted) excepted, "
                    + "\(figures.missingCount) missing")
            if let found {
                lines.append(
                    "found         by these looks: \(found.compliant) compliant, \(found.drift) drift, \(found.unknown) unknown, "
                        + "\(found.notApplicable) not applicable")
            }
            for (code, count) in figures.missing.sorted(by: { $0.key < $1.key }) { lines.append("missing       \(count) \(code)") }
        } else if exitCode != 2 {
            lines.append("seen          not computed again, because of the findings")
        }
        for draw in sample ?? [] { lines.append("sample        \(draw.appliance) \(draw.sequence)") }
        for sentence in notChecked { lines.append("not checked   \(sentence)") }
        for finding in findings.prefix(100) { lines.append("finding       \(finding.code)  \(finding.subject): \(finding.sentence)") }
        let count = findings.count + findingsOmitted
        if count > 100 { lines.append("              and \(count - 100) more") }
        switch exitCode {
        case 0: lines.append("result        everything verified")
        case 1 where count == 1: lines.append("result        1 finding: do not rely on what it names")
        case 1: lines.append("result        \(count) findings: do not rely on what they name")
        default: lines.append("result        not a kit that can be judged")
        }
        // Nothing in a kit may write lines of this report.
        return lines.map { $0.printable + "\n" }.joined()
    }
}

extension KitReport.Appliance {
    fileprivate var lines: [String] {
        let found = sequences.map { "bundles \($0.lowerBound) to \($0.upperBound): \(verified) verified" } ?? "sent nothing"
        var lines = ["appliance     \(appliance)  \(found)"]
        for key in keys {
            let end = key.validUntil.map { " until \($0)" } ?? ""
            lines.append("              key \(key.id) from \(key.validFrom)\(end)")
        }
        if let first = sequences?.lowerBound, first > 0 {
            lines.append("              begins with number \(first): what was before it is not in this kit")
        }
        if withoutReceipt > 0 {
            lines.append("              \(withoutReceipt) bundles without a receipt: nothing says when they were received")
        }
        return lines
    }
}
