package import Database
package import Model
package import TransparencyLog

/// What a witness answered.
package struct WitnessAnswer: Sendable {
    package let decision: WitnessDecision
    /// Exists only after what it says was stored.
    package let cosignature: NoteSignature?
    /// What was kept of it; nil also for one that is not held against the log yet.
    package let dispute: KeptDispute?
}

/// The memory of a witness: what it cosigned last for each log, and every dispute.
///
/// A cosignature says that its checkpoint and all that were cosigned before it are one history. So the new state is durable before
/// it is signed: whoever dies in between has promised nothing, and is asked again. Two processes on one database exclude each other.
package struct WitnessBook: Sendable {
    /// Who showed the checkpoint, which decides what may be held against the log.
    package enum Exchange: Sendable {
        /// Anybody may have brought it, and left out the proof or chosen an old checkpoint.
        case brought
        /// The log's own answer when it was told what was cosigned last. A proof that is missing counts only the second time: a
        /// log that grows while it answers may be at fault once.
        case answered(isSecond: Bool)
    }

    /// Unsettled, of a kind, for one log. A log that forks more often than this is convicted already; what was brought without a
    /// proof and never settled is too old to matter or stands for all that follow.
    package static let disputesMax = 100

    package let signer: NoteSigner
    private let database: any SQLDatabase
    private let logs: [LogTrust]
    private let now: @Sendable () -> Timestamp
    private let faults: WitnessFaults

    /// - Parameter database: with `WitnessSchema` applied.
    package init(
        _ database: any SQLDatabase, signer: NoteSigner, logs: [LogTrust], now: @escaping @Sendable () -> Timestamp,
        faults: WitnessFaults = .none
    ) {
        precondition(signer.verifier.algorithm == .cosignature, "a witness signs with cosignature/v1")
        self.signer = signer
        self.database = database
        self.logs = logs
        self.now = now
        self.faults = faults
    }

    /// - Parameter source: kept with a dispute.
    /// - Throws: `DatabaseError`. Then nothing was signed, and whether it was stored does not matter: the request can be made again.
    package func consider(_ request: WitnessRequest, from source: String, as exchange: Exchange) async throws -> WitnessAnswer {
        let (now, logs, faults) = (now(), logs, faults)
        var (isNewest, isDoubtful) = (false, false)
        if case .answered(let isSecond) = exchange { (isNewest, isDoubtful) = (true, !isSecond) }
        let (isAnswer, asksAgain) = (isNewest, isDoubtful)
        // A note that is no checkpoint names no log, and has no state.
        let origin = (try? Checkpoint(text: request.note.text))?.origin ?? ""
        let decide = { @Sendable (transaction: any SQLTransaction) throws -> (WitnessDecision, WitnessState?) in
            let state = try WitnessTable.state(of: origin, in: transaction)?.state
            return (WitnessDecision(request, logs: logs, state: state, isNewest: isAnswer), state)
        }
        // Most requests change nothing, and strangers may ask as often as they like: the disk is written for the others only.
        let (first, known) = try await database.read(decide)
        switch first {
        case .cosign(let next) where next.checkpoint == known?.checkpoint: return cosigned(next, first, at: now)
        case .cosign, .inconsistent: break
        default: return WitnessAnswer(decision: first, cosignature: nil, dispute: nil)
        }
        let (decision, dispute) = try await database.write { transaction -> (WitnessDecision, KeptDispute?) in
            let (decision, state) = try decide(transaction)
            switch decision {
            case .cosign(let next):
                guard next.checkpoint != state?.checkpoint else { return (decision, nil) }
                try WitnessTable.store(next, at: now, in: transaction)
                try WitnessTable.settle(next, at: now, in: transaction)
                faults.reached(.stateBeforeCommit)
                return (decision, nil)
            case .inconsistent(let dispute, _):
                if dispute.kind == .unproven, asksAgain { return (decision, nil) }
                let kept = try WitnessTable.keep(
                    dispute, origin: origin, from: source, at: now, max: Self.disputesMax, in: transaction)
                if kept?.isNew == true { faults.reached(.disputeBeforeCommit) }
                return (decision, kept?.kept)
            default: return (decision, nil)
            }
        }
        switch decision {
        case .cosign(let next):
            faults.reached(.stateAfterCommit)
            return cosigned(next, decision, at: now)
        default:
            if dispute != nil { faults.reached(.disputeAfterCommit) }
            return WitnessAnswer(decision: decision, cosignature: nil, dispute: dispute)
        }
    }

    private func cosigned(_ state: WitnessState, _ decision: WitnessDecision, at now: Timestamp) -> WitnessAnswer {
        WitnessAnswer(decision: decision, cosignature: signer.sign(Array(state.note.text.utf8), at: now), dispute: nil)
    }

    /// What was cosigned last for a log, and the very cosignature that was made when it was stored; nil when there is none.
    package func newest(of origin: String) async throws -> (state: WitnessState, cosignature: NoteSignature)? {
        guard let found = try await database.read({ try WitnessTable.state(of: origin, in: $0) }) else { return nil }
        return (found.state, signer.sign(Array(found.state.note.text.utf8), at: found.cosigned))
    }

    /// Oldest first.
    package func disputes(after number: Int64 = 0, limit: Int = 1_000) async throws -> [KeptDispute] {
        try await Self.disputes(in: database, after: number, limit: limit)
    }

    /// For who reads a witness's database and has not its key.
    package static func disputes(
        in database: any SQLDatabase, after number: Int64 = 0, limit: Int = 1_000
    ) async throws -> [KeptDispute] {
        try await database.read { try WitnessTable.disputes(after: number, limit: limit, in: $0) }
    }
}
