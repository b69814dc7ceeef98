import Model
package import Seal

/// What the evidence key signs when a box asks for an identity: `martlet.enrollment/v1`, canonical JSON.
///
/// Who signs it holds the key that will sign this box's evidence, and means this code, this certificate's key and this
/// sealing key: nobody can enrol another's evidence key, or put a key of his own beside it.
package enum EnrollmentProof {
    package static let schema = "martlet.enrollment/v1"

    /// The bytes that are signed. The code itself does not stand in them, only its digest, by which Central knows it.
    package static func statement(claimSecret: String, signingRequest: String, evidenceKey: [UInt8], sealingKey: [UInt8]) -> [UInt8] {
        let statement: JSONValue = [
            "claim": .string(Digest(of: Array(claimSecret.utf8)).description), "evidenceKey": .string(evidenceKey.base64),
            "schema": .string(schema), "sealingKey": .string(sealingKey.base64),
            "signingRequest": .string(Digest(of: Array(signingRequest.utf8)).description),
        ]
        // Texts only, which always have a canonical form.
        return try! statement.canonicalBytes()
    }
}

extension EnrollmentRequest {
    /// Signed with the key that it asks Central to take.
    package init(
        claimSecret: String, signingRequest: String, evidenceKey: SigningKey, sealingKey: [UInt8], hostname: String, softwareVersion: String
    ) {
        let raw = evidenceKey.verifyingKey.bytes
        let statement = EnrollmentProof.statement(
            claimSecret: claimSecret, signingRequest: signingRequest, evidenceKey: raw, sealingKey: sealingKey)
        self.init(
            claimSecret: claimSecret, signingRequest: signingRequest, evidenceKey: raw, sealingKey: sealingKey, hostname: hostname,
            softwareVersion: softwareVersion, proof: evidenceKey.sign(statement))
    }

    /// Whether the evidence key that it names made its proof.
    package var isProven: Bool {
        guard let key = VerifyingKey(bytes: evidenceKey) else { return false }
        let statement = EnrollmentProof.statement(
            claimSecret: claimSecret, signingRequest: signingRequest, evidenceKey: evidenceKey, sealingKey: sealingKey)
        return key.isValid(proof, for: statement)
    }
}
