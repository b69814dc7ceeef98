package import Evidence
package import Model
package import Seal

/// An in-toto Statement (version 1) about one evidence bundle.
///
/// Its subject is the bundle by the SHA-256 of its canonical bytes. Its predicate holds the bundle whole with the appliance's own
/// signature, so that who distrusts the signer of the statement canonicalises `evidence` again and checks that instead.
package struct InTotoStatement: Sendable {
    package static let payloadType = "application/vnd.in-toto+json"
    private static let type = "https://in-toto.io/Statement/v1"

    private let bundle: VerifiedBundle
    private let received: Timestamp
    private let logIndex: Int64

    /// - Parameters:
    ///   - received: when Central took it.
    ///   - logIndex: its place in the transparency log.
    package init(_ bundle: VerifiedBundle, received: Timestamp, logIndex: Int64) {
        self.bundle = bundle
        self.received = received
        self.logIndex = logIndex
    }

    /// What kind of statement it is: of a repair, or of anything else that was seen or done.
    package var predicateType: String {
        bundle.record.kind == .healing ? "urn:martlet:healing-receipt:v1" : "urn:martlet:evidence:v1"
    }

    /// - Throws: never for what a `VerifiedBundle` holds; it was parsed within tighter limits.
    package func json() throws(JSONError) -> JSONValue {
        let evidence = try JSONValue(parsing: bundle.signed.bytes, limits: JSONLimits(bytesMax: SignedBundle.bytesMax))
        return [
            "_type": .string(Self.type), "predicateType": .string(predicateType),
            "subject": [["digest": ["sha256": .string(bundle.digest.description)], "name": .string(bundle.record.id.description)]],
            "predicate": [
                "evidence": evidence, "keyId": .string(bundle.key.description), "logIndex": .integer(logIndex),
                "received": .string(received.description), "signature": .string(bundle.signed.signature.base64),
            ],
        ]
    }

    package func signed(with key: SigningKey) throws(JSONError) -> DSSEEnvelope {
        DSSEEnvelope(signing: try json().canonicalBytes(), type: Self.payloadType, with: key)
    }
}
