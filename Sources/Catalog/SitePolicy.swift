package import Model
package import Seal

/// What Central asks of one appliance beyond the signed catalog: `martlet.site-policy/v1`, signed with the order key.
///
/// It switches off what the catalog has, and adds learned rules that choose among the catalog's runbooks: no more power than orders
/// have. `docs/formats/site-policy.md`.
package struct SitePolicy: Hashable, Sendable {
    package static let schema = "martlet.site-policy/v1"
    /// Of the payload; base 64 and the envelope around it take a third more.
    package static let bytesMax = 1 << 20
    package static let envelopeBytesMax = bytesMax * 3 / 2
    /// Of each list.
    package static let entriesMax = 500
    package static let ruleBytesMax = 16_384
    package static let learnedVersions: ClosedRange<Int64> = 1...1_000_000_000
    package static let personBytesMax = 200
    package static let reasonBytesMax = 1_000

    /// Grows for each appliance.
    package let version: Int64
    package let site: SiteID
    package let appliance: ApplianceID
    package let issued: Timestamp
    /// Each list is sorted by id, and has each once.
    package let checks: [SwitchedOff<CheckSubject>]
    package let rules: [SwitchedOff<RuleSubject>]
    package let runbooks: [SwitchedOff<RunbookSubject>]
    /// Sorted by the rule's id, each once.
    package let learned: [Learned]

    package init(
        version: Int64, site: SiteID, appliance: ApplianceID, issued: Timestamp, checks: [SwitchedOff<CheckSubject>] = [],
        rules: [SwitchedOff<RuleSubject>] = [], runbooks: [SwitchedOff<RunbookSubject>] = [], learned: [Learned] = []
    ) {
        self.version = version
        self.site = site
        self.appliance = appliance
        self.issued = issued
        self.checks = checks.sorted { $0.id < $1.id }
        self.rules = rules.sorted { $0.id < $1.id }
        self.runbooks = runbooks.sorted { $0.id < $1.id }
        self.learned = learned.sorted { $0.ruleID < $1.ruleID }
    }

    /// A check, rule or runbook that a person has switched off.
    package struct SwitchedOff<Subject: Sendable>: Hashable, Sendable {
        package let id: Name<Subject>
        package let since: Timestamp
        package let by: String
        package let reason: String

        package init(id: Name<Subject>, since: Timestamp, by: String, reason: String) {
            self.id = id
            self.since = since
            self.by = by
            self.reason = reason
        }
    }

    /// A rule that Central has learned. It is read against the catalog where it is to be used, and until then is what it says.
    package struct Learned: Hashable, Sendable {
        package enum Stage: String, Hashable, Sendable, CaseIterable {
            /// Compared with what is done, never run.
            case shadow
            case canary, active

            package var runs: Bool { self != .shadow }
        }

        /// Its signature (`ptrn_…`) without the prefix.
        package let pattern: Digest
        package let version: Int
        package let stage: Stage
        package let ruleID: RuleID
        /// `RuleDefinition.json`, with that id.
        package let rule: JSONValue

        package init(pattern: Digest, version: Int, stage: Stage, rule: RuleDefinition) {
            self.init(pattern: pattern, version: version, stage: stage, ruleID: rule.id, rule: rule.json)
        }

        package init(pattern: Digest, version: Int, stage: Stage, ruleID: RuleID, rule: JSONValue) {
            self.pattern = pattern
            self.version = version
            self.stage = stage
            self.ruleID = ruleID
            self.rule = rule
        }
    }

    /// Of the payload in a signed document that was not verified; nil where there is none.
    package static func digest(ofSigned bytes: [UInt8]) -> Digest? {
        (try? SignedEnvelope(parsing: bytes, limits: .signed(bytesMax: envelopeBytesMax))).map { Digest(of: $0.payload) }
    }

    /// What judged: the pack alone, or the pack under a document. Evidence names it as `rulesetDigest`.
    package static func ruleset(catalog: Digest, policy: Digest?) -> Digest {
        guard let policy else { return catalog }
        let value: JSONValue = [
            "catalog": .string(catalog.description), "policy": .string(policy.description), "schema": "martlet.ruleset/v1",
        ]
        // Texts only, which always have a canonical form.
        return Digest(of: try! value.canonicalBytes())
    }
}

/// A document that was verified, with the digest by which evidence names it.
package struct VerifiedSitePolicy: Hashable, Sendable {
    package let policy: SitePolicy
    /// SHA-256 of the payload's canonical bytes.
    package let digest: Digest

    /// Verifies the signature, and only then reads.
    ///
    /// - Parameters:
    ///   - key: of orders, as enrolment pinned it.
    ///   - newerThan: the version in force: only a higher one is taken.
    package init(
        opening signed: [UInt8], key: VerifyingKey, site: SiteID, appliance: ApplianceID, newerThan inForce: Int64 = 0
    ) throws(SitePolicyError) {
        let payload: JSONValue
        do throws(EnvelopeError) {
            let envelope = try SignedEnvelope(parsing: signed, limits: .signed(bytesMax: SitePolicy.envelopeBytesMax))
            digest = Digest(of: envelope.payload)
            payload = try envelope.open(schema: SitePolicy.schema, keys: [key], limits: .signed(bytesMax: SitePolicy.bytesMax)).payload
        } catch { throw .envelope(error) }
        do throws(FieldError) { policy = try SitePolicy(json: payload) } catch { throw .field(error) }
        guard policy.site == site else { throw .wrongSite(policy.site) }
        guard policy.appliance == appliance else { throw .wrongAppliance(policy.appliance) }
        guard policy.version > inForce else { throw .notNewer(policy.version, inForce: inForce) }
    }
}

/// Why a document was not taken. The one in force stays in force.
package enum SitePolicyError: Error, Hashable, Sendable {
    case envelope(EnvelopeError)
    case field(FieldError)
    case wrongSite(SiteID)
    case wrongAppliance(ApplianceID)
    case notNewer(Int64, inForce: Int64)
    /// Central shows another document under a number that is in force.
    case changed(Int64)

    package var code: Code {
        switch self {
        case .envelope(let error): Code(error.code) ?? "policy.malformed"
        case .field: "policy.malformed"
        case .wrongSite: "policy.wrong_site"
        case .wrongAppliance: "policy.wrong_appliance"
        case .notNewer: "policy.not_newer"
        case .changed: "policy.changed"
        }
    }

    package var message: String {
        switch self {
        case .envelope(let error): "site policy refused, the one in force stays: \(error.message)"
        case .field(let error): "site policy refused, the one in force stays: \(error.message)"
        case .wrongSite(let site): "site policy refused: it is for \(site); the one in force stays."
        case .wrongAppliance(let appliance): "site policy refused: it is for \(appliance); the one in force stays."
        case .notNewer(let version, let inForce):
            "site policy refused: version \(version) is not above \(inForce), which is in force and stays."
        case .changed(let version):
            "Central shows another site policy \(version) than the one that is in force and stays. Issue a newer one."
        }
    }

    /// Whether the order key signed what was refused, so that it is refused for good.
    package var isOfSignedDocument: Bool {
        switch self {
        case .envelope(.notJSON), .envelope(.field), .envelope(.unknownKey), .envelope(.badSignature), .changed: false
        case .envelope(.notCanonical), .envelope(.wrongSchema), .field, .wrongSite, .wrongAppliance, .notNewer: true
        }
    }
}
