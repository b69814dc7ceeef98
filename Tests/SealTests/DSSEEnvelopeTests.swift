import Model
import Seal
import Testing

@Suite("DSSE envelopes")
struct DSSEEnvelopeTests {
    @Test("What is signed is encoded as in the specification's own example")
    func encodesAsPublished() {
        let encoding = DSSEEnvelope.preAuthenticationEncoding(of: Array("hello world".utf8), type: "http://example.com/HelloWorld")
        #expect(String(decoding: encoding, as: UTF8.self) == "DSSEv1 29 http://example.com/HelloWorld 11 hello world")
    }

    @Test("Lengths count bytes, not characters")
    func countsBytes() {
        let encoding = DSSEEnvelope.preAuthenticationEncoding(of: Array("grün".utf8), type: "ü")
        #expect(encoding == Array("DSSEv1 2 ü 5 grün".utf8))
    }

    @Test("The signature covers type and payload: another type is another signature")
    func signsTheType() throws {
        let key = SigningKey()
        let envelope = DSSEEnvelope(signing: [1, 2], type: "a", with: key)
        let signature = envelope.signatures[0]
        #expect(signature.keyID == key.id)
        #expect(key.verifyingKey.isValid(signature.bytes, for: DSSEEnvelope.preAuthenticationEncoding(of: [1, 2], type: "a")))
        #expect(!key.verifyingKey.isValid(signature.bytes, for: DSSEEnvelope.preAuthenticationEncoding(of: [1, 2], type: "b")))
    }
}
