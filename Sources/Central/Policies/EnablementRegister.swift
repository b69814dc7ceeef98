import Catalog
package import Compliance
import Database
package import Model
import Seal

/// Switches checks, rules and runbooks off and on again at a site or one of its appliances. Each change is a signed statement in the log, a
/// row that is never changed, a new document for each appliance concerned, and the end of what people had to do about it, all in one
/// transaction.
package struct EnablementRegister: Sendable {
    private let services: CentralServices

    init(_ services: CentralServices) { self.services = services }

    package struct Draft: Sendable {
        /// nil: all of the site.
        package let appliance: ApplianceID?
        package let kind: EnablementStatement.Kind
        package let id: String
        package let isEnabled: Bool
        package let by: String
        package let reason: String

        package init(appliance: ApplianceID?, kind: EnablementStatement.Kind, id: String, isEnabled: Bool, by: String, reason: String) {
            self.appliance = appliance
            self.kind = kind
            self.id = id
            self.isEnabled = isEnabled
            self.by = by
            self.reason = reason
        }
    }

    /// - Throws: `CentralError`: of code `enablement.unknown_check` (`_rule`, `_runbook`) for what the newest catalog does not have,
    ///   `enablement.unchanged` for what is so already. `DatabaseError`. Nothing was changed.
    package func change(_ draft: Draft, site: SiteID, in scope: TenantScope) async throws -> EnablementTable.Entry {
        // What is off may have left the catalog since; it can be switched on all the same.
        if !draft.isEnabled { try await requireKnown(draft) }
        let (statements, policies, tickets, clock) = (services.statements, services.policies, services.tickets, services.clock)
        return try await statements.write { transaction in
            try SitePolicyStore.check(site, scope, in: transaction)
            if let appliance = draft.appliance {
                let rows = try transaction.query(
                    "SELECT 1 FROM appliance WHERE id = \(appliance.description) AND site_id = \(site.description) AND revoked_at IS NULL")
                guard !rows.isEmpty else { throw CentralError.notFound("appliance of this site, or it is revoked") }
            }
            let standing = try EnablementTable.standing(at: site, in: transaction).filter {
                $0.kind == draft.kind && $0.subject == draft.id
            }
            let isOff = standing.contains { $0.appliance == draft.appliance }
            guard isOff == draft.isEnabled else { throw CentralError.enablementUnchanged(draft, standing) }
            let issued = try LogSequence.instant(clock.now(), in: transaction)
            let statement: EnablementStatement
            do throws(FieldError) {
                statement = try EnablementStatement(
                    site: site, appliance: draft.appliance, kind: draft.kind, id: draft.id, isEnabled: draft.isEnabled, by: draft.by,
                    reason: draft.reason, issued: issued)
            } catch { throw CentralError.value(error.message) }
            let stored = try statements.append(statement.json, kind: .enablement, about: .site(site, scope), in: transaction)
            try EnablementTable.add(statement, logIndex: stored.logIndex, in: transaction)
            try policies.issue(to: site, in: transaction)
            let entry = EnablementTable.Entry(
                logIndex: stored.logIndex, appliance: draft.appliance, kind: draft.kind, subject: draft.id, isEnabled: draft.isEnabled,
                by: draft.by, reason: draft.reason, changed: issued)
            if draft.kind == .check, !draft.isEnabled { try tickets.close(entry, of: site, in: transaction) }
            return entry
        }
    }

    /// What is off now, and every change that was made; both oldest first.
    package func list(
        of site: SiteID, in scope: TenantScope
    ) async throws -> (standing: [EnablementTable.Entry], history: [EnablementTable.Entry]) {
        try await services.database.read { transaction in
            try SitePolicyStore.check(site, scope, in: transaction)
            return (try EnablementTable.standing(at: site, in: transaction), try EnablementTable.history(of: site, in: transaction))
        }
    }

    /// In the order of the log, each verified.
    /// - Throws: `EnvelopeError`, `FieldError` when one is not what Central signed; `DatabaseError`.
    package func statements(of site: SiteID, in scope: TenantScope) async throws -> [EnablementStatement] {
        let keys = [services.keys.receipts.verifyingKey]
        return try await services.statements.list(of: site, in: scope, kinds: [.enablement]).map {
            try EnablementStatement(json: $0.payload(schema: EnablementStatement.schema, keys: keys))
        }
    }

    private func requireKnown(_ draft: Draft) async throws {
        let version = try await services.catalogs.newestVersion()
        guard version > 0 else { throw CentralError.enablementUnknown(draft, "Central has no catalog yet") }
        let pack = try await services.catalogs.pack(version)
        let catalog: CompiledCatalog
        do throws(CatalogPackError) {
            catalog = try CatalogPack.open(pack, keys: [services.keys.catalog], schema: nil)
        } catch { throw CentralError.catalogRefused(Code(error.code) ?? "catalog.refused", error.message) }
        let isKnown =
            switch draft.kind {
            case .check: CheckID(draft.id).map { catalog.checks[$0] != nil } ?? false
            case .rule: catalog.rules.contains { $0.id.description == draft.id }
            case .runbook: RunbookID(draft.id).map { catalog.runbooks[$0] != nil } ?? false
            }
        guard isKnown else { throw CentralError.enablementUnknown(draft, "catalog \(version) has others") }
    }
}
