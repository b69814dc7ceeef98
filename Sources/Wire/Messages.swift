package import Evidence
package import Model

// The appliance API, version 1. HTTP/1.1 over TLS 1.3; bodies are JSON. Two listeners in Central:
//
//   web (server certificate only)
//     GET  /v1/ca                    Central's CA certificate, PEM; checked against the fingerprint in the claim code
//     POST /v1/enroll                EnrollmentRequest -> EnrollmentGrant
//     POST /v1/certificate/recover   SignedRecovery -> CertificateGrant (the old certificate is past its time)
//   appliance API (mutual TLS; the appliance is who its certificate says, never who a body says)
//     POST /v1/checkin               CheckinRequest -> CheckinReply
//     GET  /v1/catalog/{version}     the signed catalog pack, application/octet-stream
//     GET  /v1/policy/{version}      the caller's own signed site policy, application/json
//     POST /v1/orders/{order}/state  OrderReport -> 204
//     POST /v1/evidence              EvidenceSubmission -> EvidenceReply
//     POST /v1/certificate           CertificateRequest -> CertificateGrant (renewal, over the old certificate)
//
// Errors are RFC 9457 problem details with our stable `code`.

/// Asks for an identity, once, with a claim code.
package struct EnrollmentRequest: Hashable, Sendable {
    package let claimSecret: String
    /// PKCS #10, PEM. Only its public key is used; subject and extensions are Central's to set.
    package let signingRequest: String
    /// Raw 32 bytes of the Ed25519 key that signs evidence.
    package let evidenceKey: [UInt8]
    /// Raw 32 bytes of the X25519 key that secrets are sealed to.
    package let sealingKey: [UInt8]
    package let hostname: String
    package let softwareVersion: String
    /// By the evidence key, over `EnrollmentProof.statement`: 64 bytes.
    package let proof: [UInt8]

    package init(
        claimSecret: String, signingRequest: String, evidenceKey: [UInt8], sealingKey: [UInt8], hostname: String, softwareVersion: String,
        proof: [UInt8]
    ) {
        self.claimSecret = claimSecret
        self.signingRequest = signingRequest
        self.evidenceKey = evidenceKey
        self.sealingKey = sealingKey
        self.hostname = hostname
        self.softwareVersion = softwareVersion
        self.proof = proof
    }
}

package struct EnrollmentGrant: Hashable, Sendable {
    package let organization: OrganizationID
    package let site: SiteID
    package let appliance: ApplianceID
    /// The client certificate and the CA, PEM.
    package let certificate: String
    package let authority: String
    /// Raw Ed25519 keys: of orders, of receipts, of catalog packs.
    package let orderKey: [UInt8]
    package let receiptKey: [UInt8]
    package let catalogKey: [UInt8]
    /// Where the appliance API listens (`https://central.example:8443`).
    package let applianceURL: String
    /// The transparency log's key, as a vkey; nil from a Central that has no log.
    package let logKey: String?

    package init(
        organization: OrganizationID, site: SiteID, appliance: ApplianceID, certificate: String, authority: String, orderKey: [UInt8],
        receiptKey: [UInt8], catalogKey: [UInt8], applianceURL: String, logKey: String? = nil
    ) {
        self.logKey = logKey
        self.organization = organization
        self.site = site
        self.appliance = appliance
        self.certificate = certificate
        self.authority = authority
        self.orderKey = orderKey
        self.receiptKey = receiptKey
        self.catalogKey = catalogKey
        self.applianceURL = applianceURL
    }
}

package struct CheckinRequest: Hashable, Sendable {
    package let sent: Timestamp
    package let softwareVersion: String
    package let catalogVersion: Int64
    /// The site policy in force; 0 where there is none.
    package let policyVersion: Int64
    /// Newest sequence in the appliance's chain, -1 when empty; and how many bundles wait to be sent.
    package let chainHead: Int64
    package let queued: Int
    package let openIncidents: Int
    package let isPaused: Bool
    package let clock: ClockReading
    /// nil from an appliance that does not know the log's key: it was enrolled before there was a log.
    package let witness: WitnessReport?
    /// Plans that wait for a second person (`PlanStatement` texts), oldest first, as many as `approvalsMax` and `approvalsBytesMax`
    /// allow.
    package let approvals: [String]

    package init(
        sent: Timestamp, softwareVersion: String, catalogVersion: Int64, chainHead: Int64, queued: Int, openIncidents: Int,
        isPaused: Bool, clock: ClockReading, witness: WitnessReport? = nil, approvals: [String] = [], policyVersion: Int64 = 0
    ) {
        self.policyVersion = policyVersion
        self.approvals = approvals
        self.witness = witness
        self.sent = sent
        self.softwareVersion = softwareVersion
        self.catalogVersion = catalogVersion
        self.chainHead = chainHead
        self.queued = queued
        self.openIncidents = openIncidents
        self.isPaused = isPaused
        self.clock = clock
    }
}

/// What an appliance says as a witness of the transparency log.
package struct WitnessReport: Hashable, Sendable {
    /// Its key, a vkey.
    package let key: String
    /// Of the checkpoint that it cosigned last; -1 when none.
    package let size: Int64
    /// That checkpoint's cosignature: a signature line with its newline. The same until a newer checkpoint is cosigned.
    package let cosignature: String?
    /// One of its open disputes, in turn: the same ones come again and again.
    package let dispute: DisputeReport?
    /// Index of an entry of its own which the reply shall show to be in the log.
    package let entry: Int64?

    package init(key: String, size: Int64, cosignature: String?, dispute: DisputeReport?, entry: Int64? = nil) {
        self.entry = entry
        self.key = key
        self.size = size
        self.cosignature = cosignature
        self.dispute = dispute
    }
}

