package import Catalog
import Conditions
package import Model
package import Redaction

/// One incident as the planner is asked about it: metadata, the facts that its check speaks of, and the closed list of what may be done.
/// No site, no host, no account.
package struct PlannerRequest: Sendable {
    /// Codes of a handing over that a model may still help with: no rule answers, or what a rule did failed as often as it may. Where a
    /// rule says that a person must see to it, or a guardrail does, nobody is asked.
    package static let codes: Set<Code> = ["rule.none", "gate.attempts"]

    package let incident: Incident
    package let check: CheckDefinition
    package let catalog: CompiledCatalog
    package let platforms: Set<String>
    package let offers: Offers
    package let scrubber: Scrubber
    package let now: Timestamp

    /// - Parameters:
    ///   - platforms: of the incident's host, family and distribution.
    ///   - parameters: of the check, defaults with the site's baseline over them.
    /// - Returns: nil where the catalog has no such check.
    package init?(
        _ incident: Incident, catalog: CompiledCatalog, platforms: Set<String>, parameters: [String: TypedValue],
        scrubber: Scrubber, at now: Timestamp
    ) {
        guard let check = catalog.checks[incident.check] else { return nil }
        self.incident = incident
        self.check = check
        self.catalog = catalog
        self.platforms = platforms
        self.scrubber = scrubber
        self.now = now
        offers = Offers(for: incident, check: check, catalog: catalog, platforms: platforms, parameters: parameters)
    }

    /// Those of the drift's own clause first: they explain it.
    var factNames: [FactName] {
        let own = check.drift.filter { $0.code == incident.code }.reduce(into: Set<FactName>()) { $0.formUnion($1.condition.facts) }
        let others = check.drift.reduce(into: Set(check.requires)) { $0.formUnion($1.condition.facts) }.subtracting(own)
        return own.sorted() + others.sorted()
    }
}
