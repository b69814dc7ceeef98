import Healing
import Model
import Seal

/// All that can be asked. There is no request that carries a command, a path to run, or a probe's arguments.
enum HandsRequest: Sendable {
    /// What kind of machine is this?
    case kind
    /// The facts behind these checks, under the parameters that the signed catalog and a baseline of it give them.
    case look(checks: [CheckID], catalog: Digest, baseline: String)
    /// A signed pack, as an envelope's text.
    case catalog([UInt8])
    case act(Act)

    /// One part of one step of a plan.
    struct Act: Sendable {
        enum Part: String, Sendable { case capture, apply, restore, settle }

        let part: Part
        let plan: Plan
        /// From 0.
        let number: Int
        let step: Intent.Step
        let catalog: Digest
        let baseline: String
        /// Sealed by whoever captured it; nil for `capture`.
        let captured: [UInt8]?
        /// How much time is left.
        let within: Duration
    }

    static let capturedBytesMax = 4 << 20

    var json: JSONValue {
        switch self {
        case .kind: return ["do": "kind", "schema": .string(HandsProtocol.schema)]
        case .look(let checks, let catalog, let baseline):
            return [
                "do": "look", "schema": .string(HandsProtocol.schema), "checks": .array(checks.map { .string($0.description) }),
                "catalog": .string(catalog.description), "baseline": .string(baseline),
            ]
        case .catalog(let envelope):
            return [
                "do": "catalog", "schema": .string(HandsProtocol.schema), "pack": .string(String(decoding: envelope, as: UTF8.self)),
            ]
        case .act(let act):
            var members: [String: JSONValue] = [
                "do": .string(act.part.rawValue), "schema": .string(HandsProtocol.schema), "plan": act.plan.json,
                "step": .integer(Int64(act.number)), "verb": .string(act.step.verb),
                "arguments": .object(act.step.arguments.mapValues(\.json)), "catalog": .string(act.catalog.description),
                "baseline": .string(act.baseline), "withinMs": .integer(act.within.wholeMilliseconds),
            ]
            if let captured = act.captured { members["captured"] = .string(captured.base64) }
            return .object(members)
        }
    }

    init(json: JSONValue) throws(HandsRefusal) {
        do throws(FieldError) {
            let reader = try ObjectReader(json)
            guard try reader.string("schema", bytesMax: 100) == HandsProtocol.schema else {
                throw .outOfRange("schema", expected: HandsProtocol.schema)
            }
            let word = try reader.string("do", bytesMax: 20)
            switch word {
            case "kind":
                try reader.refuseUnknown(except: ["schema", "do"])
                self = .kind
            case "look":
                try reader.refuseUnknown(except: ["schema", "do", "checks", "catalog", "baseline"])
                var checks: [CheckID] = []
                for text in try reader.strings("checks", countMax: HandsProtocol.checksMax, bytesMax: 200) {
                    guard let check = CheckID(text) else { throw .outOfRange("checks", expected: "check ids") }
                    checks.append(check)
                }
                self = .look(checks: checks, catalog: try reader.digest("catalog"), baseline: try reader.string("baseline", bytesMax: 100))
            case "catalog":
                try reader.refuseUnknown(except: ["schema", "do", "pack"])
                self = .catalog(Array(try reader.string("pack", bytesMax: HandsProtocol.frameBytesMax).utf8))
            default:
                guard let part = Act.Part(rawValue: word) else { throw .outOfRange("do", expected: "something that is done here") }
                self = .act(try Act(part, reader))
            }
        } catch {
            throw .malformed("\(error.code) \(error.message)")
        }
    }
}

extension HandsRequest.Act {
    fileprivate init(_ part: Part, _ reader: ObjectReader) throws(FieldError) {
        try reader.refuseUnknown(
            except: ["schema", "do", "plan", "step", "verb", "arguments", "catalog", "baseline", "captured", "withinMs"])
        self.part = part
        let given = try reader.required("plan")
        plan = try Plan(json: given)
        // Nothing in it that we would pass over.
        guard plan.json == given else { throw .outOfRange("plan", expected: "a plan and nothing else") }
        number = Int(try reader.integer("step", in: 0...Int64(Intent.stepsMax - 1)))
        var arguments: [String: TypedValue] = [:]
        for (name, value) in try reader.object("arguments").all { arguments[name] = try TypedValue(json: value, at: "arguments.\(name)") }
        step = Intent.Step(verb: try reader.string("verb", bytesMax: 100), arguments: arguments)
        catalog = try reader.digest("catalog")
        baseline = try reader.string("baseline", bytesMax: 100)
        captured = part == .capture ? nil : try reader.bytes("captured", count: 1...HandsRequest.capturedBytesMax)
        within = .milliseconds(try reader.integer("withinMs", in: 1...604_800_000))
    }
}