/// Two checkpoints that the log has signed, of which a witness refused the second.
package struct DisputeReport: Hashable, Sendable {
    package let kind: String
    /// Signed notes.
    package let cosigned: String
    package let refused: String
    package let seen: Timestamp

    package init(kind: String, cosigned: String, refused: String, seen: Timestamp) {
        self.kind = kind
        self.cosigned = cosigned
        self.refused = refused
        self.seen = seen
    }
}

package struct CheckinReply: Hashable, Sendable {
    package let received: Timestamp
    /// The newest catalog for this appliance; 0 when there is none.
    package let catalogVersion: Int64
    /// Signed orders (`SignedEnvelope` JSON texts), oldest first, as many as `ordersMax` and `ordersBytesMax` allow; the next reply
    /// has the rest. Each is sent until it is acknowledged.
    package let orders: [String]
    /// The highest sequence that Central holds for this appliance, -1 when none: where to push from.
    package let acknowledgedSequence: Int64
    /// The client certificate should be renewed now.
    package let renewCertificate: Bool
    /// The log's newest checkpoint, for a request with a witness in it: the text of a C2SP add-checkpoint request, its proof from the
    /// size that the request named.
    package let log: String?
    /// For a witness that asked for an entry: that it is in that very checkpoint, a tlog-proof. nil when it is not.
    package let entry: String?
    /// For a request without one: the log's key, as a `SignedLogKey`.
    package let logKey: String?
    /// The newest site policy of this appliance; nil when there is none.
    package let policy: PolicyOffer?

    package init(
        received: Timestamp, catalogVersion: Int64, orders: [String], acknowledgedSequence: Int64, renewCertificate: Bool,
        log: String? = nil, entry: String? = nil, logKey: String? = nil, policy: PolicyOffer? = nil
    ) {
        self.policy = policy
        self.entry = entry
        self.log = log
        self.logKey = logKey
        self.received = received
        self.catalogVersion = catalogVersion
        self.orders = orders
        self.acknowledgedSequence = acknowledgedSequence
        self.renewCertificate = renewCertificate
    }
}

/// Which site policy there is to be fetched.
package struct PolicyOffer: Hashable, Sendable {
    package let version: Int64
    /// SHA-256 of the payload.
    package let digest: Digest

    package init(version: Int64, digest: Digest) {
        self.version = version
        self.digest = digest
    }
}

/// What became of an order. `acknowledged` first, then one final state; repeating one is harmless.
package struct OrderReport: Hashable, Sendable {
    package enum State: String, Hashable, Sendable, CaseIterable { case acknowledged, completed, failed, rejected, expired }
    package let order: OrderID
    package let state: State
    package let code: Code?
    /// Sequence of the bundle that proves it, for final states.
    package let evidenceSequence: Int64?

    package init(order: OrderID, state: State, code: Code?, evidenceSequence: Int64?) {
        self.order = order
        self.state = state
        self.code = code
        self.evidenceSequence = evidenceSequence
    }
}

/// Consecutive bundles of the sender's chain, oldest first, at most 500 and 4 MiB.
package struct EvidenceSubmission: Hashable, Sendable {
    package let bundles: [SignedBundle]
    package init(bundles: [SignedBundle]) { self.bundles = bundles }
}

/// One signed receipt for all that was accepted, and the first refusal, after which nothing was looked at.
package struct EvidenceReply: Hashable, Sendable {
    package struct Refusal: Hashable, Sendable {
        package let sequence: Int64?
        package let code: Code
        package let sentence: String

        package init(sequence: Int64?, code: Code, sentence: String) {
            self.sequence = sequence
            self.code = code
            self.sentence = sentence
        }
    }
    /// `SignedEnvelope` JSON text over a `martlet.receipt/v1`; nil when nothing was accepted.
    package let receipt: String?
    package let refusal: Refusal?
    package let acknowledgedSequence: Int64

    package init(receipt: String?, refusal: Refusal?, acknowledgedSequence: Int64) {
        self.receipt = receipt
        self.refusal = refusal
        self.acknowledgedSequence = acknowledgedSequence
    }
}

/// Central's signed word that it holds these bundles durably: `martlet.receipt/v1`.
package struct Receipt: Hashable, Sendable {
    package static let schema = "martlet.receipt/v1"
    package let site: SiteID
    package let appliance: ApplianceID
    package let firstSequence: Int64
    package let lastSequence: Int64
    /// Digest of the bundle at `lastSequence`: with the chain inside, it fixes all before it.
    package let head: Digest
    package let received: Timestamp
    /// Where these bundles stand in the transparency log; a checkpoint that covers them follows within `mergeDelay` of `received`.
    package let logged: [LogRun]
    package static let mergeDelay: Duration = .seconds(10)

    package init(
        site: SiteID, appliance: ApplianceID, firstSequence: Int64, lastSequence: Int64, head: Digest, received: Timestamp,
        logged: [LogRun]
    ) {
        self.site = site
        self.appliance = appliance
        self.firstSequence = firstSequence
        self.lastSequence = lastSequence
        self.head = head
        self.received = received
        self.logged = logged
    }
}

/// Bundles that follow one another both in their chain and in the log.
package struct LogRun: Hashable, Sendable {
    /// Of the first.
    package let sequence: Int64
    package let index: Int64
    package var count: Int64

    package init(sequence: Int64, index: Int64, count: Int64) {
        self.sequence = sequence
        self.index = index
        self.count = count
    }
}

package struct CertificateRequest: Hashable, Sendable {
    package let signingRequest: String
    package init(signingRequest: String) { self.signingRequest = signingRequest }
}

package struct CertificateGrant: Hashable, Sendable {
    package let certificate: String
    package let authority: String
    package init(certificate: String, authority: String) {
        self.certificate = certificate
        self.authority = authority
    }
}
