package import Model
package import Seal

/// How far a learned rule has come.
package enum Stage: String, Hashable, Sendable, CaseIterable {
    /// Only counted.
    case candidate
    /// What it would have done is compared with what was done; nothing of it runs.
    case shadow
    /// Runs at a few sites.
    case canary
    /// Runs at every site of the partner.
    case active
    /// Failed. A candidate again after a while, a few times.
    case demoted
    /// Withdrawn by a person, who alone can bring it back.
    case revoked

    package var runs: Bool { self == .canary || self == .active }
}

/// That a learned rule went from one stage to another, or that a site is not told it: what is signed and logged, with the evidence that it rests on.
package struct StageChange: Hashable, Sendable {
    package static let schema = "martlet.pattern-stage/v1"
    package static let bundlesMax = 256
    package static let noteBytesMax = 1_000

    package let partner: PartnerID
    package let key: PatternKey
    /// Grows with each change of one learned rule, from 1 without gaps.
    package let number: Int
    /// Of the rule: grows each time it begins anew as a candidate.
    package let version: Int
    package let from: Stage
    package let to: Stage
    package let at: Timestamp
    /// `policy`, or the person.
    package let by: String
    package let reason: Code
    /// For and against, in the stage that was left.
    package let successes: Int
    package let failures: Int
    /// The bundles that say so: all of them, or where there are more than `bundlesMax` the newest.
    package let bundles: [BundleID]
    /// Where it runs from now on; empty but for canary. An active rule runs at every site of the partner.
    package let sites: [SiteID]
    /// Of the rule's canonical definition.
    package let rule: Digest
    /// Of a statement about one site, which leaves the stage as it is: the site that is told the rule no more, because it refused it, or is
    /// told it again.
    package var site: SiteID?
    /// Why, in the words of the person who decided; empty where the policy did.
    package var note = ""

    package var json: JSONValue {
        var members: [String: JSONValue] = [
            "schema": .string(Self.schema), "partner": .string(partner.description), "pattern": .string(key.signature.description),
            "runbookDigest": .string(key.remedy.digest.description), "number": .integer(Int64(number)),
            "version": .integer(Int64(version)), "from": .string(from.rawValue), "to": .string(to.rawValue),
            "at": .string(at.description), "by": .string(by), "reason": .string(reason.description),
            "successes": .integer(Int64(successes)), "failures": .integer(Int64(failures)),
            "bundles": .array(bundles.map { .string($0.description) }), "sites": .array(sites.map { .string($0.description) }),
            "rule": .string(rule.description), "note": .string(note),
        ]
        if let site { members["site"] = .string(site.description) }
        return .object(members)
    }
}

extension StageChange {
    private static let counts: ClosedRange<Int64> = 0...1_000_000_000

    /// - Throws: for anything but what `json` writes.
    package init(json: JSONValue) throws(FieldError) {
        let reader = try ObjectReader(json)
        try reader.refuseUnknown(except: [
            "schema", "partner", "pattern", "runbookDigest", "number", "version", "from", "to", "at", "by", "reason", "successes",
            "failures", "bundles", "sites", "rule", "note", "site",
        ])
        guard try reader.string("schema", bytesMax: 100) == Self.schema else { throw .outOfRange("schema", expected: Self.schema) }
        partner = try reader.parsed("partner")
        key = PatternKey(try reader.parsed("pattern"), RemedyID(try reader.digest("runbookDigest")))
        number = Int(try reader.integer("number", in: 1...1_000_000_000))
        version = Int(try reader.integer("version", in: 1...1_000_000_000))
        from = try reader.word("from")
        to = try reader.word("to")
        at = try reader.instant("at")
        by = try reader.string("by", bytesMax: 200)
        reason = try reader.parsed("reason")
        successes = Int(try reader.integer("successes", in: Self.counts))
        failures = Int(try reader.integer("failures", in: Self.counts))
        bundles = try reader.ids("bundles", countMax: Self.bundlesMax)
        sites = try reader.ids("sites", countMax: 20)
        rule = try reader.digest("rule")
        site = try reader.optionalParsed("site")
        note = try reader.string("note", bytesMax: Self.noteBytesMax)
    }
}
