import Catalog
import Database
import Healing
import Logging
import Model
import Planner

/// Asks this appliance's own model where no rule helps (`l2.mode` local): the same planner as Central's, and no order.
///
/// A question is counted durably before it is sent; its exchange is evidence before anything is done. What a crash interrupted is not
/// asked again.
package actor LocalPlanner {
    package static let interval: Duration = .seconds(15)

    private let context: ApplianceContext
    private let hosts: SiteHosts
    private let model: ModelSettings.Model
    private let desk: ProposalDesk
    private var planner: L2Planner?

    init(_ context: ApplianceContext, hosts: SiteHosts, model: ModelSettings.Model) {
        self.context = context
        self.hosts = hosts
        self.model = model
        desk = ProposalDesk(context: context)
    }

    package func close() async {
        await planner?.close()
        planner = nil
    }

    package func turn() async -> Duration {
        do {
            guard let loaded = try await context.catalog.current() else { return Self.interval }
            let planner = try await current()
            for incident in try await unasked() where !Task.isCancelled { try await ask(planner, about: incident, loaded) }
        } catch {
            context.logger.warning("planner's turn not finished", metadata: ["error": "\(error)"])
        }
        return Self.interval
    }

    /// At the first turn: what an earlier process left, and what its questions cost.
    private func current() async throws -> L2Planner {
        if let planner { return planner }
        for entry in try await context.database.read({ try ProposalTable.leftAsking(in: $0) }) {
            try await desk.take(entry.proposal, order: nil)
        }
        let since = context.clock.now() - .seconds(86_400)
        let calls = try await context.database.read { try ProposalTable.calls(since: since, in: $0) }
        let budget = CallBudget(
            callsPerHourMax: model.limits.callsPerHourMax, costPerDayMax: model.limits.costPerDayMax, history: calls)
        let made = try L2Planner(
            configuration: model.provider, settings: model.limits, clock: context.clock, budgets: [context.identity.site: budget]
        ) { [context] _ in
            let isPaused = try? await context.database.read { try SettingTable.read(.isPaused, in: $0) != nil }
            // What cannot be read is off.
            return isPaused ?? true || context.configuration.directory.isPausedByFile || context.configuration.policy.mode == .off
        }
        planner = made
        return made
    }

    /// Incidents that were handed to a person, of the kinds that a model may help with, and that none was asked about.
    private func unasked() async throws -> [Incident] {
        try await context.database.read { transaction in
            try IncidentTable.all(openOnly: true, in: transaction).filter { incident in
                guard incident.state == .escalated,
                    let last = try DecisionTable.find(host: incident.host, check: incident.check, in: transaction),
                    last.incident == incident.id, PlannerRequest.codes.contains(last.code)
                else { return false }
                return try !ProposalTable.isKnown(incident.id, in: transaction)
            }
        }
    }

    private func ask(_ planner: L2Planner, about incident: Incident, _ loaded: ActiveCatalog.Loaded) async throws {
        guard let check = loaded.catalog.checks[incident.check], let platforms = hosts.platforms(of: incident.host) else { return }
        guard
            let request = PlannerRequest(
                incident, catalog: loaded.catalog, platforms: platforms,
                parameters: hosts.parameters(of: check, on: incident.host, in: loaded.catalog), scrubber: context.scrubber,
                at: context.clock.now())
        else { return }
        let exchange = await planner.plan(request, for: context.identity.site) { [context] exchange in
            let begun = Proposal(refusal: exchange.record, host: incident.host, check: incident.check, code: incident.code)
            try await context.database.write { try ProposalTable.begin(begun, at: context.clock.now(), in: $0) }
        }
        try await desk.take(Proposal(exchange, for: incident), order: nil)
    }
}
