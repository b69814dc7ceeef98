package import Catalog
package import Evidence
package import Model
package import Seal

/// What a model answered about one incident, on its way to a plan: `martlet.proposal/v1`. Central sends it in an order of kind `proposal`;
/// an appliance with a model of its own keeps it likewise. It has no power of its own: the gate judges its plan as a rule's.
package struct Proposal: Hashable, Sendable {
    package static let schema = "martlet.proposal/v1"
    /// Of its canonical JSON.
    package static let bytesMax = 65_536

    package struct Choice: Hashable, Sendable {
        package let runbook: RunbookID
        /// Of the definition that was chosen: another one is another choice.
        package let runbookDigest: Digest
        package let parameters: [String: TypedValue]
    }

    package let incident: IncidentID
    package let host: HostID
    package let check: CheckID
    /// The drift that was asked about.
    package let code: Code
    /// nil: the planner refused, and the exchange says why.
    package let choice: Choice?
    package let exchange: ExchangeRecord

    package init(_ exchange: PlannerExchange, for incident: Incident) {
        var choice: Choice?
        if case .choice(let chosen) = exchange.outcome {
            choice = Choice(runbook: chosen.runbook, runbookDigest: chosen.runbookDigest, parameters: chosen.parameters)
        }
        self.init(
            incident: incident.id, host: incident.host, check: incident.check, code: incident.code, choice: choice,
            exchange: exchange.record)
    }

    /// Of an exchange that ended without a choice.
    package init(refusal exchange: ExchangeRecord, host: HostID, check: CheckID, code: Code) {
        self.init(incident: exchange.incident, host: host, check: check, code: code, choice: nil, exchange: exchange)
    }

    private init(incident: IncidentID, host: HostID, check: CheckID, code: Code, choice: Choice?, exchange: ExchangeRecord) {
        self.incident = incident
        self.host = host
        self.check = check
        self.code = code
        self.choice = choice
        self.exchange = exchange
    }

    /// Who proposes, as it stands in a plan: the model as configured, never as the answer says.
    package var proposer: String { "model:\(exchange.model ?? "none")" }

    /// Whether it still is about this incident, as it is known here; nil where it is not.
    package func judge(against incident: Incident?) throws(ProposalRefusal) -> Incident {
        guard let incident, incident.state != .resolved else { throw .closed }
        guard incident.id == self.incident, incident.host == host, incident.check == check else { throw .otherIncident }
        guard incident.code == code else { throw .driftChanged }
        return incident
    }

    /// The plan, for the same gate as any other. Everything is compared with what this very incident, catalog and site offer now,
    /// whoever signed the proposal.
    ///
    /// - Parameters:
    ///   - incident: as it is known here.
    ///   - parameters: of the check, defaults with the site's baseline over them.
    package func plan(
        for incident: Incident, catalog: CompiledCatalog, platforms: Set<String>, parameters: [String: TypedValue], id: PlanID,
        at now: Timestamp
    ) throws(ProposalRefusal) -> Plan {
        let incident = try judge(against: incident)
        guard let choice, let definition = catalog.checks[check], let runbook = catalog.runbooks[choice.runbook],
            runbook.checks.contains(check)
        else { throw .unlisted }
        guard catalog.runbookDigests[choice.runbook] == choice.runbookDigest else { throw .runbookChanged }
        let offers = Offers(for: incident, check: definition, catalog: catalog, platforms: platforms, parameters: parameters)
        guard offers.permit(choice.runbook, choice.parameters) else { throw .notOffered }
        return Plan(
            id: id, host: host, check: check, incident: incident.id, order: nil, tier: .l2, proposer: proposer, runbook: choice.runbook,
            runbookDigest: choice.runbookDigest, parameters: choice.parameters,
            isDisruptive: runbook.isDisruptive || runbook.needsReboot, made: now)
    }
}

extension Proposal {
    package var json: JSONValue {
        var members: [String: JSONValue] = [
            "schema": .string(Self.schema), "incident": .string(incident.description), "host": .string(host.description),
            "check": .string(check.description), "code": .string(code.description), "exchange": exchange.json,
        ]
        members["choice"] = choice.map {
            [
                "runbook": .string($0.runbook.description), "runbookDigest": .string($0.runbookDigest.description),
                "parameters": .object($0.parameters.mapValues(\.json)),
            ]
        }
        return .object(members)
    }

    /// One line of canonical JSON, as it stands in an order and in a table.
    package var text: String { String(decoding: (try? json.canonicalBytes()) ?? [], as: UTF8.self) }

    package init(parsing text: String) throws(ProposalRefusal) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: Array(text.utf8), limits: JSONLimits(bytesMax: Self.bytesMax, depthMax: 8))
        } catch {
            throw .malformed("not JSON (\(error.code))")
        }
        do throws(FieldError) { try self.init(json: value) } catch { throw .malformed(error.message) }
    }

    /// Unknown members are refused: one could be a condition that we would not keep.
    private init(json: JSONValue) throws(FieldError) {
        let reader = try ObjectReader(json)
        try reader.refuseUnknown(except: ["schema", "incident", "host", "check", "code", "choice", "exchange"])
        guard try reader.string("schema", bytesMax: 100) == Self.schema else { throw .outOfRange("schema", expected: Self.schema) }
        let exchange = try ExchangeRecord(reading: try reader.object("exchange"))
        let choice = try reader.optionalObject("choice").map { (item) throws(FieldError) in try Choice(reading: item) }
        self.init(
            incident: try reader.parsed("incident"), host: try reader.parsed("host"), check: try reader.parsed("check"),
            code: try reader.parsed("code"), choice: choice, exchange: exchange)
        guard exchange.incident == incident, exchange.choice?.runbook == choice?.runbook,
            exchange.choice.map({ Set($0.parameters) }) == choice.map({ Set($0.parameters.keys) })
        else { throw .outOfRange("choice", expected: "what the exchange says") }
    }
}

extension Proposal.Choice {
    fileprivate init(reading reader: ObjectReader) throws(FieldError) {
        try reader.refuseUnknown(except: ["runbook", "runbookDigest", "parameters"])
        guard let members = try reader.required("parameters").object, members.count <= 64 else {
            throw .wrongType(reader.path("parameters"), expected: "an object of at most 64 members")
        }
        var parameters: [String: TypedValue] = [:]
        for (name, value) in members { parameters[name] = try TypedValue(json: value, at: reader.path("parameters.\(name)")) }
        self.init(
            runbook: try reader.parsed("runbook"), runbookDigest: try reader.digest("runbookDigest"), parameters: parameters)
    }
}

extension Order {
    /// Which parameter of an order of kind `proposal` holds the proposal, as text.
    package static let proposalParameter = "proposal"
}
