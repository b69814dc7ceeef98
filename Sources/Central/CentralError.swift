import Compliance
package import Model
package import Seal
import Wire

/// Why Central did not do what it was asked. `status` is the HTTP status under which an appliance hears of it.
package struct CentralError: Error, Hashable, Sendable, CustomStringConvertible {
    package let status: Int
    /// Stable across releases.
    package let code: Code
    /// What happened, what was not done, what to do. No secrets.
    package let message: String
    /// Central's time, where the refusal is about the sender's.
    package let centralTime: Timestamp?
    /// When to ask again, where that is not up to the sender.
    package let retryAfter: Duration?
    package var description: String { "\(message) [\(code)]" }

    private init(_ status: Int, _ code: Code, _ message: String, centralTime: Timestamp? = nil, retryAfter: Duration? = nil) {
        self.status = status
        self.code = code
        self.message = message
        self.centralTime = centralTime
        self.retryAfter = retryAfter
    }
}

extension CentralError {
    package static let claimUnknown = CentralError(
        403, "claim.unknown", "no such claim code; nothing was enrolled. Check the code, or make a new one.")
    package static let claimUsed = CentralError(
        403, "claim.used", "this claim code was used before; nothing was enrolled. Make a new one, and find out who used it.")
    package static let claimExpired = CentralError(
        403, "claim.expired", "this claim code is past its time; nothing was enrolled. Make a new one.")
    package static let claimLocked = CentralError(
        429, "claim.locked", "too many wrong claim codes from this address; nothing was enrolled. Wait 15 minutes, then try again.",
        retryAfter: .seconds(900))
    package static let claimBusy = CentralError(
        429, "claim.busy",
        "many wrong claim codes come in, and this is one of them; nothing was enrolled. Check it, and try again in a few seconds.",
        retryAfter: .seconds(5))
    package static let evidenceKeyUnproven = CentralError(
        400, "enroll.proof", "the request is not signed by the evidence key that it names; nothing was enrolled. Make new keys.")
    package static let signingRequest = CentralError(
        400, "enroll.signing_request", "the signing request is not a PKCS #10 of a P-256 key signed by that key; nothing was issued.")
    package static let evidenceKeyTaken = CentralError(
        409, "enroll.key_taken", "this evidence key belongs to an enrolled appliance; nothing was enrolled. Make new keys.")

    package static func learningConsent(isGiven: Bool) -> CentralError {
        CentralError(
            409, "learning.consent",
            "nothing was changed: that pattern \(isGiven ? "may be shown to other partners already" : "is shown to nobody").")
    }

    package static let certificateMissing = CentralError(
        401, "certificate.missing", "no appliance certificate was shown; nothing was done. Enrol first.")
    package static let certificateUnknown = CentralError(
        401, "certificate.unknown", "this certificate was not issued by this Central; nothing was done. Enrol again.")
    package static let certificateRevoked = CentralError(
        403, "certificate.revoked", "this appliance was revoked; nothing was done. Enrol again if that was a mistake.")
    package static let certificateExpired = CentralError(
        401, "certificate.expired", "this certificate is past its time; nothing was done. Recover with the evidence key.")

    package static func recoveryMalformed(_ sentence: String) -> CentralError { CentralError(400, "recovery.malformed", sentence) }
    /// The same for an appliance that does not exist, one with another key and a forged signature: nobody learns which.
    package static let recoverySignature = CentralError(
        403, "recovery.signature", "not signed by the evidence key of an enrolled appliance; nothing was issued. Enrol first.")
    package static let recoveryRevoked = CentralError(
        403, "recovery.revoked", "this appliance was revoked; nothing was issued. Enrol again if that was a mistake.")
    package static func recoveryClock(made: Timestamp, central: Timestamp) -> CentralError {
        CentralError(
            403, "recovery.clock",
            "the request was made at \(made), Central's time is \(central); nothing was issued. Set the clock that is wrong.",
            centralTime: central)
    }
    package static let recoveryReplayed = CentralError(
        403, "recovery.replayed", "this request was answered before; nothing was issued. Make a new one.")
    package static let recoveryLocked = CentralError(
        429, "recovery.locked", "too many refused recoveries from this address; nothing was issued. Wait 15 minutes, then try again.",
        retryAfter: .seconds(900))

    /// - Parameter section: of the configuration: `web` or `appliances`.
    package static func cannotListen(_ section: String, _ host: String, _ port: Int, _ reason: String) -> CentralError {
        CentralError(
            503, "listen.refused",
            "\(host) port \(port) cannot be listened on (\(reason)); Central was not started. Stop the process that has it "
                + "(`ss -ltnp`), or change \(section).host or \(section).port.")
    }
    package static func notFound(_ what: String) -> CentralError {
        CentralError(404, "not_found", "no such \(what); nothing was done. List what there is.")
    }
    package static let noEvidence = CentralError(
        404, "evidence.none", "nothing was received from this site yet; no packet was written. Wait until its appliance has pushed.")
    package static func nameTaken(_ what: String) -> CentralError {
        CentralError(409, "name.taken", "there is \(what) already; nothing was made. Choose another name.")
    }
    package static func value(_ sentence: String) -> CentralError {
        CentralError(400, "value.invalid", "\(sentence); nothing was done.")
    }
    package static func orderTooLarge(_ bytes: Int) -> CentralError {
        CentralError(
            400, "order.too_large",
            "the signed order has \(bytes) bytes, at most \(CheckinReply.orderBytesMax) are delivered; nothing was issued. Give fewer or "
                + "shorter parameters.")
    }
    package static func orderField(_ sentence: String) -> CentralError {
        CentralError(400, "order.field", "\(sentence) No appliance would take this order; nothing was issued.")
    }
    /// - Parameters:
    ///   - what: `host`, `runbook` or `check`.
    ///   - known: the nearest thing to a list that helps.
    package static func orderUnknown(_ what: String, _ name: String, _ known: String) -> CentralError {
        CentralError(
            404, Code("order.unknown_\(what)")!,
            "there is no \(what) \"\(name)\" (\(known)); nothing was issued. Correct it, or issue it with --anyway.")
    }
    package static func approvalRefused(_ code: Code, _ sentence: String) -> CentralError {
        CentralError(400, code, "\(sentence) Nothing was sent.")
    }
    package static let orderEnded = CentralError(
        409, "order.ended", "this order ended otherwise before; its state was not changed. Look at its evidence.")
    package static func catalogOld(_ version: Int64, newest: Int64) -> CentralError {
        CentralError(
            409, "catalog.old", "catalog \(newest) is handed out; \(version) was not published. Pack it with a version above \(newest).")
    }

