package import Model
import Reports
package import Seal
import Wire

/// Writes everything that is held about a site into one archive that a stranger can check.
package struct PacketService: Sendable {
    private let services: CentralServices

    package init(_ services: CentralServices) { self.services = services }

    package struct Summary: Hashable, Sendable {
        package let site: Site
        package let bundles: Int
        package let from: Timestamp
        package let until: Timestamp
        package let manifestKey: KeyID
        /// SHA-256 of the file, for whoever receives it to compare.
        package let digest: Digest
    }

    /// The same evidence gives the same bytes. There is no file at `path` before the archive is whole.
    /// - Throws: `CentralError` when the site is not known or nothing was received from it yet, `KitWriteError`, `DatabaseError`;
    ///   `BundleError` when what is held is not what was received: the database was changed behind our back.
    package func write(_ site: SiteID, to path: String, for credential: OperatorCredential) async throws -> Summary {
        let held = try await SiteEvidence(of: site, services: services, for: credential)
        let receiptKeys = [services.keys.receipts.verifyingKey]
        var receipts: [SignedReceipt] = []
        for entry in try await services.evidence.receipts(of: site, in: held.scope) where entry.received <= held.span.upperBound {
            receipts.append(try SignedReceipt(opening: entry.envelope, keys: receiptKeys))
        }
        let writer = try KitWriter(
            path: path,
            subject: KitSubject(
                site: site, organization: held.site.organization, organizationName: held.site.organizationName,
                from: held.span.lowerBound, until: held.span.upperBound, keys: held.keys, receipts: receipts, receiptKeys: receiptKeys),
            key: services.keys.kits)
        var count = 0
        try await held.forEach { item in
            try writer.add(item.bundle)
            count += 1
        }
        let digest = try writer.finish()
        return Summary(
            site: held.site, bundles: count, from: held.span.lowerBound, until: held.span.upperBound, manifestKey: services.keys.kits.id,
            digest: digest)
    }
}
