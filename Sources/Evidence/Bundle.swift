package import Model

/// What happened, once, at one site: the payload of `martlet.evidence/v1`. `docs/formats/evidence.md` has every field.
package struct Bundle: Hashable, Sendable {
    package static let schema = "martlet.evidence/v1"

    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// A first verdict, or one that changed.
        case verdict
        /// The verdicts of every check of one host, each heartbeat interval.
        case attestation
        /// A plan that was carried out, or tried.
        case healing
        /// A plan that was not carried out: refused, deferred, or handed to a person.
        case decision
        /// An order and what became of it.
        case order
        /// The appliance itself: started after a crash, catalog switched, key made, clock out of bounds, evidence pruned.
        case system
        /// What the appliance has to look at on one host from now on.
        case expectation
        /// A time in which it could not look, noticed afterwards: from `started` to `ended`, of `check` or of every check of the host.
        case gap
    }

    /// One check's verdict inside an attestation.
    package struct Attested: Hashable, Sendable {
        package let check: CheckID
        package let verdict: Verdict
        package let observed: Timestamp
        /// SHA-256 of the canonical JSON of the facts.
        package let factsDigest: Digest

        package init(check: CheckID, verdict: Verdict, observed: Timestamp, factsDigest: Digest) {
            self.check = check
            self.verdict = verdict
            self.observed = observed
            self.factsDigest = factsDigest
        }
    }

    /// Who made it and under which rules: the same in every bundle of one run of the appliance.
    package struct Origin: Hashable, Sendable {
        package var site: SiteID
        package var appliance: ApplianceID
        package var deploymentMode: DeploymentMode
        package var reseller: String?
        package var policyVersion: String
        package var catalogVersion: Int64
        package var rulesetDigest: Digest
        /// NixOS system revision and derivation digest where there are such things.
        package var nixosRevision: String?
        package var derivationDigest: String?
        package var softwareVersion: String

        package init(
            site: SiteID, appliance: ApplianceID, deploymentMode: DeploymentMode, reseller: String?, policyVersion: String,
            catalogVersion: Int64, rulesetDigest: Digest, nixosRevision: String?, derivationDigest: String?, softwareVersion: String
        ) {
            self.site = site
            self.appliance = appliance
            self.deploymentMode = deploymentMode
            self.reseller = reseller
            self.policyVersion = policyVersion
            self.catalogVersion = catalogVersion
            self.rulesetDigest = rulesetDigest
            self.nixosRevision = nixosRevision
            self.derivationDigest = derivationDigest
            self.softwareVersion = softwareVersion
        }
    }

    package var id: BundleID
    package var kind: Kind
    package var origin: Origin
    package var host: HostID
    package var check: CheckID?
    package var controls: [ControlCitation]
    /// `Verdict` that this bundle states about `check`; nil where it states none.
    package var verdict: Verdict?
    package var attested: [Attested]
    /// Only in `expectation`: sorted by check, each once; empty when the host is no longer watched.
    package var expected: [ExpectedCheck]
    package var preState: Facts
    package var postState: Facts
    package var actions: [ActionRecord]
    package var isRollbackAvailable: Bool
    package var observed: Timestamp
    package var started: Timestamp
    package var ended: Timestamp
    package var clock: ClockReading
    package var outcome: Outcome
    package var order: OrderID?
    package var runbook: RunbookID?
    package var incident: IncidentID?
    package var tier: Tier?
    /// Of the transparency log, as the appliance was shown them: the newest that it cosigned, or what speaks against the log.
    package var checkpoints: [SeenCheckpoint]
    /// Only in `healing` and `decision`: what the plan was made of, or for which platforms none was.
    package var plan: PlanRecord?
    /// Only about an incident: learned rules that look on and would have answered it, by rule.
    package var shadow: [ShadowFiring]
    /// With a model, about this incident.
    package var exchange: ExchangeRecord?
    /// Who asked and who approved (`rule:…`, `order:alice@msp.example`); nil for automation that needs neither.
    package var requester: String?
    package var approver: String?
    /// Why, in scrubbed words; empty where the codes say it all.
    package var note: String

    package init(
        id: BundleID, kind: Kind, origin: Origin, host: HostID, check: CheckID? = nil, controls: [ControlCitation] = [],
        verdict: Verdict? = nil, attested: [Attested] = [], expected: [ExpectedCheck] = [], preState: Facts = Facts(),
        postState: Facts = Facts(), actions: [ActionRecord] = [], isRollbackAvailable: Bool = false, observed: Timestamp,
        started: Timestamp, ended: Timestamp,
        clock: ClockReading, outcome: Outcome, order: OrderID? = nil, runbook: RunbookID? = nil, incident: IncidentID? = nil,
        tier: Tier? = nil, checkpoints: [SeenCheckpoint] = [], plan: PlanRecord? = nil, shadow: [ShadowFiring] = [],
        requester: String? = nil, approver: String? = nil, note: String = ""
    ) {
        self.id = id
        self.kind = kind
        self.origin = origin
        self.host = host
        self.check = check
        self.controls = controls
        self.verdict = verdict
        self.attested = attested
        self.expected = expected
        self.preState = preState
        self.postState = postState
        self.actions = actions
        exchange = nil
        self.isRollbackAvailable = isRollbackAvailable
        self.observed = observed
        self.started = started
        self.ended = ended
        self.clock = clock
        self.outcome = outcome
        self.order = order
        self.runbook = runbook
        self.incident = incident
        self.tier = tier
        self.checkpoints = checkpoints
        self.plan = plan
        self.shadow = shadow
        self.requester = requester
        self.approver = approver
        self.note = note
    }
}

/// A bundle's place in its appliance's chain: both stand inside the signed bytes.
package struct ChainLink: Hashable, Sendable {
    /// 0 for the first, then without gaps.
    package let sequence: Int64
    /// Digest of the predecessor's canonical bytes; `Digest.genesis` for the first.
    package let previous: Digest

    package init(sequence: Int64, previous: Digest) {
        self.sequence = sequence
        self.previous = previous
    }
}

/// What is stored, sent and handed to an auditor: the canonical bytes and a detached Ed25519 signature over exactly them.
/// Nothing about it has been checked; `VerifiedBundle` is what checking makes.
package struct SignedBundle: Hashable, Sendable {
    /// RFC 8785 canonical JSON.
    package let bytes: [UInt8]
    /// 64 bytes.
    package let signature: [UInt8]

    package init(bytes: [UInt8], signature: [UInt8]) {
        self.bytes = bytes
        self.signature = signature
    }
}
