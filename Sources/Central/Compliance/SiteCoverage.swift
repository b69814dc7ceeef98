import Catalog
package import Compliance
import Database
import Evidence
package import Model
import Seal

/// What had to be seen at a site and what was, computed anew from every bundle that Central holds, each verified again. Nothing of it
/// is stored; silences up to now are stated first. What was pruned is said to be pruned.
package struct SiteCoverage: Sendable {
    private let services: CentralServices

    init(_ services: CentralServices) { self.services = services }

    /// - Throws: `CentralError` for an unknown site; `CoverageError`; `BundleError`, `EnvelopeError` where what is held is not what was
    ///   received or stated; `DatabaseError`.
    package func coverage(of site: Site, during period: CoveragePeriod, for credential: OperatorCredential) async throws -> Coverage {
        try await services.silences.turn(site: site.id, isWanted: true)
        let scope = TenantScope(credential, organization: site.organization)
        let statements = try await statements(of: site.id, in: scope)
        let (pruned, prior) = try await services.database.read { transaction in
            let spans = try PrunedTable.spans(of: site.id, in: transaction)
            return (spans, try PrunedTable.prior(spans, of: site.id, in: transaction))
        }
        var builder = CoverageBuilder(site: site.id, period: period, prior: prior, statements: statements, pruned: pruned)
        let held: SiteEvidence
        do {
            held = try await SiteEvidence(of: site.id, services: services, for: credential)
        } catch let error as CentralError where error == .noEvidence {
            // Nothing came, or nothing is left of it: what was expected is known of what was pruned only.
            return builder.finish()
        }
        try await held.forEach { item in try builder.add(ChainEntry(item.bundle, received: item.received)) }
        return builder.finish()
    }

    /// - Throws: as `coverage`; `CatalogPackError` where the newest catalog cannot be read.
    package func continuity(
        of site: Site, during period: CoveragePeriod, for credential: OperatorCredential
    ) async throws -> ContinuityStatement {
        let scope = TenantScope(credential, organization: site.organization)
        return ContinuityStatement(
            try await coverage(of: site, during: period, for: credential), controls: try await controls(),
            enablement: try await services.enablement.statements(of: site.id, in: scope))
    }

    /// The site's statements about times, as they stand in the log.
    package func statements(of site: SiteID, in scope: TenantScope) async throws -> [CentralStatement] {
        let keys = [services.keys.receipts.verifyingKey]
        return try await services.statements.list(of: site, in: scope, kinds: [.gap, .exception]).map { stored in
            switch stored.kind {
            case .gap: .gap(try GapStatement(json: stored.payload(schema: GapStatement.schema, keys: keys)))
            default: .exception(try ExceptionStatement(json: stored.payload(schema: ExceptionStatement.schema, keys: keys)))
            }
        }
    }

    /// Which checks speak to which control: what the newest published catalog cites.
    package func controls() async throws -> ControlMap {
        let version = try await services.catalogs.newestVersion()
        guard version > 0 else { return ControlMap([:]) }
        let pack = try await services.catalogs.pack(version)
        let catalog = try CatalogPack.open(pack, keys: [services.keys.catalog], schema: nil)
        return ControlMap(catalog.checks.mapValues(\.controls))
    }
}
