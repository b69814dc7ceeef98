/// What a witness remembers of a log: the checkpoint that it cosigned last.
package struct WitnessState: Hashable, Sendable {
    package let checkpoint: Checkpoint
    /// As the log signed it: one half of a proof, should the log sign another one.
    package let note: SignedNote

    package init(_ verified: VerifiedCheckpoint) {
        checkpoint = verified.checkpoint
        note = verified.loggedNote
    }

    /// From what was stored, byte for byte the note that was once verified.
    package init(stored bytes: [UInt8]) throws(CheckpointError) {
        do throws(NoteError) { note = try SignedNote(bytes) } catch { throw .note(error) }
        checkpoint = try Checkpoint(text: note.text)
    }
}

/// Two checkpoints that a log has signed, of which a witness was not shown that one continues the other.
package struct LogDispute: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable {
        /// Two roots for one size: by itself proof that the log signed two histories.
        case fork
        /// Larger, but what came with it does not prove that it continues what was cosigned. That may be the fault of whoever
        /// brought it: ask again before it is held against the log.
        case unproven
        /// Smaller than what was cosigned, though the log itself gave it as its newest: it has taken back what it had shown. No proof
        /// of two histories, since both may be true one after the other; a log that was restored from a backup looks like this too.
        case shrunk
    }

    package let kind: Kind
    /// The note that the witness cosigned.
    package let cosigned: SignedNote
    /// The note that it refused.
    package let refused: SignedNote

    package init(kind: Kind, cosigned: SignedNote, refused: SignedNote) {
        self.kind = kind
        self.cosigned = cosigned
        self.refused = refused
    }

    /// Whether the two notes alone convict the log: both signed by its key, one size, two roots.
    package func isProof(against trust: LogTrust) -> Bool {
        // A note that does not verify convicts nobody; why it does not is of no use here.
        guard let first = try? VerifiedCheckpoint(cosigned, trust: trust), let second = try? VerifiedCheckpoint(refused, trust: trust)
        else {
            return false
        }
        return first.size == second.size && first.root != second.root
    }

    /// One line: what the two notes say.
    package var summary: String {
        func name(_ note: SignedNote) -> String {
            guard let checkpoint = try? Checkpoint(text: note.text) else { return "no checkpoint" }
            return "size \(checkpoint.size) root \(checkpoint.root)"
        }
        let (first, second) = (name(cosigned), name(refused))
        return switch kind {
        case .fork: "two roots for one size: cosigned \(first), then shown \(second)"
        case .unproven: "not shown to continue what was cosigned: cosigned \(first), then shown \(second)"
        case .shrunk: "smaller than what was cosigned: cosigned \(first), then shown \(second)"
        }
    }
}

extension VerifiedCheckpoint {
    /// With the log's own signatures alone, those that were verified: nothing that others have added is kept for it.
    var loggedNote: SignedNote {
        let kept = logProofs.compactMap { proof in
            note.signatures.first { $0.keyHash == proof.verifier.keyHash && $0.name.isSame(proof.verifier.name) }
        }
        // Fewer lines of a note that was read are a note.
        return (try? SignedNote(text: note.text, signatures: kept)) ?? note
    }
}
