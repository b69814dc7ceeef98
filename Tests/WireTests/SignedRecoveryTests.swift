import Model
import Seal
import Testing
import Wire

@Suite struct SignedRecoveryTests {
    static let now = Timestamp(milliseconds: 1_795_000_000_123)
    let appliance = ApplianceID(at: now)
    let key = SigningKey()

    func request(signingRequest: String = "r", nonce: String = "00112233445566778899aabbccddeeff") -> RecoveryRequest {
        RecoveryRequest(appliance: appliance, signingRequest: signingRequest, made: Self.now, nonce: nonce)
    }

    @Test("It opens with the key that signed it and no other, and says then who asks")
    func opens() throws {
        let read = try SignedRecovery(parsing: SignedRecovery(signing: request(), with: key).body)
        #expect(read.claimedAppliance == appliance)
        #expect(try read.open(key: key.verifyingKey) == request())
        #expect(throws: EnvelopeError.unknownKey(key.id)) { try read.open(key: SigningKey().verifyingKey) }
    }

    @Test("With any one bit of its payload or signature flipped it does not open")
    func noticesEveryBit() throws {
        let envelope = try SignedEnvelope(signing: request().json, with: key)
        for index in envelope.payload.indices {
            var payload = envelope.payload
            payload[index] ^= 1 << UInt8(index % 8)
            let forged = SignedEnvelope(keyID: key.id, payload: payload, signature: envelope.signature)
            let read = try SignedRecovery(parsing: Array(forged.text.utf8))
            #expect(throws: EnvelopeError.badSignature(key.id)) { try read.open(key: key.verifyingKey) }
        }
        for index in envelope.signature.indices {
            var signature = envelope.signature
            signature[index] ^= 1
            let forged = SignedEnvelope(keyID: key.id, payload: envelope.payload, signature: signature)
            let read = try SignedRecovery(parsing: Array(forged.text.utf8))
            #expect(throws: EnvelopeError.badSignature(key.id)) { try read.open(key: key.verifyingKey) }
        }
    }

    @Test("What the same key signed for another purpose, or out of form, is refused")
    func refusesOtherPayloads() throws {
        let receipt: JSONValue = ["schema": "martlet.receipt/v1", "appliance": .string(appliance.description)]
        let other = try SignedRecovery(parsing: Array(SignedEnvelope(signing: receipt, with: key).text.utf8))
        #expect(throws: EnvelopeError.wrongSchema(expected: RecoveryRequest.schema)) { try other.open(key: key.verifyingKey) }
        for nonce in ["", "00112233445566778899AABBCCDDEEFF", "00112233445566778899aabbccddee", "00112233445566778899aabbccddeefg"] {
            let read = try SignedRecovery(parsing: SignedRecovery(signing: request(nonce: nonce), with: key).body)
            #expect(throws: EnvelopeError.self, "\(nonce)") { try read.open(key: key.verifyingKey) }
        }
    }

    @Test("A signing request of 8 KiB is read, one byte more is not; a body beyond the limit is not taken apart")
    func keepsLimits() throws {
        let fits = SignedRecovery(signing: request(signingRequest: String(repeating: "x", count: 8_192)), with: key)
        #expect(fits.body.count <= SignedRecovery.bytesMax)
        #expect(try SignedRecovery(parsing: fits.body).open(key: key.verifyingKey).signingRequest.utf8.count == 8_192)
        let over = SignedRecovery(signing: request(signingRequest: String(repeating: "x", count: 8_193)), with: key)
        #expect(throws: EnvelopeError.self) { try SignedRecovery(parsing: over.body).open(key: key.verifyingKey) }
        for body in [[], Array("{}".utf8), Array("[".utf8), [UInt8](repeating: 0x20, count: SignedRecovery.bytesMax + 1)] {
            #expect(throws: EnvelopeError.self) { try SignedRecovery(parsing: body) }
        }
        #expect(
            try SignedRecovery(parsing: Array(SignedEnvelope(keyID: key.id, payload: [1], signature: key.sign([1])).text.utf8))
                .claimedAppliance == nil)
    }
}
