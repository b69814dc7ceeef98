package import Catalog
package import Model
package import Redaction
package import Seal

/// An incident with what a person who knows would do about it.
package struct LabelledIncident: Sendable {
    package let name: String
    package let incident: Incident
    package let platforms: Set<String>
    /// Any of them is right; empty: handing it to a person is.
    package let runbooks: Set<RunbookID>

    /// `{"name","check","code","severity","platforms":[…],"facts":{"values","unknown"},"runbooks":[…]}`.
    package init(json: JSONValue, at now: Timestamp) throws(FieldError) {
        let reader = try ObjectReader(json)
        try reader.refuseUnknown(except: ["name", "check", "code", "severity", "platforms", "facts", "runbooks"])
        name = try reader.string("name", bytesMax: 200)
        incident = Incident(
            id: IncidentID(at: now), host: "accuracy", check: try reader.parsed("check"), code: try reader.parsed("code"),
            severity: try reader.word("severity"), opened: now, lastSeen: now,
            facts: try Facts(reading: try reader.object("facts")))
        platforms = Set(try reader.strings("platforms", countMax: 8, bytesMax: 40))
        var runbooks: Set<RunbookID> = []
        for text in try reader.strings("runbooks", countMax: 16, bytesMax: 100) {
            guard let id = RunbookID(text) else { throw reader.malformed("runbooks", RunbookID.self) }
            runbooks.insert(id)
        }
        self.runbooks = runbooks
    }

    /// The question about it, of a host that is held to `default`; nil where the catalog has no such check.
    package func request(_ catalog: CompiledCatalog, scrubber: Scrubber, at now: Timestamp) -> PlannerRequest? {
        catalog.checks[incident.check].flatMap { check in
            PlannerRequest(
                incident, catalog: catalog, platforms: platforms,
                parameters: catalog.parameters(of: check, baseline: catalog.baselines["default"]), scrubber: scrubber, at: now)
        }
    }
}

/// How a provider did on labelled incidents. Counts, so that reports of parts can be added and nobody sees a percentage of nothing.
package struct AccuracyReport: Hashable, Sendable {
    package let provider: String
    package let model: String
    package internal(set) var right = 0
    /// It would have done something else than a person: the figure to watch.
    package internal(set) var wrong = 0
    /// A person would have acted so, and it handed the matter over or was not sure.
    package internal(set) var timid = 0
    /// No answer that could be used, by code.
    package internal(set) var failed: [Code: Int] = [:]
    /// Millionths of a dollar.
    package internal(set) var cost: Int64 = 0
    package internal(set) var inputTokens: Int64 = 0
    package internal(set) var outputTokens: Int64 = 0
    package internal(set) var latencies: [Duration] = []

    package var count: Int { right + wrong + timid + failed.values.reduce(0, +) }
    /// Right answers of all that were asked; nil where none was.
    package var score: Double? { count == 0 ? nil : Double(right) / Double(count) }
    package var medianLatency: Duration? { latencies.isEmpty ? nil : latencies.sorted()[latencies.count / 2] }

    init(provider: String, model: String) {
        self.provider = provider
        self.model = model
    }

    /// Asks about each, one after the other. The planner should be made without a cache and with a budget for all of them.
    package static func measure(
        _ incidents: [LabelledIncident], with planner: L2Planner, configuration: ProviderConfiguration, catalog: CompiledCatalog,
        scrubber: Scrubber, site: SiteID, at now: Timestamp
    ) async -> AccuracyReport {
        var report = AccuracyReport(provider: configuration.kind.rawValue, model: configuration.model)
        for labelled in incidents {
            guard let request = labelled.request(catalog, scrubber: scrubber, at: now) else {
                report.failed["planner.unknown_check", default: 0] += 1
                continue
            }
            report.add(await planner.plan(request, for: site), labelled)
        }
        return report
    }

    mutating func add(_ exchange: PlannerExchange, _ labelled: LabelledIncident) {
        cost += exchange.cost
        inputTokens += exchange.inputTokens ?? 0
        outputTokens += exchange.outputTokens ?? 0
        if exchange.answerDigest != nil { latencies.append(exchange.latency) }
        switch exchange.outcome {
        case .choice(let choice):
            if labelled.runbooks.contains(choice.runbook) { right += 1 } else { wrong += 1 }
        case .refused(.escalated), .refused(.lowConfidence), .refused(.nothingToChoose):
            if labelled.runbooks.isEmpty { right += 1 } else { timid += 1 }
        case .refused(let refusal): failed[refusal.code, default: 0] += 1
        }
    }
}
