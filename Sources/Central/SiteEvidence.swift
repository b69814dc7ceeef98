import Database
package import Evidence
package import Model
import NIOCore
import Seal

/// What is held about one site, verified anew while it streams by: whoever hands evidence out must not hand out what somebody
/// changed in the database.
package struct SiteEvidence: Sendable {
    package let site: Site
    package let scope: TenantScope
    /// What a reader is told of each appliance's keys; retired ones too.
    package let keys: [ApplianceID: [EnrolledKey]]
    /// When the first and the newest of it were received. What comes later is not part of it.
    package let span: ClosedRange<Timestamp>
    private let store: EvidenceStore
    /// What was so when the bundles were received: one that is dated after its key's revocation was taken before it all the same.
    /// It is handed out, for every reader to find.
    private let keysAtReceipt: [ApplianceID: [EnrolledKey]]

    private static let pageSize = 500

    package struct Item: Sendable {
        package let bundle: VerifiedBundle
        package let received: Timestamp
        package let logIndex: Int64
    }

    /// - Throws: `CentralError` when the site is not known or nothing was received from it yet; `DatabaseError`.
    package init(of site: SiteID, services: CentralServices, for credential: OperatorCredential) async throws {
        guard let known = try await services.tenants.sites(for: credential).first(where: { $0.id == site }) else {
            throw CentralError.notFound("site")
        }
        self.site = known
        scope = TenantScope(credential, organization: known.organization)
        store = services.evidence
        var (keys, keysAtReceipt): ([ApplianceID: [EnrolledKey]], [ApplianceID: [EnrolledKey]]) = ([:], [:])
        for entry in try await store.keys(of: site, in: scope) {
            guard let key = VerifyingKey(bytes: entry.key)?.forMany() else { throw DatabaseError.corrupt("an evidence key is no key") }
            keys[entry.appliance] = [EnrolledKey(key: key, validFrom: entry.enrolled, validUntil: entry.revoked)]
            keysAtReceipt[entry.appliance] = [EnrolledKey(key: key, validFrom: entry.enrolled, validUntil: nil)]
        }
        (self.keys, self.keysAtReceipt) = (keys, keysAtReceipt)
        guard let span = try await store.span(of: site, in: scope) else { throw CentralError.noEvidence }
        self.span = span
    }

    /// Calls `body` with each bundle, ascending by appliance and sequence. A page is in memory while it is worked through, the next while
    /// it is verified on all cores, the one after it while it is read from the database.
    ///
    /// - Throws: what `body` throws, `DatabaseError`; `BundleError` when what is held is not what was received.
    package func forEach(_ body: (Item) throws -> Void) async throws {
        try await BundleVerifier(workers: System.coreCount).forEach(
            page: { last in
                try await store.page(
                    of: site.id, in: scope, after: last.map { ($0.appliance.description, $0.sequence) } ?? ("", -1), limit: Self.pageSize)
            },
            verify: { stored, memory in stored.received <= span.upperBound ? try verified(stored, memory) : nil },
            { item in if let item { try body(item) } })
    }

    private func verified(_ stored: StoredBundle, _ memory: JSONMemory) throws -> Item {
        Item(
            bundle: try VerifiedBundle(stored.bundle, keys: keysAtReceipt[stored.appliance] ?? [], memory: memory),
            received: stored.received, logIndex: stored.logIndex)
    }
}
