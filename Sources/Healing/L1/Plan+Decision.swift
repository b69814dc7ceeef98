package import Catalog
package import Model

extension Plan {
    /// The plan of an L1 decision; nil where the decision is not to run a runbook, or the catalog has no such runbook.
    ///
    /// - Parameter learned: by rule, those of the index that are none of the catalog's own.
    package init?(
        _ decision: Decision, for incident: Incident, catalog: CompiledCatalog, learned: [RuleID: SitePolicy.Learned] = [:], id: PlanID,
        at now: Timestamp
    ) {
        guard case .run(let rule, let runbook, let arguments) = decision, let definition = catalog.runbooks[runbook],
            let digest = catalog.runbookDigests[runbook]
        else { return nil }
        self.init(
            id: id, host: incident.host, check: incident.check, incident: incident.id, order: nil, tier: .l1,
            proposer: "rule:\(rule)", ruleVersion: learned[rule]?.version, runbook: runbook, runbookDigest: digest, parameters: arguments,
            isDisruptive: definition.isDisruptive, made: now)
    }

    /// The plan of a verified order for one host; nil where the order does not ask for a runbook of the catalog.
    package init?(_ order: Order, for host: HostID, incident: IncidentID?, catalog: CompiledCatalog, id: PlanID, at now: Timestamp) {
        guard order.kind == .runbook, let runbook = order.runbook, let check = order.check, let definition = catalog.runbooks[runbook],
            let digest = catalog.runbookDigests[runbook]
        else { return nil }
        self.init(
            id: id, host: host, check: check, incident: incident, order: order.id, tier: .l3, proposer: "order:\(order.requester)",
            runbook: runbook, runbookDigest: digest, parameters: order.parameters, isDisruptive: definition.isDisruptive, made: now)
    }
}
