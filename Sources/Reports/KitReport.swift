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
        /// Sequences of its first and last bundle, as the manifest has them; nil when it sent nothing.
        package let sequences: ClosedRange<Int64>?
        /// Bundles whose signature, form and place are right.
        package let verified: Int
    }

    /// What the transparency log shows of it.
    package struct Log: Hashable, Sendable {
        package let origin: String
        package let size: Int64
        /// By witnesses that the kit names.
        package let cosignatures: Int
        package let witnesses: Int
        package let quorum: Int
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
    /// What was required and seen, computed again from the bundles; nil where findings stood in the way.
    package let figures: CoverageFigures?
    /// Central's statements that were read.
    package let statements: Int
    /// Entries of the ledger that nothing in the kit shows.
    package let prior: Int
    /// In the order drawn; nil where none was asked for, or the population was not computed.
    package let sample: [Sample.Draw]?
    /// 0 all verified, 1 findings, 2 no kit or not readable.
    package let exitCode: Int32

    /// What a report keeps: a hostile kit can have a finding for every few bytes. `scripts/verify_kit.py` has the same number.
    package static let findingsMax = 10_000

    static func refused(_ refusal: KitRefusal) -> KitReport {
        KitReport(
            findings: [Finding(code: refusal.code, subject: "kit", sentence: refusal.message)], findingsOmitted: 0, appliances: [],
            site: nil, organizationName: nil, trust: .none, log: nil, figures: nil, statements: 0, prior: 0, sample: nil, exitCode: 2)
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

    package var json: JSONValue {
        [
            "appliances": .array(
                appliances.map {
                    [
                        "appliance": .string($0.appliance.description), "first": $0.sequences.map { .integer($0.lowerBound) } ?? nil,
                        "last": $0.sequences.map { .integer($0.upperBound) } ?? nil,
                        "verified": .integer(Int64($0.verified)),
                    ]
                }),
            "exit": .integer(Int64(exitCode)),
            "findings": .array(
                findings.map { ["code": .string($0.code.description), "sentence": .string($0.sentence), "subject": .string($0.subject)] }),
            "figures": figures.map { .object($0.json) } ?? nil,
            "findingsOmitted": .integer(Int64(findingsOmitted)),
            "log": log.map {
                [
                    "cosignatures": .integer(Int64($0.cosignatures)), "origin": .string($0.origin), "quorum": .integer(Int64($0.quorum)),
                    "size": .integer($0.size), "witnesses": .integer(Int64($0.witnesses)),
                ]
            } ?? nil,
            "organization": organizationName.map { .string($0) } ?? nil,
            "prior": .integer(Int64(prior)),
            "sample": sample.map { .array($0.map { [.string($0.appliance.description), .integer($0.sequence)] }) } ?? nil,
            "site": site.map { .string($0.description) } ?? nil,
            "statements": .integer(Int64(statements)),
            "trust": .string(trustSentence),
        ]
    }

    /// For people; findings after the first hundred are counted only.
    package var table: String {
        var lines: [String] = []
        if let site { lines.append("site          \(site)  \(organizationName ?? "")") }
        if exitCode != 2 { lines.append("trust         \(trustSentence)") }
        for appliance in appliances {
            let found =
                appliance.sequences.map { "bundles \($0.lowerBound) to \($0.upperBound): \(appliance.verified) verified" } ?? "sent nothing"
            lines.append("appliance     \(appliance.appliance)  \(found)")
        }
        if let log {
            lines.append(
                "log           \(log.origin), \(log.size) entries, signed by \(log.cosignatures) of \(log.witnesses) witnesses; "
                    + "\(log.quorum) are wanted")
        }
        if statements > 0 { lines.append("statements    \(statements) of the provider") }
        if prior > 0 { lines.append("ledger        \(prior) entries from before these bundles, on the provider's word") }
        if let figures {
            lines.append(
                "seen          \(figures.required) required: \(figures.made) in time, \(figures.late) late, \(figures.excepted) excepted, "
                    + "\(figures.missingCount) missing")
            for (code, count) in figures.missing.sorted(by: { $0.key < $1.key }) { lines.append("missing       \(count) \(code)") }
        } else if exitCode != 2 {
            lines.append("seen          not computed again, because of the findings")
        }
        for draw in sample ?? [] { lines.append("sample        \(draw.appliance) \(draw.sequence)") }
        for finding in findings.prefix(100) { lines.append("finding       \(finding.code)  \(finding.subject): \(finding.sentence)") }
        let count = findings.count + findingsOmitted
        if count > 100 { lines.append("              and \(count - 100) more") }
        switch exitCode {
        case 0: lines.append("result        everything verified")
        case 1 where count == 1: lines.append("result        1 finding: do not rely on what it names")
        case 1: lines.append("result        \(count) findings: do not rely on what they name")
        default: lines.append("result        not a kit that can be judged")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
