import Evidence
import Model
package import Seal

/// PEM of a request, a certificate, an authority.
private let pemBytesMax = 65_536
/// An envelope with a receipt in it.
private let envelopeBytesMax = SignedReceipt.bytesMax

extension EnrollmentRequest: WireMessage {
    package static let bytesMax = 131_072

    package var json: JSONValue {
        [
            "claimSecret": .string(claimSecret), "evidenceKey": .string(evidenceKey.base64), "hostname": .string(hostname),
            "proof": .string(proof.base64), "sealingKey": .string(sealingKey.base64), "signingRequest": .string(signingRequest),
            "softwareVersion": .string(softwareVersion),
        ]
    }

    package init(reading reader: ObjectReader) throws(FieldError) {
        self.init(
            claimSecret: try reader.string("claimSecret", bytesMax: 64),
            signingRequest: try reader.string("signingRequest", bytesMax: pemBytesMax),
            evidenceKey: try reader.bytes("evidenceKey", count: 32...32), sealingKey: try reader.bytes("sealingKey", count: 32...32),
            hostname: try reader.string("hostname", bytesMax: 255), softwareVersion: try reader.string("softwareVersion", bytesMax: 100),
            proof: try reader.bytes("proof", count: 64...64))
    }
}

extension EnrollmentGrant: WireMessage {
    package static let bytesMax = 262_144

    package var json: JSONValue {
        [
            "appliance": .string(appliance.description), "applianceUrl": .string(applianceURL), "authority": .string(authority),
            "catalogKey": .string(catalogKey.base64), "certificate": .string(certificate), "logKey": logKey.map { .string($0) } ?? nil,
            "orderKey": .string(orderKey.base64),
            "organization": .string(organization.description), "receiptKey": .string(receiptKey.base64), "site": .string(site.description),
        ]
    }

    package init(reading reader: ObjectReader) throws(FieldError) {
        self.init(
            organization: try reader.parsed("organization"), site: try reader.parsed("site"), appliance: try reader.parsed("appliance"),
            certificate: try reader.string("certificate", bytesMax: pemBytesMax),
            authority: try reader.string("authority", bytesMax: pemBytesMax),
            orderKey: try reader.bytes("orderKey", count: 32...32), receiptKey: try reader.bytes("receiptKey", count: 32...32),
            catalogKey: try reader.bytes("catalogKey", count: 32...32), applianceURL: try reader.string("applianceUrl", bytesMax: 2_000),
            logKey: try reader.optionalString("logKey", bytesMax: WitnessReport.keyBytesMax))
    }
}

extension CheckinRequest: WireMessage {
    /// A dispute's two notes, a newline in JSON being two bytes, plans that wait, a quotation mark being two bytes, and little else.
    package static let bytesMax = 163_840
    package static let approvalsMax = 16
    /// Of all plans together, before they stand in JSON.
    package static let approvalsBytesMax = 49_152

    package var json: JSONValue {
        [
            "approvals": .array(approvals.map { .string($0) }),
            "catalogVersion": .integer(catalogVersion), "chainHead": .integer(chainHead),
            "clock": ["offsetMs": clock.offsetMilliseconds.map { .integer($0) } ?? nil, "source": .string(clock.source)],
            "openIncidents": .integer(Int64(openIncidents)), "paused": .boolean(isPaused), "policyVersion": .integer(policyVersion),
            "queued": .integer(Int64(queued)),
            "sent": .string(sent.description), "softwareVersion": .string(softwareVersion),
            "witness": witness?.json ?? nil,
        ]
    }

    package init(reading reader: ObjectReader) throws(FieldError) {
        let clock = try reader.object("clock")
        self.init(
            sent: try reader.instant("sent"), softwareVersion: try reader.string("softwareVersion", bytesMax: 100),
            catalogVersion: try reader.integer("catalogVersion", in: 0...JSONValue.greatestInteger),
            chainHead: try reader.integer("chainHead", in: -1...JSONValue.greatestInteger),
            queued: Int(try reader.integer("queued", in: 0...JSONValue.greatestInteger)),
            openIncidents: Int(try reader.integer("openIncidents", in: 0...JSONValue.greatestInteger)),
            isPaused: try reader.boolean("paused"),
            clock: ClockReading(
                offsetMilliseconds: try clock.optionalInteger("offsetMs"), source: try clock.string("source", bytesMax: 200)),
            witness: try reader.optionalObject("witness").map { item throws(FieldError) in try WitnessReport(reading: item) },
            // Absent from software that knew no approvals.
            approvals: reader.has("approvals")
                ? try reader.strings("approvals", countMax: Self.approvalsMax, bytesMax: PlanStatement.bytesMax) : [],
            policyVersion: try reader.optionalInteger("policyVersion", in: 0...JSONValue.greatestInteger) ?? 0)
    }
}

