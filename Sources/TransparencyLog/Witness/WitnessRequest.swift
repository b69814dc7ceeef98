/// The body of `POST /add-checkpoint`: C2SP tlog-witness.
package struct WitnessRequest: Hashable, Sendable {
    /// The size that the witness is taken to have cosigned last.
    package let oldSize: Int64
    /// From `oldSize` to the checkpoint.
    package let proof: ConsistencyProof
    package let note: SignedNote

    package init(oldSize: Int64, proof: ConsistencyProof, note: SignedNote) {
        self.oldSize = oldSize
        self.proof = proof
        self.note = note
    }

    package static let bytesMax = NoteLimits.noteBytesMax + 4_096

    package init(_ bytes: [UInt8]) throws(WitnessRequestError) {
        guard bytes.count <= Self.bytesMax else { throw .malformed }
        let newline = UInt8(ascii: "\n")
        var rest = bytes[...]
        var lines: [String] = []
        while true {
            guard let end = rest.firstIndex(of: newline), end - rest.startIndex <= 64 else { throw .malformed }
            let line = rest[..<end]
            rest = rest[(end + 1)...]
            guard !line.isEmpty else { break }
            guard lines.count <= ConsistencyProof.hashesMax else { throw .malformed }
            lines.append(String(decoding: line, as: UTF8.self))
        }
        guard let first = lines.first, first.hasPrefix("old "), let oldSize = first.dropFirst(4).decimal else { throw .malformed }
        self.oldSize = oldSize
        var hashes: [LogHash] = []
        for line in lines.dropFirst() {
            guard let hash = LogHash(line) else { throw .malformed }
            hashes.append(hash)
        }
        proof = ConsistencyProof(hashes)
        do throws(NoteError) { note = try SignedNote(Array(rest)) } catch { throw .note(error) }
    }

    package var bytes: [UInt8] {
        Array("old \(oldSize)\n\(proof.hashes.map { "\($0)\n" }.joined())\n".utf8) + note.bytes
    }
}

package enum WitnessRequestError: Error, Hashable, Sendable {
    case malformed
    case note(NoteError)

    package var code: String {
        switch self {
        case .malformed: "witness.malformed"
        case .note(let error): error.code
        }
    }

    package var message: String {
        switch self {
        case .malformed: "request refused: it is not an old size, a proof and a checkpoint; nothing was cosigned."
        case .note(let error): error.message
        }
    }
}
