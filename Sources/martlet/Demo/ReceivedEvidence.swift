import Central
import Evidence
import Model
import Seal

/// What Central has accepted from one appliance, in its order, each bundle verified here again and none missing.
final class ReceivedEvidence {
    private let services: CentralServices
    private let scope: TenantScope
    private let site: SiteID
    private let appliance: ApplianceID
    private var next: Int64 = 0
    private var unseen: [BundleRecord] = []

    init(_ services: CentralServices, of appliance: ApplianceID, site: SiteID, in scope: TenantScope) {
        (self.services, self.appliance, self.site, self.scope) = (services, appliance, site, scope)
    }

    /// The oldest bundle after those that were seen that is so; what came before it counts as seen. nil: none has come yet.
    func first(_ isIt: (BundleRecord) -> Bool) async throws -> BundleRecord? {
        unseen += try await arrived()
        guard let index = unseen.firstIndex(where: isIt) else { return nil }
        defer { unseen.removeFirst(index + 1) }
        return unseen[index]
    }

    /// All that was not seen yet.
    func all() async throws -> [BundleRecord] {
        let records = unseen + (try await arrived())
        unseen = []
        return records
    }

    private func arrived() async throws -> [BundleRecord] {
        let keys = try await services.evidence.keys(of: site, in: scope).compactMap { entry in
            VerifyingKey(bytes: entry.key).map { EnrolledKey(key: $0, validFrom: entry.enrolled, validUntil: nil) }
        }
        let page = try await services.evidence.page(of: site, in: scope, after: (appliance.description, next - 1), limit: 500)
        let records = try page.map { try VerifiedBundle($0.bundle, keys: keys).record }
        for record in records {
            guard record.link.sequence == next else { throw DemoFailure("bundle \(next) of \(appliance) is missing at Central") }
            next += 1
        }
        return records
    }
}
