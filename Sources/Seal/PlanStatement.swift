package import Model

/// A plan as a person is asked to approve it: `martlet.plan/v1`.
///
/// Everything that decides what will be done, where and because of what, and nothing that differs from one turn to the next
/// (the plan's own id, the time it was made). `docs/formats/approval.md`.
package struct PlanStatement: Hashable, Sendable {
    package static let schema = "martlet.plan/v1"
    package static let bytesMax = 32_768

    package let site: SiteID
    package let appliance: ApplianceID
    package let host: HostID
    package let check: CheckID
    package let incident: IncidentID?
    package let order: OrderID?
    package let tier: Tier
    package let proposer: String
    package let runbook: RunbookID
    package let runbookDigest: Digest
    /// All of the runbook's, defaults included.
    package let parameters: [String: TypedValue]
    package let isDisruptive: Bool
    /// SHA-256 over the baseline's documents, which steps may write: another text of the firewall is another plan.
    package let documents: Digest

    package init(
        _ plan: Plan, parameters: [String: TypedValue], isDisruptive: Bool, documents: [String: String], site: SiteID,
        appliance: ApplianceID
    ) throws(JSONError) {
        self.site = site
        self.appliance = appliance
        host = plan.host
        check = plan.check
        // A person asked for it, whatever was found: an incident that is seen between two turns makes it no other plan.
        incident = plan.order == nil ? plan.incident : nil
        order = plan.order
        tier = plan.tier
        proposer = plan.proposer
        runbook = plan.runbook
        runbookDigest = plan.runbookDigest
        self.parameters = parameters
        self.isDisruptive = isDisruptive
        self.documents = Digest(of: try JSONValue.object(documents.mapValues { .string($0) }).canonicalBytes())
    }

    package var json: JSONValue {
        [
            "appliance": .string(appliance.description), "check": .string(check.description),
            "disruptive": .boolean(isDisruptive), "documents": .string(documents.description), "host": .string(host.description),
            "incident": incident.map { .string($0.description) } ?? nil, "order": order.map { .string($0.description) } ?? nil,
            "parameters": .object(parameters.mapValues(\.json)), "proposer": .string(proposer),
            "runbook": .string(runbook.description), "runbookDigest": .string(runbookDigest.description),
            "schema": .string(Self.schema), "site": .string(site.description), "tier": .string(tier.rawValue),
        ]
    }

    /// An unknown member is refused: it could say what will be done, and the digest would not cover it.
    package init(json: JSONValue) throws(FieldError) {
        let reader = try ObjectReader(json)
        try reader.refuseUnknown(except: [
            "appliance", "check", "disruptive", "documents", "host", "incident", "order", "parameters", "proposer", "runbook",
            "runbookDigest", "schema", "site", "tier",
        ])
        guard try reader.string("schema", bytesMax: 100) == Self.schema else { throw .outOfRange("schema", expected: Self.schema) }
        guard let members = try reader.required("parameters").object, members.count <= 64 else {
            throw .wrongType("parameters", expected: "an object of at most 64 members")
        }
        var parameters: [String: TypedValue] = [:]
        for (name, value) in members { parameters[name] = try TypedValue(json: value, at: "parameters.\(name)") }
        site = try reader.parsed("site")
        appliance = try reader.parsed("appliance")
        host = try reader.parsed("host")
        check = try reader.parsed("check")
        incident = try reader.optionalParsed("incident")
        order = try reader.optionalParsed("order")
        tier = try reader.word("tier")
        proposer = try reader.string("proposer", bytesMax: 500)
        runbook = try reader.parsed("runbook")
        runbookDigest = try reader.digest("runbookDigest")
        self.parameters = parameters
        isDisruptive = try reader.boolean("disruptive")
        documents = try reader.digest("documents")
    }

    package init(parsing text: String) throws(FieldError) {
        let value: JSONValue
        do throws(JSONError) { value = try JSONValue(parsing: Array(text.utf8), limits: JSONLimits(bytesMax: Self.bytesMax)) } catch {
            throw .wrongType("(whole)", expected: "JSON (\(error.code))")
        }
        try self.init(json: value)
    }

    /// Canonical JSON.
    package var text: String {
        // Read from JSON or made of typed values: both have a canonical form.
        String(decoding: (try? json.canonicalBytes()) ?? [], as: UTF8.self)
    }

    /// What an approval is bound to: SHA-256 of the canonical bytes.
    package var digest: Digest { Digest(of: Array(text.utf8)) }

    /// Who asked: a person by their order, or whatever made the plan.
    package var requester: String { PersonName.behind(proposer) }
}
