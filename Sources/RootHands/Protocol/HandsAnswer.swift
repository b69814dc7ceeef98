import Healing
import Model
import Seal

/// What came of a request.
enum HandsAnswer: Sendable {
    /// Facts per check, or the code of why there are none.
    case looks([Result<Facts, ProbeCode>])
    case captured([UInt8])
    case effect(StepEffect)
    case done
    /// Nothing was done.
    case refused(Code, String)
    /// It was tried: the step's own failure.
    case failed(StepError)

    struct ProbeCode: Error, Hashable, Sendable { let code: Code }

    init(_ refusal: HandsRefusal) { self = .refused(refusal.code, refusal.message) }

    var json: JSONValue {
        var members: [String: JSONValue] = ["schema": .string(HandsProtocol.schema)]
        switch self {
        case .looks(let looks):
            members["looks"] = .array(
                looks.map { look in
                    switch look {
                    case .success(let facts): ["facts": facts.json]
                    case .failure(let failure): ["unknown": .string(failure.code.description)]
                    }
                })
        case .captured(let bytes): members["captured"] = .string(bytes.base64)
        case .effect(let effect): members["effect"] = effect == .changed ? "changed" : "unchanged"
        case .done: members["done"] = true
        case .refused(let code, let message):
            members["refused"] = ["code": .string(code.description), "message": .string(message)]
        case .failed(let error):
            var failure: [String: JSONValue] = [
                "code": .string(error.code.description), "detail": .string(error.detail), "isOfHost": .boolean(error.isOfHost),
            ]
            if let status = error.exitStatus { failure["exitStatus"] = .integer(Int64(status)) }
            members["failed"] = .object(failure)
        }
        return .object(members)
    }

    init(json: JSONValue) throws(FieldError) {
        let reader = try ObjectReader(json)
        guard try reader.string("schema", bytesMax: 100) == HandsProtocol.schema else {
            throw .outOfRange("schema", expected: HandsProtocol.schema)
        }
        if reader.has("looks") {
            var looks: [Result<Facts, ProbeCode>] = []
            for look in try reader.objects("looks", countMax: HandsProtocol.checksMax) {
                if look.has("facts") {
                    looks.append(.success(try Facts(json: look.required("facts"))))
                } else {
                    looks.append(.failure(ProbeCode(code: try look.parsed("unknown"))))
                }
            }
            self = .looks(looks)
        } else if reader.has("captured") {
            self = .captured(try reader.bytes("captured", count: 1...HandsRequest.capturedBytesMax))
        } else if reader.has("effect") {
            self = .effect(try reader.string("effect", bytesMax: 20) == "changed" ? .changed : .unchanged)
        } else if reader.has("refused") {
            let refused = try reader.object("refused")
            self = .refused(try refused.parsed("code"), try refused.string("message", bytesMax: 4_096))
        } else if reader.has("failed") {
            let failed = try reader.object("failed")
            self = .failed(
                StepError(
                    try failed.parsed("code"), try failed.string("detail", bytesMax: 65_536),
                    exitStatus: try failed.optionalInteger("exitStatus", in: 0...255).map { Int($0) },
                    isOfHost: try failed.boolean("isOfHost")))
        } else {
            guard try reader.boolean("done") else { throw .outOfRange("done", expected: "true") }
            self = .done
        }
    }
}
