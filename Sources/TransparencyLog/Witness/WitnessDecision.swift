/// What a witness answers, and what it must store before it does.
package enum WitnessDecision: Hashable, Sendable {
    /// Store this state durably, in the same step in which the old one was read; then sign its note's text, and answer.
    case cosign(WitnessState)
    /// The request starts from another size than the one cosigned last.
    case conflict(knownSize: Int64)
    case unknownOrigin
    /// Not signed by a key that is trusted for the log, or a signature by one is wrong.
    case badSignature(NoteError)
    /// Refused; both notes are to be kept. Nothing else changes.
    case inconsistent(LogDispute, knownSize: Int64)
    /// The proof does not verify, and there is nothing yet that it could contradict.
    case badProof(ProofError)
    /// The old size is larger than the checkpoint's, or the note is no checkpoint.
    case badRequest

    /// The decision of C2SP tlog-witness. Pure: the same arguments, the same answer.
    ///
    /// - Parameters:
    ///   - request: what was brought, taken apart.
    ///   - logs: the keys that are trusted, by log.
    ///   - state: what was cosigned last for the log that the request's note names; nil when nothing was.
    ///   - isNewest: the log itself answered with this as its newest checkpoint when it was told what was cosigned last. Then a
    ///     smaller one is held against it, and the old size that it gives does not matter.
    package init(_ request: WitnessRequest, logs: [LogTrust], state: WitnessState?, isNewest: Bool = false) {
        guard let shown = try? Checkpoint(text: request.note.text) else {
            self = .badRequest
            return
        }
        guard let trust = logs.first(where: { $0.origin.isSame(shown.origin) }) else {
            self = .unknownOrigin
            return
        }
        precondition(state?.checkpoint.origin.isSame(shown.origin) ?? true, "the state of another log")
        let verified: VerifiedCheckpoint
        do throws(CheckpointError) {
            // Only the log's own keys: what other witnesses said is not this one's concern.
            verified = try VerifiedCheckpoint(request.note, trust: LogTrust(origin: trust.origin, logKeys: trust.logKeys))
        } catch {
            if case .note(let reason) = error { self = .badSignature(reason) } else { self = .badSignature(.unknownKeys) }
            return
        }
        guard isNewest || request.oldSize <= shown.size else {
            self = .badRequest
            return
        }
        let known = state?.checkpoint.size ?? 0
        // Before the sizes are compared: whatever the request started from, this is proof.
        if let state, known == shown.size, state.checkpoint.root != shown.root {
            self = .inconsistent(LogDispute(kind: .fork, cosigned: state.note, refused: verified.loggedNote), knownSize: known)
            return
        }
        if isNewest, let state, shown.size <= known {
            self =
                shown.size == known
                ? .cosign(state)
                : .inconsistent(LogDispute(kind: .shrunk, cosigned: state.note, refused: verified.loggedNote), knownSize: known)
            return
        }
        guard isNewest || request.oldSize == known else {
            self = .conflict(knownSize: known)
            return
        }
        do throws(ProofError) {
            try request.proof.verify(
                oldSize: known, oldRoot: state?.checkpoint.root ?? .empty, newSize: shown.size, newRoot: shown.root)
            self = .cosign(WitnessState(verified))
        } catch {
            guard let state else {
                self = .badProof(error)
                return
            }
            self = .inconsistent(LogDispute(kind: .unproven, cosigned: state.note, refused: verified.loggedNote), knownSize: known)
        }
    }

    /// The status of the HTTP answer.
    package var status: Int {
        switch self {
        case .cosign: 200
        case .badRequest: 400
        case .badSignature: 403
        case .unknownOrigin: 404
        case .conflict: 409
        case .inconsistent(let dispute, _): dispute.kind == .fork ? 409 : 422
        case .badProof: 422
        }
    }

    /// The body of a 409, of type `text/x.tlog.size`.
    package var conflictBody: String? {
        switch self {
        case .conflict(let known): "\(known)\n"
        case .inconsistent(let dispute, let known): dispute.kind == .fork ? "\(known)\n" : nil
        default: nil
        }
    }

    package var code: String {
        switch self {
        case .cosign: "witness.cosigned"
        case .conflict: "witness.conflict"
        case .unknownOrigin: "witness.unknown_origin"
        case .badSignature: "witness.bad_signature"
        case .inconsistent: "log.inconsistent"
        case .badProof: "witness.bad_proof"
        case .badRequest: "witness.bad_request"
        }
    }
}
