import Database
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
    private let book: WitnessBook
    private let origin: String
    private let directory: StateDirectory
    private let database: any SQLDatabase
    private let journal: EvidenceJournal
    private let drafts: BundleDrafts
    private let alerts: AlertLog
    private let logger: Logger
    private var isStated = false
    /// Number of the dispute that the newest check-in told of.
    private var told: Int64 = 0
    /// Disputes of which there is no more to say.
    private var announced: Set<Int64> = []

    /// - Returns: nil where enrolment was before there was a log.
    /// - Throws: `PrivateFileError` when the key file is there and cannot be trusted.
    init?(
        _ identity: Identity, _ directory: StateDirectory, database: any SQLDatabase, journal: EvidenceJournal, drafts: BundleDrafts,
        alerts: AlertLog, clock: WallClock, faults: Faults, logger: Logger
    ) throws {
        guard let logKey = identity.logKey else { return nil }
        let key: SigningKey
        do throws(PrivateFileError) {
            key = try SigningKey(contentsOf: directory.witnessKey)
        } catch {
            guard case .missing = error else { throw error }
            key = try SigningKey.create(at: directory.witnessKey)
        }
        origin = logKey.name
        book = WitnessBook(
            database, signer: try NoteSigner(name: identity.appliance.witnessName, algorithm: .cosignature, key: key),
            logs: [LogTrust(logKeys: [logKey])], now: clock.now,
            faults: WitnessFaults { step in
                switch step {
                case .stateBeforeCommit: faults.reached(.witnessBeforeCommit)
                case .stateAfterCommit: faults.reached(.witnessAfterCommit)
                // The same code in `martlet witness`, which dies there.
                case .disputeBeforeCommit, .disputeAfterCommit: break
                }
            })
        self.directory = directory
        self.database = database
        self.journal = journal
        self.drafts = drafts
        self.alerts = alerts
        self.logger = logger
    }

    /// What the next check-in says.
    package func report() async throws -> WitnessReport {
        do {
            try await state()
        } catch {
            // A full disk, say: the check-in goes on, and the next one tries again.
            logger.warning("witness key not stated", metadata: ["error": "\(error)"])
        }
        let newest = try await book.newest(of: origin)
        return WitnessReport(
            key: book.signer.verifier.text, size: newest?.state.checkpoint.size ?? -1, cosignature: newest?.cosignature.line,
            dispute: try await nextToTell().map { kept in
                DisputeReport(
                    kind: kept.dispute.kind.rawValue, cosigned: kept.dispute.cosigned.wholeText, refused: kept.dispute.refused.wholeText,
                    seen: kept.seen)
            })
    }

    /// Takes what Central answered to a check-in.
    ///
    /// - Parameters:
    ///   - request: nil when Central has no checkpoint yet.
    ///   - again: makes another check-in: what is not proven is asked for once more before it is held against the log.
    /// - Throws: what `again` throws, `DatabaseError`.
    package func heard(
        _ request: String?, again: @Sendable () async throws -> String?
    ) async throws {
        if let request, try await consider(request, isSecond: false) {
            if let second = try await again() { _ = try await consider(second, isSecond: true) }
        }
        try await announce()
    }

    /// - Returns: whether to ask once more.
    private func consider(_ text: String, isSecond: Bool) async throws -> Bool {
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
                "What Central shows as the newest checkpoint of \(origin) is not one\(why); it was not cosigned. Ask who runs Central why.")
        }
        return false
    }

    private func refuse(_ code: Code, _ sentence: String) async { await alerts.raise("log", code, sentence) }

    /// Each dispute becomes evidence and an alert once, with both notes, however often the process died before it was said.
    private func announce() async throws {
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
                proof: "\n\nCosigned:\n\(kept.dispute.cosigned.wholeText)\nRefused:\n\(kept.dispute.refused.wholeText)")
            // One that may still be settled is looked at again; raising it again says nothing.
            if kept.dispute.kind != .unproven { announced.insert(kept.number) }
        }
    }

    /// One dispute with each check-in, in turn and for ever: whoever once answered may not have been the one who should know.
    private func nextToTell() async throws -> KeptDispute? {
        let open = try await book.disputes().filter { $0.settled == nil }
        let next = open.first { $0.number > told } ?? open.first
        told = next?.number ?? 0
        return next
    }

    /// Ties the witness to the evidence chain: this key is that appliance's.
    private func state() async throws {
        guard !isStated else { return }
        let key = book.signer.verifier.text
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
