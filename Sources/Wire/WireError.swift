package import Model
package import Seal

/// Why a body from the other side was not taken. Nothing of it was used.
package enum WireError: Error, Hashable, Sendable {
    case notJSON(JSONError)
    case field(FieldError)

    package var code: Code {
        switch self {
        case .notJSON(.tooLarge): "wire.too_large"
        case .notJSON: "wire.not_json"
        case .field: "wire.field"
        }
    }

    package var message: String {
        switch self {
        case .notJSON(let error): error.message
        case .field(let error): error.message
        }
    }
}

/// A body of the appliance API: JSON with a limit, read field by field. Members that a later version added are skipped.
package protocol WireMessage: Sendable {
    /// Largest body that is read.
    static var bytesMax: Int { get }
    init(reading reader: ObjectReader) throws(FieldError)
    var json: JSONValue { get }
}

extension WireMessage {
    package init(json: JSONValue) throws(WireError) {
        do throws(FieldError) { try self.init(reading: ObjectReader(json)) } catch { throw .field(error) }
    }

    package init(body: [UInt8]) throws(WireError) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: body, limits: JSONLimits(bytesMax: Self.bytesMax, depthMax: 16))
        } catch {
            throw .notJSON(error)
        }
        try self.init(json: value)
    }

    /// Canonical JSON.
    package var body: [UInt8] {
        // Messages hold integers that JSON can hold and no fractions, so there is nothing to throw.
        try! json.canonicalBytes()
    }
}
