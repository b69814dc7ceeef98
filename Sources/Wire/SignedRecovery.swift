package import Model
package import Seal

/// Asks for a certificate in the name of an appliance whose old one is past its time: `martlet.recovery/v1`.
///
/// The evidence key is an appliance's lasting identity: it was enrolled, and never leaves the appliance.
package struct RecoveryRequest: Hashable, Sendable {
    package static let schema = "martlet.recovery/v1"
    package let appliance: ApplianceID
    /// PKCS #10, PEM. Only its public key is used.
    package let signingRequest: String
    /// Central takes it for ten minutes before and after.
    package let made: Timestamp
    /// 32 lower-case hexadecimal digits; taken once.
    package let nonce: String

    package init(appliance: ApplianceID, signingRequest: String, made: Timestamp, nonce: String) {
        self.appliance = appliance
        self.signingRequest = signingRequest
        self.made = made
        self.nonce = nonce
    }

    package init(appliance: ApplianceID, signingRequest: String, made: Timestamp, random: inout some RandomNumberGenerator) {
        let nonce = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }.hexadecimal
        self.init(appliance: appliance, signingRequest: signingRequest, made: made, nonce: nonce)
    }
}

extension RecoveryRequest: WireMessage {
    package static let bytesMax = 16_384

    package var json: JSONValue {
        [
            "appliance": .string(appliance.description), "made": .string(made.description), "nonce": .string(nonce),
            "schema": .string(Self.schema), "signingRequest": .string(signingRequest),
        ]
    }

    package init(reading reader: ObjectReader) throws(FieldError) {
        guard try reader.string("schema", bytesMax: 100) == Self.schema else { throw .outOfRange("schema", expected: Self.schema) }
        let nonce = try reader.string("nonce", bytesMax: 32)
        guard [UInt8](hexadecimal: nonce)?.count == 16 else {
            throw .outOfRange("nonce", expected: "32 lower-case hexadecimal digits")
        }
        self.init(
            appliance: try reader.parsed("appliance"), signingRequest: try reader.string("signingRequest", bytesMax: 8_192),
            made: try reader.instant("made"), nonce: nonce)
    }
}

/// A recovery request as it travels: an envelope signed with the evidence key.
package struct SignedRecovery: Sendable {
    /// Of the whole body: base 64 makes 4 bytes of 3.
    package static let bytesMax = RecoveryRequest.bytesMax / 3 * 4 + 1_024
    private static let limits = JSONLimits(bytesMax: bytesMax, depthMax: 4)

    private let envelope: SignedEnvelope

    package init(signing request: RecoveryRequest, with key: SigningKey) {
        // Texts only, which always have a canonical form.
        envelope = try! SignedEnvelope(signing: request.json, with: key)
    }

    /// Only takes the envelope apart.
    package init(parsing body: [UInt8]) throws(EnvelopeError) { envelope = try SignedEnvelope(parsing: body, limits: Self.limits) }

    package var body: [UInt8] { Array(envelope.text.utf8) }

    /// Whom the sender claims to be. Says nothing but which key must have signed.
    package var claimedAppliance: ApplianceID? {
        let payload = try? JSONValue(parsing: envelope.payload, limits: JSONLimits(bytesMax: RecoveryRequest.bytesMax, depthMax: 4))
        return payload?["appliance"]?.string.flatMap(ApplianceID.init)
    }

    /// - Parameter key: the enrolled evidence key of the appliance that is claimed.
    package func open(key: VerifyingKey) throws(EnvelopeError) -> RecoveryRequest {
        let limits = JSONLimits(bytesMax: RecoveryRequest.bytesMax, depthMax: 4)
        let payload = try envelope.open(schema: RecoveryRequest.schema, keys: [key], limits: limits).payload
        do throws(FieldError) { return try RecoveryRequest(reading: ObjectReader(payload)) } catch { throw .field(error) }
    }
}
