import Database
import Evidence
package import Model
import Reports
package import Seal
import Wire

/// Writes everything that is held about a site into one archive that a stranger can check.
package struct PacketService: Sendable {
    private let services: CentralServices
    private static let pageSize = 500

    package init(_ services: CentralServices) { self.services = services }

    package struct Summary: Hashable, Sendable {
        package let site: Site
        package let bundles: Int
        package let from: Timestamp
        package let until: Timestamp
        package let manifestKey: KeyID
    }

    /// The same evidence gives the same bytes. There is no file at `path` before the archive is whole.
    /// - Throws: `CentralError` when the site is not known or nothing was received from it yet, `KitWriteError`, `DatabaseError`;
    ///   `BundleError` when what is held is not what was received: the database was changed behind our back.
    package func write(_ site: SiteID, to path: String, for credential: OperatorCredential) async throws -> Summary {
        guard let known = try await services.tenants.sites(for: credential).first(where: { $0.id == site }) else {
            throw CentralError.notFound("site")
        }
        let scope = TenantScope(credential, organization: known.organization)
        // What the kit says of each key, and what was so when its bundles were received: one that is dated after the revocation was
        // taken before it all the same. It goes into the kit, where every reader finds it.
        var (keys, keysAtReceipt): ([ApplianceID: [EnrolledKey]], [ApplianceID: [EnrolledKey]]) = ([:], [:])
        for entry in try await services.evidence.keys(of: site, in: scope) {
            guard let key = VerifyingKey(bytes: entry.key) else { throw DatabaseError.corrupt("an evidence key is no key") }
            keys[entry.appliance] = [EnrolledKey(key: key, validFrom: entry.enrolled, validUntil: entry.revoked)]
            keysAtReceipt[entry.appliance] = [EnrolledKey(key: key, validFrom: entry.enrolled, validUntil: nil)]
        }
        guard let span = try await services.evidence.span(of: site, in: scope) else { throw CentralError.noEvidence }
        let receiptKeys = [services.keys.receipts.verifyingKey]
        var receipts: [SignedReceipt] = []
        for entry in try await services.evidence.receipts(of: site, in: scope) where entry.received <= span.upperBound {
            receipts.append(try SignedReceipt(opening: entry.envelope, keys: receiptKeys))
        }
        let writer = try KitWriter(
            path: path,
            subject: KitSubject(
                site: site, organization: known.organization, organizationName: known.organizationName, from: span.lowerBound,
                until: span.upperBound, keys: keys, receipts: receipts, receiptKeys: receiptKeys), key: services.keys.kits)
        var count = 0
        var after: (String, Int64) = ("", -1)
        while true {
            let page = try await services.evidence.page(of: site, in: scope, after: after, limit: Self.pageSize)
            // What arrived while this runs belongs to the next packet.
            for stored in page where stored.received <= span.upperBound {
                try writer.add(try VerifiedBundle(stored.bundle, keys: keysAtReceipt[stored.appliance] ?? []))
                count += 1
            }
            guard let last = page.last else { break }
            after = (last.appliance.description, last.sequence)
        }
        try writer.finish()
        return Summary(site: known, bundles: count, from: span.lowerBound, until: span.upperBound, manifestKey: services.keys.kits.id)
    }
}
