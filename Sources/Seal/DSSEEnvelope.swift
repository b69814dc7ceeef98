import Model

/// A signed document in the Dead Simple Signing Envelope (DSSE 1.0), for readers of other people's attestations. What Martlet
/// itself exchanges travels in `SignedEnvelope`.
package struct DSSEEnvelope: Hashable, Sendable {
    package let payloadType: String
    package let payload: [UInt8]
    package let signatures: [Signature]

    package struct Signature: Hashable, Sendable {
        package let keyID: KeyID
        /// Ed25519 over `preAuthenticationEncoding`, 64 bytes.
        package let bytes: [UInt8]
    }

    package init(signing payload: [UInt8], type: String, with key: SigningKey) {
        payloadType = type
        self.payload = payload
        signatures = [Signature(keyID: key.id, bytes: key.sign(Self.preAuthenticationEncoding(of: payload, type: type)))]
    }

    /// What is signed: type and payload, each after its length in bytes, so that neither can pass for part of the other.
    package static func preAuthenticationEncoding(of payload: [UInt8], type: String) -> [UInt8] {
        Array("DSSEv1 \(type.utf8.count) \(type) \(payload.count) ".utf8) + payload
    }

    package var json: JSONValue {
        [
            "payload": .string(payload.base64), "payloadType": .string(payloadType),
            "signatures": .array(signatures.map { ["keyid": .string($0.keyID.description), "sig": .string($0.bytes.base64)] }),
        ]
    }
}
