package import Model
import Seal

/// One line of a note: who says to have signed, and 1 or more bytes.
package struct NoteSignature: Hashable, Sendable {
    package let name: String
    package let keyHash: UInt32
    /// Without the four bytes of the hash.
    package let bytes: [UInt8]

    package init(name: String, keyHash: UInt32, bytes: [UInt8]) {
        self.name = name
        self.keyHash = keyHash
        self.bytes = bytes
    }

    /// `— name base64`, with its newline.
    package var line: String { "\u{2014} \(name) \((keyHash.bigEndianBytes + bytes).base64)\n" }

    /// - Parameter line: without its newline.
    init(line: String) throws(NoteError) {
        let parts = line.pieces(" ", splitsMax: 2)
        guard line.utf8.count <= NoteLimits.lineBytesMax, parts.count == 3, parts[0] == "\u{2014}", isKeyName(parts[1]),
            let bytes = [UInt8](base64: parts[2]), bytes.count >= 5
        else { throw .malformed }
        self.init(name: parts[1], keyHash: UInt32(bigEndianBytes: bytes[..<4]), bytes: Array(bytes[4...]))
    }

    /// Signature lines alone, each with its newline, as a witness answers.
    package static func parse(lines bytes: [UInt8]) throws(NoteError) -> [NoteSignature] {
        guard bytes.count <= NoteLimits.noteBytesMax else { throw .tooLong(bytesMax: NoteLimits.noteBytesMax) }
        guard let text = noteText(bytes), text.utf8.last == UInt8(ascii: "\n") else { throw .malformed }
        let lines = text.pieces("\n").dropLast()
        guard lines.count <= NoteLimits.signaturesMax else { throw .tooManySignatures }
        var signatures: [NoteSignature] = []
        for line in lines { signatures.append(try NoteSignature(line: line)) }
        return signatures
    }
}

/// A known key's signature, checked.
package struct NoteProof: Hashable, Sendable {
    package let verifier: NoteVerifier
    /// Of a cosignature: when it was made, in seconds since 1970.
    package let seconds: Int64?
}

/// Text signed by one or more keys: C2SP signed-note. Taken apart, and trusted for nothing until `verify`.
package struct SignedNote: Hashable, Sendable {
    /// Ends with a newline.
    package let text: String
    package let signatures: [NoteSignature]

    package init(text: String, signatures: [NoteSignature]) throws(NoteError) {
        self.text = text
        self.signatures = signatures
        // What this makes must be what it reads: a text with a control character would come back as another note or none.
        let bytes = self.bytes
        guard try SignedNote(bytes).bytes == bytes else { throw .malformed }
    }

    /// - Parameter time: what cosignatures carry.
    package init(text: String, signers: [NoteSigner], at time: Timestamp) throws(NoteError) {
        try self.init(text: text, signatures: signers.map { $0.sign(Array(text.utf8), at: time) })
    }

    package init(_ bytes: [UInt8]) throws(NoteError) {
        guard bytes.count <= NoteLimits.noteBytesMax else { throw .tooLong(bytesMax: NoteLimits.noteBytesMax) }
        guard let whole = noteText(bytes) else { throw .malformed }
        // The last empty line is where the signatures begin.
        let newline = UInt8(ascii: "\n")
        guard let split = bytes.indices.dropLast().last(where: { bytes[$0] == newline && bytes[$0 + 1] == newline }),
            split + 2 < bytes.count
        else { throw .malformed }
        text = String(Substring(whole.utf8.prefix(split + 1)))
        signatures = try NoteSignature.parse(lines: Array(bytes[(split + 2)...]))
    }

    package var bytes: [UInt8] { Array(text.utf8) + [UInt8(ascii: "\n")] + signatures.flatMap { Array($0.line.utf8) } }

    /// Checks every signature by a key that is known here, and ignores all others.
    ///
    /// - Returns: at least one proof, at most one for each key, in the note's order. Of several signatures by one key only the
    ///   first counts, as in Go's note package.
    /// - Throws: `.badSignature` when a known key's is wrong, `.unknownKeys` when there is none by a known key.
    package func verify(_ known: [NoteVerifier]) throws(NoteError) -> [NoteProof] {
        let text = Array(self.text.utf8)
        var proofs: [NoteProof] = []
        for signature in signatures {
            let named = known.filter { $0.keyHash == signature.keyHash && $0.name.isSame(signature.name) }
            guard let verifier = named.first else { continue }
            guard named.count == 1 else { throw .ambiguousKey(name: signature.name) }
            guard !proofs.contains(where: { $0.verifier == verifier }) else { continue }
            guard let proof = verifier.check(signature, text: text) else { throw .badSignature(name: signature.name) }
            proofs.append(proof)
        }
        guard !proofs.isEmpty else { throw .unknownKeys }
        return proofs
    }

    /// With those of these signatures that known keys made: what a witness answered may hold others (C2SP tlog-witness).
    ///
    /// - Throws: `.badSignature`, `.unknownKeys`. Never add a signature unverified: one wrong by a known key spoils the note.
    package func adding(_ added: [NoteSignature], by known: [NoteVerifier]) throws(NoteError) -> SignedNote {
        let proofs = try SignedNote(text: text, signatures: added).verify(known)
        var kept: [NoteSignature] = []
        for proof in proofs {
            let key = proof.verifier
            kept.append(added.first { $0.keyHash == key.keyHash && $0.name.isSame(key.name) }!)
        }
        return try adding(kept)
    }

    /// With these signatures too, each in the place of an earlier one by the same key.
    package func adding(_ added: [NoteSignature]) throws(NoteError) -> SignedNote {
        let kept = signatures.filter { old in !added.contains { $0.keyHash == old.keyHash && $0.name.isSame(old.name) } }
        return try SignedNote(text: text, signatures: kept + added)
    }
}

/// nil unless the bytes are UTF-8 without control characters other than newline.
private func noteText(_ bytes: [UInt8]) -> String? {
    guard bytes.allSatisfy({ $0 >= 0x20 || $0 == UInt8(ascii: "\n") }) else { return nil }
    return String(validating: bytes, as: UTF8.self)
}