    package static func catalogKeyTaken(_ known: KeyID) -> CentralError {
        CentralError(
            409, "catalog.key_taken",
            "catalogs are verified with \(known) here, which appliances have pinned; nothing was changed. Sign with that key.")
    }
    package static func catalogKeyMalformed(_ path: String) -> CentralError {
        CentralError(
            400, "catalog.key_malformed",
            "\(path) holds no public key; nothing was started. It is one line, as `martlet key show` prints it.")
    }

    package static func catalogRefused(_ code: Code, _ sentence: String) -> CentralError {
        CentralError(400, code, "\(sentence) Nothing was published.")
    }

    static func enablementUnknown(_ draft: EnablementRegister.Draft, _ known: String) -> CentralError {
        CentralError(
            404, Code("enablement.unknown_\(draft.kind.rawValue)")!,
            "there is no \(draft.kind.rawValue) \"\(draft.id.printable)\" (\(known)); nothing was changed. Correct it.")
    }

    static func enablementUnchanged(_ draft: EnablementRegister.Draft, _ standing: [EnablementTable.Entry]) -> CentralError {
        let hint =
            if let entry = standing.first, draft.isEnabled {
                "It is switched off for \(entry.appliance?.description ?? "the whole site"); switch it on there."
            } else if let entry = standing.first(where: { $0.appliance == draft.appliance }) {
                "It is off since \(entry.changed), by \(entry.by)."
            } else { "See: martlet central catalog enablement." }
        return CentralError(
            409, "enablement.unchanged",
            "\(draft.kind.rawValue) \(draft.id.printable) is switched \(draft.isEnabled ? "on" : "off") already; nothing was changed. \(hint)"
        )
    }

    static func policyTooLarge(_ reason: String) -> CentralError {
        CentralError(
            409, "policy.too_large",
            "the site's policy would not be taken by an appliance (\(reason)); nothing was changed. Switch something on again, or put it into "
                + "the catalog.")
    }

    package static let bodyTooLarge = CentralError(
        413, "body.too_large", "the body is larger than this route takes; it was not read. Send less at once.")
    package static func body(_ code: Code, _ message: String) -> CentralError { CentralError(400, code, message) }
    package static func ticketState(_ state: Ticket.State) -> CentralError {
        CentralError(409, "ticket.state", "the ticket is \(state.rawValue); it was not changed. See: martlet central ticket show.")
    }
    package static func notifications(_ reason: String) -> CentralError {
        CentralError(400, "notifications.invalid", "\(reason); nothing was started. Correct notifications in the configuration.")
    }
    package static let busy = CentralError(
        503, "central.busy", "Central has as much to do as it takes on; nothing was stored. Send it again later.",
        retryAfter: .seconds(5))
    package static let databaseDown = CentralError(
        503, "central.database", "Central cannot reach its database or its disk is full; nothing was acknowledged. Send it again later.",
        retryAfter: .seconds(5))
    package static func logRenamed(from known: String, to origin: String) -> CentralError {
        CentralError(
            409, "log.renamed",
            "the transparency log of this Central is called \(known), and witnesses know it by that name; nothing was started as "
                + "\(origin). Set log.origin to \(known).")
    }
    /// - Parameter code: of the part that was at fault.
    package static func logUnreadable(_ code: Code) -> CentralError {
        CentralError(
            503, code, "this part of the log is not as it was written, or cannot be read; it is not served. Central's own log says more.")
    }
    package static func holdUnchanged(_ isSet: Bool) -> CentralError {
        CentralError(
            409, isSet ? "hold.set" : "hold.released",
            "this organization is \(isSet ? "under a legal hold" : "not under a legal hold"); nothing was changed.")
    }
    package static func retentionShorter(_ days: Int) -> CentralError {
        CentralError(
            409, "retention.shorter",
            "this organization's evidence is kept \(days) days, and a term is never made shorter; nothing was changed.")
    }
    package static let logOrigin = CentralError(
        400, "log.origin",
        "log.origin is empty, or has white space or a plus sign in it; nothing was started. Choose a name like a URL "
            + "without its scheme.")
    package static func logWitnesses(_ reason: String) -> CentralError {
        CentralError(
            400, "log.witnesses",
            "\(reason); nothing was started. log.witnesses takes a URL, a space and a key that `martlet witness` has printed; log.quorum at "
                + "most as many.")
    }
    package static let witnessListener = CentralError(
        400, "witness.listener",
        "without a certificate a witness listens on loopback only; nothing was started. Give --tls-certificate and --tls-key, or put a "
            + "proxy in front.")
    package static let route = CentralError(404, "route.unknown", "there is no such route; nothing was done.")
    package static let method = CentralError(405, "route.method", "this route does not take that method; nothing was done.")
    package static let `internal` = CentralError(
        500, "central.internal", "Central failed at this request; nothing was acknowledged. Its log has the request id.")
}
