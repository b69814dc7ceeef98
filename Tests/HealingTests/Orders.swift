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
}
