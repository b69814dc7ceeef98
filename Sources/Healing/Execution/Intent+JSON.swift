package import Model
package import Seal

extension Intent {
    package static let stepsMax = 100

    package var json: JSONValue {
        [
            "schema": .string(Self.schema), "plan": plan.json, "started": .string(started.description),
            "timeoutMs": .integer(timeout.wholeMilliseconds), "preState": preState.json, "steps": .array(steps.map(\.json)),
        ]
    }

    package init(json: JSONValue) throws(FieldError) {
        let reader = try ObjectReader(json)
        guard try reader.string("schema", bytesMax: 100) == Self.schema else { throw .outOfRange("schema", expected: Self.schema) }
        var steps: [Step] = []
        for item in try reader.objects("steps", countMax: Self.stepsMax) { steps.append(try Step(item)) }
        self.init(
            plan: try Plan(json: reader.required("plan")), started: try reader.instant("started"),
            timeout: .milliseconds(try reader.integer("timeoutMs", in: 0...604_800_000)),
            preState: try Facts(json: reader.required("preState")), steps: steps)
    }
}

extension Intent.Step {
    fileprivate var json: JSONValue {
        var members: [String: JSONValue] = ["verb": .string(verb), "arguments": .object(arguments.mapValues(\.json))]
        if let captured { members["captured"] = captured }
        if let record { members["record"] = record.intentJSON }
        return .object(members)
    }

    fileprivate init(_ reader: ObjectReader) throws(FieldError) {
        self.init(verb: try reader.string("verb", bytesMax: 100), arguments: try values(reader, "arguments"))
        captured = reader.optional("captured")
        if reader.optional("record") != nil { record = try ActionRecord(intent: try reader.object("record")) }
    }
}

extension Plan {
    package var json: JSONValue {
        var members: [String: JSONValue] = [
            "id": .string(id.description), "host": .string(host.description), "check": .string(check.description),
            "tier": .string(tier.rawValue), "proposer": .string(proposer), "runbook": .string(runbook.description),
            "runbookDigest": .string(runbookDigest.description), "parameters": .object(parameters.mapValues(\.json)),
            "isDisruptive": .boolean(isDisruptive), "made": .string(made.description),
        ]
        if let incident { members["incident"] = .string(incident.description) }
        if let order { members["order"] = .string(order.description) }
        if let ruleVersion { members["ruleVersion"] = .integer(Int64(ruleVersion)) }
        return .object(members)
    }

    package init(json: JSONValue) throws(FieldError) {
        let reader = try ObjectReader(json, at: "plan")
        self.init(
            id: try reader.parsed("id"), host: try reader.parsed("host"), check: try reader.parsed("check"),
            incident: try reader.optionalParsed("incident"), order: try reader.optionalParsed("order"), tier: try reader.word("tier"),
            proposer: try reader.string("proposer", bytesMax: 500),
            ruleVersion: try reader.optionalInteger("ruleVersion", in: 1...1_000_000_000).map { Int($0) },
            runbook: try reader.parsed("runbook"), runbookDigest: try reader.parsed("runbookDigest"),
            parameters: try values(reader, "parameters"),
            isDisruptive: try reader.boolean("isDisruptive"), made: try reader.instant("made"))
    }
}

extension ActionRecord {
    fileprivate var intentJSON: JSONValue {
        var members: [String: JSONValue] = [
            "step": .integer(Int64(step)), "verb": .string(verb), "target": .string(target),
            "durationMs": .integer(durationMilliseconds), "result": .string(result),
        ]
        if let exitStatus { members["exitStatus"] = .integer(Int64(exitStatus)) }
        return .object(members)
    }

    fileprivate init(intent reader: ObjectReader) throws(FieldError) {
        self.init(
            step: Int(try reader.integer("step", in: 1...1_000)), verb: try reader.string("verb", bytesMax: 100),
            target: try reader.string("target", bytesMax: 5_000), exitStatus: try reader.optionalInteger("exitStatus").map { Int($0) },
            durationMilliseconds: try reader.integer("durationMs"), result: try reader.string("result", bytesMax: 100))
    }
}

private func values(_ reader: ObjectReader, _ key: String) throws(FieldError) -> [String: TypedValue] {
    guard let members = try reader.required(key).object else { throw .wrongType(reader.path(key), expected: "an object") }
    var values: [String: TypedValue] = [:]
    for (name, value) in members { values[name] = try TypedValue(json: value, at: "\(reader.path(key)).\(name)") }
    return values
}
