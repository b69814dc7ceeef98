import Model
import Seal

/// What crosses the socket between `martlet-appliance` and `martlet-hands`: one request and one answer for each connection, each a
/// frame of four bytes of length (big-endian) and that many bytes of canonical JSON. `docs/formats/hands.md`.
enum HandsProtocol {
    static let schema = "martlet.hands/v1"
    /// A signed pack is the largest thing that is sent.
    static let frameBytesMax = 16 << 20
    static let limits = JSONLimits.signed(bytesMax: frameBytesMax, depthMax: 12)
    /// From a connection's beginning to a request's last byte, and again for the answer's.
    static let frameDeadline: Duration = .seconds(10)
    static let checksMax = 500
    /// For all that one request looks at.
    static let lookMax: Duration = .seconds(290)
    /// For one part of one step; the runbook's own limit holds besides.
    static let actMax: Duration = .seconds(86_400)
    /// How long a request waits for the one before it.
    static let queueMax: Duration = .seconds(60)

    /// - Throws: `malformed` unless the bytes are exactly the canonical form of what they say: one meaning, one text.
    static func parse(_ bytes: [UInt8]) throws(HandsRefusal) -> JSONValue {
        let value: JSONValue
        let canonical: [UInt8]
        do throws(JSONError) {
            value = try JSONValue(parsing: bytes, limits: limits)
            canonical = try value.canonicalBytes()
        } catch {
            throw .malformed(error.code)
        }
        guard canonical == bytes else { throw .malformed("json.not_canonical") }
        return value
    }
}
