import Database
import Evidence
import Logging
package import Model
package import Seal
import TransparencyLog
package import Wire
import Witness

/// The appliance as a witness of Central's transparency log: it cosigns what it is shown at check-in and can be proven to continue
/// what it cosigned before, and keeps as proof, says in evidence and tells Central what cannot.
///
/// It is never asked, it asks: nobody but Central can show it a checkpoint, and Central only as its newest one. So a smaller one,
/// too, is held against the log.
package actor WitnessService {
    private var identity: Identity
    /// nil where enrolment was before there was a log, until Central has said its key.
    private var book: WitnessBook?
    private let directory: StateDirectory
    private let database: any SQLDatabase
    private let journal: EvidenceJournal
    private let drafts: BundleDrafts
    private let alerts: AlertLog
    private let clock: WallClock
    private let faults: Faults
    private let logger: Logger
    private var isStated = false
    /// Number of the dispute that the newest check-in told of.
    private var told: Int64 = 0
    /// Disputes of which there is no more to say.
    private var announced: Set<Int64> = []
    private let entries: EntryWatch

    /// - Parameter evidenceKey: of this appliance, which its entries in the log name.
    /// - Throws: `PrivateFileError` when the key file is there and cannot be trusted.
    init(
        _ identity: Identity, _ directory: StateDirectory, evidenceKey: VerifyingKey, database: any SQLDatabase,
        journal: EvidenceJournal, drafts: BundleDrafts, alerts: AlertLog, clock: WallClock, faults: Faults, logger: Logger
    ) throws {
        entries = EntryWatch(receiptKey: identity.receiptKey, evidenceKey: evidenceKey, database: database, alerts: alerts)
        self.identity = identity
        self.directory = directory
        self.database = database
        self.journal = journal
        self.drafts = drafts
        self.alerts = alerts
        self.clock = clock
        self.faults = faults
        self.logger = logger
        book = try identity.logKey.map { logKey in
            try Self.book(of: identity.appliance, logKey, try Self.signingKey(directory), database, clock, faults)
        }
    }

    private static func signingKey(_ directory: StateDirectory) throws -> SigningKey {
        do throws(PrivateFileError) {
            return try SigningKey(contentsOf: directory.witnessKey)
        } catch {
            guard case .missing = error else { throw error }
            return try SigningKey.create(at: directory.witnessKey)
        }
    }

    private static func book(
        of appliance: ApplianceID, _ logKey: NoteVerifier, _ key: SigningKey, _ database: any SQLDatabase, _ clock: WallClock,
        _ faults: Faults
    ) throws -> WitnessBook {
        WitnessBook(
            database, signer: try NoteSigner(name: appliance.witnessName, algorithm: .cosignature, key: key),
            logs: [LogTrust(logKeys: [logKey])], now: clock.now,
            faults: WitnessFaults { step in
                switch step {
                case .stateBeforeCommit: faults.reached(.witnessBeforeCommit)
                case .stateAfterCommit: faults.reached(.witnessAfterCommit)
                // The same code in `martlet witness`, which dies there.
                case .disputeBeforeCommit, .disputeAfterCommit: break
                }
            })
    }

    /// Takes the log's key from Central's signed word where enrolment brought none, once and for ever: with it in evidence this
    /// appliance is a witness from the next check-in on. Another key is an alert and changes nothing.
    ///
    /// - Parameter signed: nil when Central says none, which is as it must be for whoever has one.
    /// - Throws: `PrivateFileError`, `JournalError`, `DatabaseError`: nothing was pinned, and Central says it again.
    package func learn(_ signed: String?) async throws {
        let key: NoteVerifier?
        do throws(LogKeyRefusal) {
            key = try signed.map { text throws(LogKeyRefusal) in try identity.logKey(in: text) } ?? nil
        } catch {
            await alerts.raise(Self.keySubject, Code(error.code) ?? "log.key_malformed", error.message)
            return
        }
        if let key { try await pin(key) }
        await alerts.clear(Self.keySubject, "Central says no other key for its log any more.")
    }

    private func pin(_ key: NoteVerifier) async throws {
        // Before anything is pinned, so that what is pinned can be used.
        let signingKey = try Self.signingKey(directory)
        let pinned = identity.pinning(key)
        let note = "The key of Central's transparency log is \(key.text), by Central's word under the order key of the enrolment."
        try await journal.append([drafts.system(.observed, note: note)]) { transaction, _ in
            // What is on disk counts, whatever this process remembers.
            if let known = try Identity.stored(in: transaction)?.logKey { throw LogKeyRefusal.pinned(known.text) }
            try pinned.store(in: transaction)
        }
        identity = pinned
        book = try Self.book(of: identity.appliance, key, signingKey, database, clock, faults)
        logger.notice("log key pinned", metadata: ["log": "\(key.name)"])
    }

    private static let keySubject = "log.key"

    /// What the next check-in says; nil while the log's key is not known.
    package func report() async throws -> WitnessReport? {
        guard let book, let origin = identity.logKey?.name else { return nil }
        do {
            try await state(book.signer.verifier.text)
        } catch {
            // A full disk, say: the check-in goes on, and the next one tries again.
            logger.warning("witness key not stated", metadata: ["error": "\(error)"])
        }
        let newest = try await book.newest(of: origin)
        return WitnessReport(
            key: book.signer.verifier.text, size: newest?.state.checkpoint.size ?? -1, cosignature: newest?.cosignature.line,
            dispute: try await nextToTell(book).map { kept in
                DisputeReport(
                    kind: kept.dispute.kind.rawValue, cosigned: kept.dispute.cosigned.wholeText, refused: kept.dispute.refused.wholeText,
                    seen: kept.seen)
            }, entry: try await entries.ask())
    }

    /// Takes what Central answered to a check-in.
    ///
    /// - Parameters:
    ///   - reply: its `log` is nil when Central has no checkpoint yet.
    ///   - again: makes another check-in: what is not proven is asked for once more before it is held against the log.
    /// - Throws: what `again` throws, `DatabaseError`.
    package func heard(_ reply: CheckinReply, again: @Sendable () async throws -> String?) async throws {
        // Without a key nothing was asked for.
        guard let book, let key = identity.logKey else { return }
        // What is no request is refused by `consider`, which says why.
        let shown = reply.log.flatMap { try? WitnessRequest(Array($0.utf8)) }?.note
        await entries.heard(reply.entry, in: shown, trust: LogTrust(logKeys: [key]), at: reply.received)
        if let request = reply.log, try await consider(request, by: book, isSecond: false) {
            if let second = try await again() { _ = try await consider(second, by: book, isSecond: true) }
        }
        try await announce(book)
    }

    /// - Returns: whether to ask once more.
    private func consider(_ text: String, by book: WitnessBook, isSecond: Bool) async throws -> Bool {
        let request: WitnessRequest
        do throws(WitnessRequestError) {
            request = try WitnessRequest(Array(text.utf8))
        } catch {
            await refuse(Code(error.code) ?? "witness.malformed", error.message)
            return false
        }
        let answer = try await book.consider(request, from: "Central", as: .answered(isSecond: isSecond))
        switch answer.decision {
        case .cosign(let state):
            logger.debug("checkpoint cosigned", metadata: ["size": "\(state.checkpoint.size)"])
            await alerts.clear("log", "The log's checkpoints verify again.")
            await stateSeen(state)
        case .inconsistent(let dispute, _):
            // Said in evidence by `announce`, from what was kept.
            if answer.dispute == nil { logger.warning("checkpoint not cosigned", metadata: ["why": "\(dispute.summary)"]) }
            return !isSecond && dispute.kind == .unproven
        case .conflict, .unknownOrigin, .badSignature, .badProof, .badRequest:
            let why =
                switch answer.decision {
                case .badSignature(let error): " (\(error.code))"
                case .badProof(let error): " (\(error.code))"
                default: ""
                }
            await refuse(
                Code(answer.decision.code) ?? "witness.bad_request",
                "What Central shows as the newest checkpoint of its log is not one\(why); it was not cosigned. Ask who runs Central why.")
        }
        return false
    }

    private func refuse(_ code: Code, _ sentence: String) async { await alerts.raise("log", code, sentence) }

    /// Each dispute becomes evidence and an alert once, with both notes, however often the process died before it was said.
    private func announce(_ book: WitnessBook) async throws {
        for kept in try await book.disputes() where !announced.contains(kept.number) {
            let subject = "log.\(kept.number)"
            guard kept.settled == nil else {
                await alerts.clear(subject, "The log has proven dispute \(kept.number) to be none.")
                announced.insert(kept.number)
                continue
            }
            await alerts.raise(
                subject, "log.inconsistent",
                "The log \(kept.origin) does not hold together, \(kept.dispute.summary). The second was not "
                    + "cosigned; both are kept. Show them to your auditor: martlet witness disputes --directory \(directory.path)",
                checkpoints: [kept.dispute.cosigned, kept.dispute.refused].compactMap(\.seen))
            // One that may still be settled is looked at again; raising it again says nothing.
            if kept.dispute.kind != .unproven { announced.insert(kept.number) }
        }
    }

    /// One dispute with each check-in, in turn and for ever: whoever once answered may not have been the one who should know.
    private func nextToTell(_ book: WitnessBook) async throws -> KeptDispute? {
        let open = try await book.disputes().filter { $0.settled == nil }
        let next = open.first { $0.number > told } ?? open.first
        told = next?.number ?? 0
        return next
    }

    /// How often the chain says anew what was seen.
    private static let seenInterval: Duration = .seconds(3_600)

    /// Says in this appliance's own chain what it was shown and cosigned, so that whoever reads its evidence can hold the log of a kit against it:
    /// one history for its boxes and another for its auditor would differ there. At most once an hour, and only what is new.
    private func stateSeen(_ cosigned: WitnessState) async {
        guard let seen = cosigned.note.seen else { return }
        do {
            let now = clock.now()
            let last = try await database.read { try SettingTable.read(.checkpointSeen, in: $0) }?.split(separator: " ").compactMap {
                Int64($0)
            }
            if let last, last.count == 2 {
                let since = now - Timestamp(milliseconds: last[1])
                guard seen.size != last[0], since >= Self.seenInterval || since < .zero else { return }
            }
            try await journal.append([drafts.system(.observed, note: "", checkpoints: [seen])]) { transaction, _ in
                try SettingTable.write(.checkpointSeen, "\(seen.size) \(now.milliseconds)", in: transaction)
            }
        } catch {
            // A full disk, say: the next check-in tries again.
            logger.warning("checkpoint not stated", metadata: ["error": "\(error)"])
        }
    }

    /// Ties the witness to the evidence chain: this key is that appliance's.
    private func state(_ key: String) async throws {
        guard !isStated else { return }
        if try await database.read({ try SettingTable.read(.witnessStated, in: $0) }) != key {
            let note = "\(WitnessStatement.prefix)\(key)"
            try await journal.append([drafts.system(.observed, note: note)]) { transaction, _ in
                try SettingTable.write(.witnessStated, key, in: transaction)
            }
        }
        isStated = true
    }
}

/// The bundle by which an appliance's chain names the key of its witness.
package enum WitnessStatement {
    /// The note is this and the vkey, nothing else.
    package static let prefix = "This appliance cosigns the transparency log with the key "
}

extension ApplianceID {
    /// The name of its witness's key.
    var witnessName: String { "\(self)/witness" }
}

extension SignedNote {
    fileprivate var wholeText: String { String(decoding: bytes, as: UTF8.self) }
}
