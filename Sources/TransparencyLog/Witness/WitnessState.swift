/// What a witness remembers of a log: the checkpoint that it cosigned last.
package struct WitnessState: Hashable, Sendable {
    package let checkpoint: Checkpoint
    /// As the log signed it: one half of a proof, should the log sign another one.
    package let note: SignedNote

    package init(_ verified: VerifiedCheckpoint) {
        checkpoint = verified.checkpoint
        note = verified.note
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
}
