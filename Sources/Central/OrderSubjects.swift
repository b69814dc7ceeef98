import Catalog
package import Model
import Seal

/// Whether what an order names exists, as far as Central knows: runbooks and checks by the catalog that it hands out, hosts by the
/// evidence that came. The appliance judges again by what is true there.
package struct OrderSubjects: Sendable {
    private let services: CentralServices

    package init(_ services: CentralServices) { self.services = services }

    /// - Returns: one sentence for each thing that Central cannot know; empty when all is known and exists.
    /// - Throws: `CentralError` of code `order.unknown_host`, `order.unknown_runbook` or `order.unknown_check`.
    package func judge(_ draft: OrderDraft, in scope: TenantScope) async throws -> [String] {
        var unknowable: [String] = []
        if draft.runbook != nil || draft.check != nil {
            if let catalog = try await newestCatalog() {
                try judge(draft, by: catalog)
            } else {
                unknowable.append("Central has no catalog yet and cannot know whether there is such a runbook or check.")
            }
        }
        if let host = draft.host {
            let known = try await services.evidence.hosts(of: draft.appliance, in: scope)
            if known.isEmpty {
                unknowable.append("Central has no evidence of this appliance's hosts yet and cannot know whether there is one \(host).")
            } else if !known.contains(host) {
                throw CentralError.orderUnknown("host", "\(host)", Self.listed("evidence came of", known.map(\.description)))
            }
        }
        return unknowable
    }

    private func newestCatalog() async throws -> CompiledCatalog? {
        let version = try await services.catalogs.newestVersion()
        guard version > 0 else { return nil }
        let pack = try await services.catalogs.pack(version)
        do throws(CatalogPackError) {
            return try CatalogPack.open(pack, keys: [services.keys.catalog], schema: nil)
        } catch {
            throw CentralError.catalogRefused(Code(error.code) ?? "catalog.refused", error.message)
        }
    }

    private func judge(_ draft: OrderDraft, by catalog: CompiledCatalog) throws(CentralError) {
        if let check = draft.check, catalog.checks[check] == nil {
            throw .orderUnknown("check", "\(check)", "catalog \(catalog.version) has \(catalog.checks.count) others")
        }
        guard let name = draft.runbook else { return }
        guard let runbook = catalog.runbooks[name] else {
            throw .orderUnknown(
                "runbook", "\(name)", Self.listed("catalog \(catalog.version) has", catalog.runbooks.keys.map(\.description).sorted()))
        }
        guard let check = draft.check, !runbook.checks.contains(check) else { return }
        throw .orderUnknown("check", "\(check)", Self.listed("\(name) repairs", runbook.checks.map(\.description).sorted()))
    }

    /// A sentence stays one: at most ten of them.
    private static func listed(_ what: String, _ names: [String]) -> String {
        "\(what) \(names.prefix(10).joined(separator: ", "))" + (names.count > 10 ? " and \(names.count - 10) more" : "")
    }
}
