import Seal

/// An inclusion proof with its checkpoint, as text that verifies by itself: C2SP tlog-proof.
package struct LogProof: Hashable, Sendable {
    /// Opaque, and vouched for by nobody.
    package let extra: [UInt8]?
    package let index: Int64
    package let proof: InclusionProof
    package let note: SignedNote

    package init(index: Int64, proof: InclusionProof, note: SignedNote, extra: [UInt8]? = nil) {
        self.extra = extra
        self.index = index
        self.proof = proof
        self.note = note
    }

    private static let header = "c2sp.org/tlog-proof@v1"
    package static let bytesMax = NoteLimits.noteBytesMax + 100_000

    package init(_ bytes: [UInt8]) throws(ProofError) {
        guard bytes.count <= Self.bytesMax else { throw .malformed("the proof is longer than \(Self.bytesMax) bytes") }
        var rest = bytes[...]
        guard Self.line(of: &rest) == Self.header else { throw .malformed("the first line is not \(Self.header)") }
        var line = Self.line(of: &rest)
        if let text = line, text.hasPrefix("extra ") {
            guard let extra = [UInt8](base64: String(text.utf8.dropFirst(6))!) else { throw .malformed("the extra data are not base 64") }
            self.extra = extra
            line = Self.line(of: &rest)
        } else {
            extra = nil
        }
        guard let text = line, text.hasPrefix("index "), let index = text.dropFirst(6).decimal else {
            throw .malformed("the index is not a number")
        }
        self.index = index
        var hashes: [LogHash] = []
        while true {
            guard let text = Self.line(of: &rest), hashes.count <= InclusionProof.hashesMax else {
                throw .malformed("there are more than \(InclusionProof.hashesMax) hashes, or no empty line after them")
            }
            guard !text.isEmpty else { break }
            guard let hash = LogHash(text) else { throw .malformed("hash \(hashes.count) is not 32 bytes in base 64") }
            hashes.append(hash)
        }
        proof = InclusionProof(hashes)
        do throws(NoteError) { note = try SignedNote(Array(rest)) } catch { throw .malformed("the checkpoint is not a signed note") }
    }

    package var bytes: [UInt8] {
        var text = Self.header + "\n"
        if let extra { text += "extra \(extra.base64)\n" }
        text += "index \(index)\n"
        for hash in proof.hashes { text += "\(hash)\n" }
        return Array((text + "\n").utf8) + note.bytes
    }

    /// - Throws: `CheckpointError`, `ProofError`.
    package func verify(leaf: LogHash, trust: LogTrust) throws -> VerifiedInclusion {
        try VerifiedInclusion(leaf: leaf, index: index, proof: proof, in: VerifiedCheckpoint(note, trust: trust))
    }

    private static func line(of rest: inout ArraySlice<UInt8>) -> String? {
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        defer { rest = rest[(end + 1)...] }
        return String(validating: rest[..<end], as: UTF8.self)
    }
}
