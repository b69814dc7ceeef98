package import Model

/// Whether an approval is genuine, for this appliance and in date. The only maker of `VerifiedApproval`.
package struct ApprovalVerifier: Sendable {
    package static let approversMax = 200

    private let site: SiteID
    private let appliance: ApplianceID
    private let approvers: [Approver]

    /// - Throws: `.ambiguous` where one key stands under two names or one name has two keys: then nobody could say who approved.
    package init(site: SiteID, appliance: ApplianceID, approvers: [Approver]) throws(ApprovalRejection) {
        for (place, one) in approvers.enumerated() {
            for other in approvers[..<place] where other.key == one.key || other.name == one.name {
                throw .ambiguous(one.name)
            }
        }
        self.site = site
        self.appliance = appliance
        self.approvers = approvers
    }

    /// Checks the key, the signature, the form, whose name it says, scope and time, in this order.
    ///
    /// That it is used once, for its plan and by somebody else than who asked, is for whoever uses it.
    package func verify(_ envelope: String, at now: Timestamp) throws(ApprovalRejection) -> VerifiedApproval {
        let limits = JSONLimits(bytesMax: Approval.bytesMax)
        let approval: Approval
        let approver: Approver
        let signature: [UInt8]
        do throws(EnvelopeError) {
            let envelope = try SignedEnvelope(parsing: envelope, limits: limits)
            let (payload, key) = try envelope.open(schema: Approval.schema, keys: approvers.map(\.key), limits: limits)
            do throws(FieldError) { approval = try Approval(json: payload) } catch { throw EnvelopeError.field(error) }
            guard let known = approvers.first(where: { $0.key == key }) else { throw EnvelopeError.unknownKey(key.id) }
            (approver, signature) = (known, envelope.signature)
        } catch {
            switch error {
            case .unknownKey(let key): throw .unknownKey(key)
            case .badSignature(let key): throw .badSignature(key)
            case .notJSON, .field, .notCanonical, .wrongSchema: throw .malformed(error)
            }
        }
        guard approval.approver == approver.name else { throw .wrongName(said: approval.approver, key: approver.key.id) }
        guard approval.site == site, approval.appliance == appliance else { throw .wrongAppliance }
        let ttl = approval.expires - approval.issued
        guard ttl >= Approval.ttlMin, ttl <= Approval.ttlMax else { throw .lifetime }
        guard approval.issued <= now + OrderAuthenticator.skewMax else { throw .fromFuture(approval.issued) }
        guard now < approval.expires else { throw .expired(approval.expires) }
        return VerifiedApproval(approval: approval, approver: approver, signature: signature)
    }
}

/// An approval that passed every check of `ApprovalVerifier`.
package struct VerifiedApproval: Hashable, Sendable {
    package let approval: Approval
    package let approver: Approver
    /// 64 bytes, over the approval's canonical JSON.
    package let signature: [UInt8]

    fileprivate init(approval: Approval, approver: Approver, signature: [UInt8]) {
        self.approval = approval
        self.approver = approver
        self.signature = signature
    }
}

/// Why an approval does not count. Nothing was run by it.
package enum ApprovalRejection: Error, Hashable, Sendable {
    case malformed(EnvelopeError)
    case unknownKey(KeyID)
    case badSignature(KeyID)
    case ambiguous(String)
    case wrongName(said: String, key: KeyID)
    case wrongAppliance
    case lifetime
    case fromFuture(Timestamp)
    case expired(Timestamp)
    case replayed
    /// No plan waits that has this digest: it changed, was done, or is not needed any more.
    case unknownPlan(Digest)
    case samePerson(String)

    package var code: Code {
        switch self {
        case .malformed: "approval.malformed"
        case .unknownKey: "approval.unknown_key"
        case .badSignature: "approval.bad_signature"
        case .ambiguous: "approval.ambiguous"
        case .wrongName: "approval.wrong_name"
        case .wrongAppliance: "approval.wrong_appliance"
        case .lifetime: "approval.lifetime"
        case .fromFuture: "approval.from_future"
        case .expired: "approval.expired"
        case .replayed: "approval.replayed"
        case .unknownPlan: "approval.unknown_plan"
        case .samePerson: "approval.same_person"
        }
    }

    package var message: String {
        switch self {
        case .malformed(let error): "approval refused: \(error.message)"
        case .unknownKey(let key): "approval refused: \(key) is no approver's key here; nothing was run. Register it first."
        case .badSignature(let key): "approval refused: not signed by \(key); nothing was run."
        case .ambiguous(let name): "approval refused: the list of approvers has the name or the key of \(name) twice; nothing was run."
        case .wrongName(let said, let key): "approval refused: it says \(said), and \(key) is somebody else's; nothing was run."
        case .wrongAppliance: "approval refused: it is for another appliance; nothing was run."
        case .lifetime:
            "approval refused: it must be good for \(Approval.ttlMin.wholeSeconds) to \(Approval.ttlMax.wholeSeconds) s; nothing was run."
        case .fromFuture(let issued): "approval refused: issued at \(issued), which is in the future; nothing was run. Check the clocks."
        case .expired(let expires): "approval refused: expired at \(expires); nothing was run. Approve again."
        case .replayed: "approval refused: it was handed over before; nothing was run. Approve again."
        case .unknownPlan(let plan): "approval refused: no plan \(plan) waits for one; nothing was run. Look at what waits now."
        case .samePerson(let name): "approval refused: \(name) asked for the plan; nothing was run. Somebody else must approve it."
        }
    }
}

extension Order {
    /// Members of `parameters` in an order of kind `approve`.
    package static let approvalParameter = "approval"
    /// Who may approve at this site, as the order key vouches: one `BASE64KEY NAME` each.
    package static let approversParameter = "approvers"
}
