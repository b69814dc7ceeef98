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
    /// 0 all verified, 1 findings, 2 no kit or not readable.
    package let exitCode: Int32

    /// What a report keeps: a hostile kit can have a finding for every few bytes. `scripts/verify_kit.py` has the same number.
    package static let findingsMax = 10_000

    static func refused(_ refusal: KitRefusal) -> KitReport {
        KitReport(
            findings: [Finding(code: refusal.code, subject: "kit", sentence: refusal.message)], findingsOmitted: 0, appliances: [],
            site: nil, organizationName: nil, trust: .none, exitCode: 2)
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
            "findingsOmitted": .integer(Int64(findingsOmitted)),
            "organization": organizationName.map { .string($0) } ?? nil,
            "site": site.map { .string($0.description) } ?? nil,
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
