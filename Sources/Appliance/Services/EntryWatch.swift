package import Database
import Evidence
import Model
package import Seal
import TransparencyLog
import Wire

/// Holds Central to its receipts: what it promised a place in the log must stand there, in the very checkpoint that this appliance is
/// asked to cosign.
///
/// Otherwise Central could show each site a log of its own making, consistent from check-in to check-in and without the site's evidence.
/// With each check-in one bundle is asked for, at random among those of the newest receipt that the log has had time for.
package actor EntryWatch {
    /// What a receipt's promise may take before it is asked after: many times `Receipt.mergeDelay`.
    static let patience: Duration = .seconds(60)
    /// A log that cannot be read for a moment is no lie.
    static let failuresBeforeAlert = 3

    private struct Question {
        let sequence: Int64
        let index: Int64
        let leaf: LogHash
    }

    private let receiptKey: VerifyingKey
    private let evidenceKey: VerifyingKey
    private let database: any SQLDatabase
    private let alerts: AlertLog
    /// Central's time at the last check-in; receipts are dated by it too.
    private var heard: Timestamp?
    private var asked: Question?
    private var failures = 0

    package init(receiptKey: VerifyingKey, evidenceKey: VerifyingKey, database: any SQLDatabase, alerts: AlertLog) {
        self.receiptKey = receiptKey
        self.evidenceKey = evidenceKey
        self.database = database
        self.alerts = alerts
    }

    /// Index of the entry that the next check-in asks for; nil while there is none.
    func ask() async throws -> Int64? {
        asked = nil
        guard let heard else { return nil }
        let limit = heard - Self.patience
        let found = try await database.read { try EvidenceTable.newestReceipt(before: limit, in: $0) }
        // One that does not open any more was changed here, and says nothing of Central.
        guard let found, let receipt = try? SignedReceipt(opening: found, keys: [receiptKey]).receipt,
            let run = receipt.logged.randomElement(), run.count > 0
        else { return nil }
        let offset = Int64.random(in: 0..<run.count)
        let sequence = run.sequence + offset
        // Old evidence is pruned; its receipt may still be here.
        guard let digest = try await database.read({ try EvidenceTable.digest(of: sequence, in: $0) }) else { return nil }
        let leaf = LogEntry(document: digest, signer: evidenceKey).leafHash
        asked = Question(sequence: sequence, index: run.index + offset, leaf: leaf)
        return asked?.index
    }

    /// - Parameters:
    ///   - proof: what the reply shows, a tlog-proof.
    ///   - shown: the checkpoint in the same reply; nil when there was none.
    ///   - trust: of the log, by its pinned key.
    ///   - received: when Central received the check-in, by its clock.
    func heard(_ proof: String?, in shown: SignedNote?, trust: LogTrust, at received: Timestamp) async {
        heard = received
        guard let question = asked else { return }
        asked = nil
        // Whatever is wrong with a proof, it does not show the entry.
        if let proof, let proof = try? LogProof(Array(proof.utf8)), proof.index == question.index, proof.note.text == shown?.text,
            (try? proof.verify(leaf: question.leaf, trust: trust)) != nil
        {
            failures = 0
            return await alerts.clear("log.entry", "The log shows this appliance's bundles again.")
        }
        failures += 1
        guard failures >= Self.failuresBeforeAlert else { return }
        await alerts.raise(
            "log.entry", "log.entry_missing",
            "Central gave a receipt for bundle \(question.sequence) at place \(question.index) of the log and does not show it there, "
                + "asked \(failures) times. The evidence stays here. Ask who runs Central why, and show your auditor the receipt.",
            checkpoints: [shown].compactMap { $0?.seen })
    }
}

extension SignedNote {
    /// As evidence has it; nil for what is no checkpoint with a signature of its log.
    var seen: SeenCheckpoint? { SeenCheckpoint(note: String(decoding: bytes, as: UTF8.self)) }
}
