package import Catalog
package import Model
package import Redaction

/// A runbook of the closed list, with parameters that were offered: all that is left of a model's answer. Only `AnswerReader` makes one.
package struct PlanChoice: Hashable, Sendable {
    package let runbook: RunbookID
    package let parameters: [String: TypedValue]
    /// 0...1, the model's own.
    package let confidence: Double
    /// Disruptive, rebooting, or said by the runbook: a person must approve. The gate asks for it again, from the catalog.
    package let needsApproval: Bool
    /// The model's words, for a record; nothing reads them.
    package let reason: ScrubbedText

    init(runbook: RunbookID, parameters: [String: TypedValue], confidence: Double, needsApproval: Bool, reason: ScrubbedText) {
        self.runbook = runbook
        self.parameters = parameters
        self.confidence = confidence
        self.needsApproval = needsApproval
        self.reason = reason
    }
}

extension Plan {
    /// The plan of an L2 choice, for the same gate as any other; nil where the catalog has no such runbook any more, or none for this check.
    ///
    /// - Parameter model: as configured, never as the answer says.
    package init?(_ choice: PlanChoice, by model: String, for incident: Incident, catalog: CompiledCatalog, id: PlanID, at now: Timestamp) {
        guard let definition = catalog.runbooks[choice.runbook], let digest = catalog.runbookDigests[choice.runbook],
            definition.checks.contains(incident.check)
        else { return nil }
        self.init(
            id: id, host: incident.host, check: incident.check, incident: incident.id, order: nil, tier: .l2, proposer: "model:\(model)",
            runbook: choice.runbook, runbookDigest: digest, parameters: choice.parameters,
            isDisruptive: definition.isDisruptive || definition.needsReboot, made: now)
    }
}