extension WitnessReport {
    package static let keyBytesMax = 500
    package static let cosignatureBytesMax = 1_000
    /// Of a checkpoint: origin, size, root and one signature are 300.
    package static let noteBytesMax = 8_192

    fileprivate var json: JSONValue {
        let dispute: JSONValue? = self.dispute.map {
            [
                "cosigned": .string($0.cosigned), "kind": .string($0.kind), "refused": .string($0.refused),
                "seen": .string($0.seen.description),
            ]
        }
        return [
            "cosignature": cosignature.map { .string($0) } ?? nil, "dispute": dispute ?? nil,
            "entry": entry.map { .integer($0) } ?? nil, "key": .string(key), "size": .integer(size),
        ]
    }

    fileprivate init(reading reader: ObjectReader) throws(FieldError) {
        var dispute: DisputeReport?
        if let item = try reader.optionalObject("dispute") {
            dispute = DisputeReport(
                kind: try item.string("kind", bytesMax: 20), cosigned: try item.string("cosigned", bytesMax: Self.noteBytesMax),
                refused: try item.string("refused", bytesMax: Self.noteBytesMax), seen: try item.instant("seen"))
        }
        self.init(
            key: try reader.string("key", bytesMax: Self.keyBytesMax),
            size: try reader.integer("size", in: -1...JSONValue.greatestInteger),
            cosignature: try reader.optionalString("cosignature", bytesMax: Self.cosignatureBytesMax), dispute: dispute,
            entry: try reader.optionalInteger("entry", in: 0...JSONValue.greatestInteger))
    }
}

extension CheckinReply: WireMessage {
    package static let ordersMax = 20
    /// Of one signed order as it travels; refused at its creation when it is larger.
    package static let orderBytesMax = OrderAuthenticator.bytesMax
    package static let bytesMax = 4 << 20
    /// Of all orders in one reply, as JSON texts; the other fields are far below the rest.
    package static let ordersBytesMax = bytesMax - 49_152
    /// Of `log` and of `entry`: a proof of at most 63 lines and a checkpoint.
    package static let logBytesMax = 12_288

    package var json: JSONValue {
        [
            "acknowledgedSequence": .integer(acknowledgedSequence), "catalogVersion": .integer(catalogVersion),
            "entry": entry.map { .string($0) } ?? nil, "log": log.map { .string($0) } ?? nil, "logKey": logKey.map { .string($0) } ?? nil,
            "orders": .array(orders.map { .string($0) }), "policy": policy?.json ?? .null, "received": .string(received.description),
            "renewCertificate": .boolean(renewCertificate),
        ]
    }

    package init(reading reader: ObjectReader) throws(FieldError) {
        self.init(
            received: try reader.instant("received"),
            catalogVersion: try reader.integer("catalogVersion", in: 0...JSONValue.greatestInteger),
            orders: try reader.strings("orders", countMax: Self.ordersMax, bytesMax: Self.orderBytesMax),
            acknowledgedSequence: try reader.integer("acknowledgedSequence", in: -1...JSONValue.greatestInteger),
            renewCertificate: try reader.boolean("renewCertificate"), log: try reader.optionalString("log", bytesMax: Self.logBytesMax),
            entry: try reader.optionalString("entry", bytesMax: Self.logBytesMax),
            logKey: try reader.optionalString("logKey", bytesMax: SignedLogKey.bytesMax),
            policy: try reader.optionalObject("policy").map { item throws(FieldError) in try PolicyOffer(reading: item) })
    }
}

extension PolicyOffer {
    fileprivate var json: JSONValue { ["digest": .string(digest.description), "version": .integer(version)] }

    fileprivate init(reading reader: ObjectReader) throws(FieldError) {
        self.init(version: try reader.integer("version", in: 1...JSONValue.greatestInteger), digest: try reader.digest("digest"))
    }
}

extension OrderReport: WireMessage {
    package static let bytesMax = 4_096

    package var json: JSONValue {
        [
            "code": code.map { .string($0.description) } ?? nil, "evidenceSequence": evidenceSequence.map { .integer($0) } ?? nil,
            "order": .string(order.description), "state": .string(state.rawValue),
        ]
    }

    package init(reading reader: ObjectReader) throws(FieldError) {
        self.init(
            order: try reader.parsed("order"), state: try reader.word("state"), code: try reader.optionalParsed("code"),
            evidenceSequence: try reader.optionalInteger("evidenceSequence", in: 0...JSONValue.greatestInteger))
    }
}

