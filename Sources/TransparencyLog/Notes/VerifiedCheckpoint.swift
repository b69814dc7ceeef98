/// Whose word counts for a log.
package struct LogTrust: Hashable, Sendable {
    package let origin: String
    /// The log's own keys; one signature is enough.
    package let logKeys: [NoteVerifier]
    /// Those whose cosignatures count.
    package let witnesses: [NoteVerifier]

    /// - Parameter origin: nil for the name of the first log key, which is what it should be.
    package init(origin: String? = nil, logKeys: [NoteVerifier], witnesses: [NoteVerifier] = []) {
        self.origin = origin ?? logKeys.first?.name ?? ""
        self.logKeys = logKeys
        self.witnesses = witnesses
    }
}

/// A checkpoint that its log has signed. Only verifying makes one.
package struct VerifiedCheckpoint: Hashable, Sendable {
    package let checkpoint: Checkpoint
    package let note: SignedNote
    /// By the log itself: at least one.
    package let logProofs: [NoteProof]
    /// By trusted witnesses, each at most once.
    package let cosignatures: [NoteProof]

    package init(_ note: SignedNote, trust: LogTrust) throws(CheckpointError) {
        // One by one: a log's key that is also called a witness must count for each only where it was named.
        let proofs: [NoteProof]
        do throws(NoteError) { proofs = try note.verify(Self.unique(trust.logKeys + trust.witnesses)) } catch { throw .note(error) }
        logProofs = proofs.filter { trust.logKeys.contains($0.verifier) }
        guard !logProofs.isEmpty else { throw .notByLog }
        cosignatures = proofs.filter { trust.witnesses.contains($0.verifier) && !trust.logKeys.contains($0.verifier) }
        checkpoint = try Checkpoint(text: note.text)
        guard checkpoint.origin.isSame(trust.origin) else { throw .otherOrigin(expected: trust.origin) }
        self.note = note
    }

    package init(_ bytes: [UInt8], trust: LogTrust) throws(CheckpointError) {
        let note: SignedNote
        do throws(NoteError) { note = try SignedNote(bytes) } catch { throw .note(error) }
        try self.init(note, trust: trust)
    }

    package var size: Int64 { checkpoint.size }
    package var root: LogHash { checkpoint.root }

    private static func unique(_ keys: [NoteVerifier]) -> [NoteVerifier] {
        var kept: [NoteVerifier] = []
        for key in keys where !kept.contains(key) { kept.append(key) }
        return kept
    }
}
