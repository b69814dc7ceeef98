package import Conditions
import Documents
import Model
package import Seal

// The compiled form of each definition: the keys of its YAML, durations as text, values as their declared type reads them.
// `CatalogReader` reads it back.

extension CheckDefinition {
    var json: JSONValue {
        [
            "id": .string(id.description), "title": .string(title), "probe": .string(probe.description), "platforms": .strings(platforms),
            "severity": .string(severity.rawValue), "interval": .duration(interval), "staleAfter": .duration(staleAfter),
            "phiRisk": .string(phiRisk), "parameters": .object(parameters.mapValues(\.json)), "requires": .names(requires),
            "notApplicable": .array(notApplicable.map(\.json)), "drift": .array(drift.map(\.json)),
            "controls": .array(controls.map { .strings([$0.framework, $0.control, $0.confidence.rawValue]) }),
        ]
    }
}

extension Clause {
    fileprivate var json: JSONValue { ["code": .string(code.description), "when": condition.json] }
}

extension ParameterDefinition {
    fileprivate var json: JSONValue {
        var members: [String: JSONValue] = ["type": .string(type.rawValue), "summary": .string(summary)]
        members["default"] = `default`?.plainJSON
        members["minimum"] = minimum.map(JSONValue.integer)
        members["maximum"] = maximum.map(JSONValue.integer)
        members["allowed"] = allowed.map(JSONValue.strings)
        members["pattern"] = pattern.map(JSONValue.string)
        return .object(members)
    }
}

extension RunbookDefinition {
    /// What `CompiledCatalog.runbookDigests` and plans hash.
    var json: JSONValue {
        [
            "id": .string(id.description), "title": .string(title), "checks": .names(checks), "platforms": .strings(platforms),
            "parameters": .object(parameters.mapValues(\.json)), "disruptive": .boolean(isDisruptive), "needsReboot": .boolean(needsReboot),
            "needsApproval": .boolean(needsApproval), "needsWindow": .boolean(needsWindow), "timeout": .duration(timeout),
            "retries": .integer(Int64(retries)), "steps": .array(steps.map(\.json)),
        ]
    }
}

extension StepDefinition {
    fileprivate var json: JSONValue {
        let with = arguments.mapValues { argument -> JSONValue in
            switch argument {
            case .literal(let value): value.plainJSON
            case .parameter(let name): ["parameter": .string(name)]
            }
        }
        return ["verb": .string(verb), "with": .object(with)]
    }
}

extension RuleDefinition {
    /// What a pack holds of it.
    package var json: JSONValue {
        var members: [String: JSONValue] = [
            "id": .string(id.description), "title": .string(title), "priority": .integer(Int64(priority)),
            "check": .string(check.description), "codes": .names(codes), "cooldown": .duration(cooldown),
            "attemptsMax": .integer(Int64(attemptsMax)),
        ]
        if !platforms.isEmpty { members["platforms"] = .strings(platforms) }
        members["when"] = condition?.json
        guard let runbook else {
            members["escalate"] = true
            return .object(members)
        }
        members["runbook"] = .string(runbook.description)
        let with = parameters.mapValues { argument -> JSONValue in
            switch argument {
            case .literal(let value): value.plainJSON
            case .fact(let name): ["fact": .string(name.description)]
            case .checkParameter(let name): ["checkParameter": .string(name)]
            }
        }
        if !with.isEmpty { members["with"] = .object(with) }
        return .object(members)
    }
}

extension BaselineDefinition {
    var json: JSONValue {
        let values = parameters.map { ($0.key.description, JSONValue.object($0.value.mapValues(\.plainJSON))) }
        return [
            "id": .string(id), "title": .string(title), "parameters": .object(Dictionary(uniqueKeysWithValues: values)),
            "documents": .object(documents.mapValues(JSONValue.string)),
        ]
    }
}

extension CatalogSchema {
    var json: JSONValue {
        func types<Name: CustomStringConvertible>(_ types: [Name: ValueType]) -> JSONValue {
            .object(Dictionary(uniqueKeysWithValues: types.map { ($0.key.description, .string($0.value.rawValue)) }))
        }
        let verbs = self.verbs.mapValues { ["required": types($0.required), "optional": types($0.optional)] as JSONValue }
        return [
            "probes": .object(Dictionary(uniqueKeysWithValues: probes.map { ($0.key.description, types($0.value)) })),
            "verbs": .object(verbs),
        ]
    }
}

extension Condition {
    package var json: JSONValue {
        switch self {
        case .all(let parts): ["all": .array(parts.map(\.json))]
        case .any(let parts): ["any": .array(parts.map(\.json))]
        case .not(let part): ["not": part.json]
        case .exists(let fact): ["exists": .string(fact.description)]
        case .compare(let comparison):
            ["fact": .string(comparison.fact.description), comparison.operator.rawValue: comparison.operandJSON]
        }
    }
}

extension Comparison {
    fileprivate var operandJSON: JSONValue {
        switch (operand, `operator`) {
        case (.parameter(let name), _): ["parameter": .string(name)]
        case (.literal(.integer(let seconds)), .olderThan), (.literal(.integer(let seconds)), .youngerThan): .duration(.seconds(seconds))
        case (.literal(let value), _): value.plainJSON
        }
    }
}

extension TypedValue {
    /// Without the type, which the declaration gives when it is read back.
    fileprivate var plainJSON: JSONValue {
        switch self {
        case .boolean(let flag): .boolean(flag)
        case .integer(let number): .integer(number)
        case .string(let text): .string(text)
        case .strings(let texts): .strings(texts)
        case .instant(let instant): .string(instant.description)
        case .version(let version): .string(version.description)
        }
    }
}

extension JSONValue {
    fileprivate static func strings(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }
    fileprivate static func names(_ names: [some CustomStringConvertible]) -> JSONValue { .array(names.map { .string($0.description) }) }
    fileprivate static func duration(_ duration: Duration) -> JSONValue { .string(DurationText.text(duration)) }
}
