import Model
import Seal

/// Orders that went through signing and the authenticator, as a person's do.
enum Orders {
    static let key = SigningKey()
    static let (site, appliance) = (SiteID(at: Timestamp(milliseconds: 0)), ApplianceID(at: Timestamp(milliseconds: 0)))

    static func authenticated(
        host: HostID?, requester: String = "alice", approver: String? = nil, at now: Timestamp
    ) throws -> AuthenticatedOrder {
        let order = Order(
            id: OrderID(at: now), site: site, appliance: appliance, host: host, kind: .runbook, runbook: "linux.service.start",
            check: "host.services.critical", parameters: ["unit": .string("cron.service")], issued: now, expires: now + .seconds(900),
            nonce: String(repeating: "0a", count: 16), sequence: 1, requester: requester, reason: "It is down.", approver: approver)
        return try OrderAuthenticator(site: site, appliance: appliance, keys: [key.verifyingKey])
            .authenticate(SignedOrder(signing: order, with: key).text, lastSequence: 0, isNonceSeen: { _ in false }, at: now)
    }

    /// Good for 15 minutes; nil for what is no name of an approver.
    static func approval(of plan: Digest, by name: String, at now: Timestamp) throws -> VerifiedApproval? {
        let key = SigningKey()
        guard let approver = Approver(name: name, key: key.verifyingKey) else { return nil }
        let approval = Approval(
            site: site, appliance: appliance, plan: plan, approver: name, issued: now, expires: now + .seconds(900),
            nonce: String(repeating: "0b", count: 16))
        return try ApprovalVerifier(site: site, appliance: appliance, approvers: [approver]).verify(approval.signed(with: key), at: now)
    }
}
