/// Something signed that travels inside JSON: `{"keyId","payload","signature"}`, the last two in base 64.
///
/// The signature is over the payload's bytes, which are canonical JSON and name their own `schema`: a receipt can never
/// pass for an order. `docs/formats/envelope.md`.
package struct SignedEnvelope: Hashable, Sendable {
    package let keyID: KeyID
    /// Unchecked until `open`.
    package let payload: [UInt8]
    /// 64 bytes.
    package let signature: [UInt8]

    /// - Throws: when `payload` has no canonical form.
    package init(signing payload: JSONValue, with key: SigningKey) throws(JSONError) {
        let bytes = try payload.canonicalBytes()
        self.init(keyID: key.id, payload: bytes, signature: key.sign(bytes))
    }

    package init(keyID: KeyID, payload: [UInt8], signature: [UInt8]) {
        self.keyID = keyID
        self.payload = payload
        self.signature = signature
    }

    package var json: JSONValue {
        ["keyId": .string(keyID.description), "payload": .string(payload.base64), "signature": .string(signature.base64)]
    }

    /// Canonical JSON text.
    package var text: String { String(decoding: try! json.canonicalBytes(), as: UTF8.self) }

    /// Only takes the envelope apart. Nothing is verified until `open`.
    package init(parsing bytes: [UInt8], limits: JSONLimits) throws(EnvelopeError) {
        let value: JSONValue
        var limits = limits
        limits.keys = .printableASCII
        do throws(JSONError) { value = try JSONValue(parsing: bytes, limits: limits) } catch { throw .notJSON(error) }
        try self.init(json: value, limits: limits)
    }

    package init(parsing text: String, limits: JSONLimits) throws(EnvelopeError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }

    package init(json: JSONValue, limits: JSONLimits) throws(EnvelopeError) {
        do throws(FieldError) {
            let reader = try ObjectReader(json)
            try reader.refuseUnknown(except: ["keyId", "payload", "signature"])
            keyID = try reader.parsed("keyId")
            payload = try reader.bytes("payload", count: 0...limits.bytesMax)
            signature = try reader.bytes("signature", count: 64...64)
        } catch {
            throw .field(error)
        }
    }

    /// Verifies, and only then parses the payload.
    ///
    /// - Parameter keys: those that may sign this schema, now.
    /// - Returns: the payload, whose `schema` member equals `schema`, and the key that signed it.
    package func open(
        schema: String, keys: [VerifyingKey], limits: JSONLimits
    ) throws(EnvelopeError) -> (payload: JSONValue, key: VerifyingKey) {
        guard let key = keys.first(where: { $0.id == keyID }) else { throw .unknownKey(keyID) }
        guard key.isValid(signature, for: payload) else { throw .badSignature(keyID) }
        let value: JSONValue
        var isCanonical = false
        var limits = limits
        limits.keys = .printableASCII
        do throws(JSONError) {
            value = try JSONValue(parsing: payload, limits: limits, isCanonical: &isCanonical)
        } catch {
            throw .notJSON(error)
        }
        guard isCanonical else { throw .notCanonical }
        guard value["schema"]?.string == schema else { throw .wrongSchema(expected: schema) }
        return (value, key)
    }
}

/// Why a signed envelope was not opened.
package enum EnvelopeError: Error, Hashable, Sendable {
    case notJSON(JSONError)
    case field(FieldError)
    case unknownKey(KeyID)
    case badSignature(KeyID)
    case notCanonical
    case wrongSchema(expected: String)

    package var code: String {
        switch self {
        case .notJSON(let error): error.code
        case .field: "envelope.malformed"
        case .unknownKey: "envelope.unknown_key"
        case .badSignature: "envelope.bad_signature"
        case .notCanonical: "envelope.not_canonical"
        case .wrongSchema: "envelope.wrong_schema"
        }
    }

    package var message: String {
        switch self {
        case .notJSON(let error): error.message
        case .field(let error): "envelope refused: \(error.message)"
        case .unknownKey(let key): "envelope refused: \(key) may not sign this here; its content was not read. Check the enrolled keys."
        case .badSignature(let key): "envelope refused: not signed by \(key); its content was not read."
        case .notCanonical: "envelope refused: its payload is not canonical JSON; nothing was taken."
        case .wrongSchema(let expected): "envelope refused: its payload is not a \(expected); nothing was taken."
        }
    }
}