extension EvidenceSubmission: WireMessage {
    package static let bundlesMax = 500
    /// 4 MiB of bundles; base 64 makes 4 bytes of 3, and each item has a frame and a signature.
    package static let bundleBytesMax = 4 << 20
    package static let bytesMax = bundleBytesMax / 3 * 4 + bundlesMax * 160 + 1_024

    package var json: JSONValue {
        ["bundles": .array(bundles.map { ["bundle": .string($0.bytes.base64), "signature": .string($0.signature.base64)] })]
    }

    package init(reading reader: ObjectReader) throws(FieldError) {
        var bundles: [SignedBundle] = []
        for item in try reader.objects("bundles", countMax: Self.bundlesMax) {
            bundles.append(
                SignedBundle(
                    bytes: try item.bytes("bundle", count: 0...SignedBundle.bytesMax),
                    signature: try item.bytes("signature", count: 64...64)))
        }
        self.init(bundles: bundles)
    }
}

extension EvidenceReply: WireMessage {
    package static let bytesMax = envelopeBytesMax + 16_384

    package var json: JSONValue {
        let refusal: JSONValue? = self.refusal.map {
            [
                "code": .string($0.code.description), "sentence": .string($0.sentence),
                "sequence": $0.sequence.map { .integer($0) } ?? nil,
            ]
        }
        return [
            "acknowledgedSequence": .integer(acknowledgedSequence), "receipt": receipt.map { .string($0) } ?? nil,
            "refusal": refusal ?? nil,
        ]
    }

    package init(reading reader: ObjectReader) throws(FieldError) {
        var refusal: Refusal?
        if reader.optional("refusal") != nil {
            let item = try reader.object("refusal")
            refusal = Refusal(
                sequence: try item.optionalInteger("sequence", in: 0...JSONValue.greatestInteger), code: try item.parsed("code"),
                sentence: try item.string("sentence", bytesMax: 2_000))
        }
        self.init(
            receipt: try reader.optionalString("receipt", bytesMax: envelopeBytesMax), refusal: refusal,
            acknowledgedSequence: try reader.integer("acknowledgedSequence", in: -1...JSONValue.greatestInteger))
    }
}

extension CertificateRequest: WireMessage {
    package static let bytesMax = 131_072

    package var json: JSONValue { ["signingRequest": .string(signingRequest)] }

    package init(reading reader: ObjectReader) throws(FieldError) {
        self.init(signingRequest: try reader.string("signingRequest", bytesMax: pemBytesMax))
    }
}

extension CertificateGrant: WireMessage {
    package static let bytesMax = 262_144

    package var json: JSONValue { ["authority": .string(authority), "certificate": .string(certificate)] }

    package init(reading reader: ObjectReader) throws(FieldError) {
        self.init(
            certificate: try reader.string("certificate", bytesMax: pemBytesMax),
            authority: try reader.string("authority", bytesMax: pemBytesMax))
    }
}

extension Receipt: WireMessage {
    package static let bytesMax = 40_960

    package var json: JSONValue {
        [
            "appliance": .string(appliance.description), "firstSequence": .integer(firstSequence), "head": .string(head.description),
            "lastSequence": .integer(lastSequence),
            "logged": .array(
                logged.map { ["count": .integer($0.count), "index": .integer($0.index), "sequence": .integer($0.sequence)] }),
            "received": .string(received.description), "schema": .string(Self.schema), "site": .string(site.description),
        ]
    }

    package init(reading reader: ObjectReader) throws(FieldError) {
        guard try reader.string("schema", bytesMax: 100) == Self.schema else { throw .outOfRange("schema", expected: Self.schema) }
        let first = try reader.integer("firstSequence", in: 0...JSONValue.greatestInteger)
        var logged: [LogRun] = []
        for run in try reader.objects("logged", countMax: EvidenceSubmission.bundlesMax) {
            logged.append(
                LogRun(
                    sequence: try run.integer("sequence", in: 0...JSONValue.greatestInteger),
                    index: try run.integer("index", in: 0...JSONValue.greatestInteger),
                    count: try run.integer("count", in: 1...Int64(EvidenceSubmission.bundlesMax))))
        }
        self.init(
            site: try reader.parsed("site"), appliance: try reader.parsed("appliance"), firstSequence: first,
            lastSequence: try reader.integer("lastSequence", in: first...JSONValue.greatestInteger), head: try reader.parsed("head"),
            received: try reader.instant("received"), logged: logged)
    }
}
