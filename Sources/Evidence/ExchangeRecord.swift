package import Model
package import Seal

/// One question to a language model and what became of it, as it stands in evidence, in an order and in Central's store:
/// `martlet.planner-exchange/v1`. `docs/formats/planner-exchange.md`.
///
/// Its texts were scrubbed and escaped by whoever asked; a bundle's scrubber goes over them once more.
package struct ExchangeRecord: Hashable, Sendable {
    package static let schema = "martlet.planner-exchange/v1"
    package static let answerBytesMax = 4_096
    package static let promptBytesMax = 4_096
    package static let reasonBytesMax = 500
    /// Of its canonical JSON.
    package static let bytesMax = 32_768
    /// The outcome that a choice has; every other one is a refusal's code.
    package static let chosen: Code = "planner.choice"

    /// What the model chose, without the values of parameters: they are host text, and stand in the plan. The answer has their labels.
    package struct Choice: Hashable, Sendable {
        package let runbook: RunbookID
        package let parameters: [String]
        /// 0...100, the model's own, rounded down: no fraction stands in evidence.
        package let confidencePercent: Int64
        package let needsApproval: Bool
        package var reason: String

        package init(runbook: RunbookID, parameters: [String], confidencePercent: Int64, needsApproval: Bool, reason: String) {
            self.runbook = runbook
            self.parameters = parameters
            self.confidencePercent = confidencePercent
            self.needsApproval = needsApproval
            self.reason = reason
        }
    }

    package let incident: IncidentID
    package let started: Timestamp
    package let latencyMilliseconds: Int64
    package let outcome: Code
    /// Exactly where the outcome is `chosen`.
    package internal(set) var choice: Choice?
    /// What the model chose where it was not sure enough.
    package internal(set) var unsure: Choice?
    package internal(set) var prompt: String?
    package let pattern: Digest?
    package let provider: String?
    package let model: String?
    package internal(set) var answeredModel: String?
    package let answerDigest: Digest?
    package internal(set) var answer: String?
    package let inputTokens: Int64?
    package let outputTokens: Int64?
    /// Millionths of a dollar, as charged to the budget.
    package let cost: Int64
    package let isFromCache: Bool

    package init(
        incident: IncidentID, started: Timestamp, latencyMilliseconds: Int64, outcome: Code, choice: Choice?, unsure: Choice?,
        prompt: String?, pattern: Digest?, provider: String?, model: String?, answeredModel: String?, answerDigest: Digest?,
        answer: String?, inputTokens: Int64?, outputTokens: Int64?, cost: Int64, isFromCache: Bool
    ) {
        self.incident = incident
        self.started = started
        self.latencyMilliseconds = latencyMilliseconds
        self.outcome = outcome
        self.choice = choice
        self.unsure = unsure
        self.prompt = prompt
        self.pattern = pattern
        self.provider = provider
        self.model = model
        self.answeredModel = answeredModel
        self.answerDigest = answerDigest
        self.answer = answer
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.cost = cost
        self.isFromCache = isFromCache
    }

    /// Everything in it that a host or a model may have written. Names of the configuration, codes, digests and numbers are ours.
    package func mapTexts(_ change: (String) -> String) -> ExchangeRecord {
        var record = self
        record.prompt = prompt.map(change)
        record.answer = answer.map(change)
        record.answeredModel = answeredModel.map(change)
        if let choice { record.choice?.reason = change(choice.reason) }
        if let unsure { record.unsure?.reason = change(unsure.reason) }
        return record
    }
}

extension ExchangeRecord {
    package var json: JSONValue {
        var members: [String: JSONValue] = [
            "schema": .string(Self.schema), "incident": .string(incident.description), "started": .string(started.description),
            "latencyMilliseconds": .integer(latencyMilliseconds), "outcome": .string(outcome.description),
            "costMicrodollars": .integer(cost), "fromCache": .boolean(isFromCache),
        ]
        members["choice"] = choice?.json
        members["unsure"] = unsure?.json
        members["prompt"] = prompt.map { .string($0) }
        members["pattern"] = pattern.map { .string($0.description) }
        members["provider"] = provider.map { .string($0) }
        members["model"] = model.map { .string($0) }
        members["answeredModel"] = answeredModel.map { .string($0) }
        members["answerDigest"] = answerDigest.map { .string($0.description) }
        members["answer"] = answer.map { .string($0) }
        members["inputTokens"] = inputTokens.map { .integer($0) }
        members["outputTokens"] = outputTokens.map { .integer($0) }
        return .object(members)
    }

    /// - Parameter reader: members that a later version added are skipped.
    package init(reading reader: ObjectReader) throws(FieldError) {
        guard try reader.string("schema", bytesMax: 100) == Self.schema else {
            throw .outOfRange(reader.path("schema"), expected: Self.schema)
        }
        let amounts: ClosedRange<Int64> = 0...JSONValue.greatestInteger
        self.init(
            incident: try reader.parsed("incident"), started: try reader.instant("started"),
            latencyMilliseconds: try reader.integer("latencyMilliseconds", in: amounts), outcome: try reader.parsed("outcome"),
            choice: try reader.optionalObject("choice").map { (item) throws(FieldError) in try Choice(reading: item) },
            unsure: try reader.optionalObject("unsure").map { (item) throws(FieldError) in try Choice(reading: item) },
            // A scrubber may have put a longer word in the place of a shorter one.
            prompt: try reader.optionalString("prompt", bytesMax: 2 * Self.promptBytesMax),
            pattern: reader.has("pattern") ? try reader.digest("pattern") : nil,
            provider: try reader.optionalString("provider", bytesMax: 100), model: try reader.optionalString("model", bytesMax: 200),
            answeredModel: try reader.optionalString("answeredModel", bytesMax: 200),
            answerDigest: reader.has("answerDigest") ? try reader.digest("answerDigest") : nil,
            answer: try reader.optionalString("answer", bytesMax: 2 * Self.answerBytesMax),
            inputTokens: try reader.optionalInteger("inputTokens", in: amounts),
            outputTokens: try reader.optionalInteger("outputTokens", in: amounts),
            cost: try reader.integer("costMicrodollars", in: amounts), isFromCache: try reader.boolean("fromCache"))
        guard (outcome == Self.chosen) == (choice != nil) else {
            throw .outOfRange(reader.path("outcome"), expected: "planner.choice exactly where there is a choice")
        }
    }
}

extension ExchangeRecord.Choice {
    fileprivate var json: JSONValue {
        [
            "runbook": .string(runbook.description), "parameters": .array(parameters.map { .string($0) }),
            "confidencePercent": .integer(confidencePercent), "needsApproval": .boolean(needsApproval), "reason": .string(reason),
        ]
    }

    fileprivate init(reading reader: ObjectReader) throws(FieldError) {
        self.init(
            runbook: try reader.parsed("runbook"), parameters: try reader.strings("parameters", countMax: 64, bytesMax: 100),
            confidencePercent: try reader.integer("confidencePercent", in: 0...100), needsApproval: try reader.boolean("needsApproval"),
            reason: try reader.string("reason", bytesMax: 2 * ExchangeRecord.reasonBytesMax))
    }
}
