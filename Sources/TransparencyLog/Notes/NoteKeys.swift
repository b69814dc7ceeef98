package import Model
package import Seal

/// What a key signs, and how: the signature types of C2SP signed-note that we use.
package enum NoteAlgorithm: UInt8, Hashable, Sendable {
    /// The note's text.
    case ed25519 = 0x01
    /// The note's text and a time: C2SP tlog-cosignature, `cosignature/v1`.
    case cosignature = 0x04
}

/// A public key that may sign notes, under its name. Text form is a vkey: `name+8 hexadecimal digits+base 64`.
package struct NoteVerifier: Hashable, Sendable {
    package let name: String
    package let algorithm: NoteAlgorithm
    package let key: VerifyingKey
    /// The first four bytes of SHA-256(name ‖ newline ‖ type ‖ key), big endian. Names, proves nothing.
    package let keyHash: UInt32

    package init(name: String, algorithm: NoteAlgorithm = .ed25519, key: VerifyingKey) throws(NoteError) {
        guard isKeyName(name) else { throw .keyName }
        self.name = name
        self.algorithm = algorithm
        self.key = key
        let digest = Digest(of: Array(name.utf8) + [UInt8(ascii: "\n"), algorithm.rawValue] + key.bytes).bytes
        keyHash = UInt32(bigEndianBytes: digest[..<4])
    }

    package init(_ text: String) throws(NoteError) {
        // At most a name of any sensible length: the rest is 54 characters.
        guard text.utf8.count <= NoteLimits.lineBytesMax else { throw .verifierKey }
        let parts = text.pieces("+", splitsMax: 2)
        guard parts.count == 3, let data = [UInt8](base64: parts[2]), data.count == 33,
            let algorithm = NoteAlgorithm(rawValue: data[0]), let key = VerifyingKey(bytes: Array(data[1...]))
        else { throw .verifierKey }
        try self.init(name: parts[0], algorithm: algorithm, key: key)
        guard keyHashText == parts[1] else { throw .verifierKey }
    }

    /// The vkey.
    package var text: String { "\(name)+\(keyHashText)+\(([algorithm.rawValue] + key.bytes).base64)" }

    fileprivate var keyHashText: String { keyHash.bigEndianBytes.hexadecimal }

    /// nil when the signature is not by this key over this text.
    func check(_ signature: NoteSignature, text: [UInt8]) -> NoteProof? {
        guard signature.keyHash == keyHash, signature.name.isSame(name) else { return nil }
        switch algorithm {
        case .ed25519:
            guard key.isValid(signature.bytes, for: text) else { return nil }
            return NoteProof(verifier: self, seconds: nil)
        case .cosignature:
            guard signature.bytes.count == 72 else { return nil }
            let seconds = signature.bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }
            guard let seconds = Int64(exactly: seconds),
                key.isValid(Array(signature.bytes[8...]), for: cosignedMessage(text, seconds: seconds))
            else { return nil }
            return NoteProof(verifier: self, seconds: seconds)
        }
    }
}

/// A private key that signs notes, under its name.
package struct NoteSigner: Sendable {
    package let verifier: NoteVerifier
    private let key: SigningKey

    package init(name: String, algorithm: NoteAlgorithm = .ed25519, key: SigningKey) throws(NoteError) {
        verifier = try NoteVerifier(name: name, algorithm: algorithm, key: key.verifyingKey)
        self.key = key
    }

    /// From `PRIVATE+KEY+name+8 hexadecimal digits+base 64`, as Go's note package writes it.
    package init(_ text: String) throws(NoteError) {
        guard text.utf8.count <= NoteLimits.lineBytesMax else { throw .signerKey }
        let parts = text.pieces("+", splitsMax: 4)
        guard parts.count == 5, parts[0] == "PRIVATE", parts[1] == "KEY", let data = [UInt8](base64: parts[4]),
            data.count == 33, let algorithm = NoteAlgorithm(rawValue: data[0]), let key = SigningKey(seed: Array(data[1...]))
        else { throw .signerKey }
        try self.init(name: parts[2], algorithm: algorithm, key: key)
        guard verifier.keyHashText == parts[3] else { throw .signerKey }
    }

    /// For `PrivateFile` only.
    package var secretText: String {
        "PRIVATE+KEY+\(verifier.name)+\(verifier.keyHashText)+\(([verifier.algorithm.rawValue] + key.seed).base64)"
    }

    /// - Parameter time: when this is signed; a cosignature carries its whole seconds, an ordinary signature does not.
    package func sign(_ text: [UInt8], at time: Timestamp) -> NoteSignature {
        let bytes: [UInt8]
        switch verifier.algorithm {
        case .ed25519: bytes = key.sign(text)
        case .cosignature:
            let seconds = max(0, time.milliseconds / 1_000)
            bytes = UInt64(seconds).bigEndianBytes + key.sign(cosignedMessage(text, seconds: seconds))
        }
        return NoteSignature(name: verifier.name, keyHash: verifier.keyHash, bytes: bytes)
    }
}

/// C2SP tlog-cosignature, "Ed25519 signed message".
private func cosignedMessage(_ text: [UInt8], seconds: Int64) -> [UInt8] {
    Array("cosignature/v1\ntime \(seconds)\n".utf8) + text
}

/// Not empty, neither white space nor `+`.
func isKeyName(_ name: some StringProtocol) -> Bool {
    !name.isEmpty && name.unicodeScalars.allSatisfy { $0 != "+" && $0.value >= 0x20 && !$0.properties.isWhitespace }
}
