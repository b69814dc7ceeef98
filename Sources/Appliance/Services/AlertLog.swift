package import Database
package import Evidence
package import Logging
package import Model

/// Says in evidence, once, that something about the appliance is wrong, and once that it is well again. What was said is
/// remembered over restarts.
package actor AlertLog {
    private let database: any SQLDatabase
    private let journal: EvidenceJournal
    private let drafts: BundleDrafts
    private let logger: Logger
    private var raised: [String: Code]?

    package init(database: any SQLDatabase, journal: EvidenceJournal, drafts: BundleDrafts, logger: Logger) {
        self.database = database
        self.journal = journal
        self.drafts = drafts
        self.logger = logger
    }

    /// - Parameter subject: what is wrong (`central`, `clock`, `service.detect`): one alert at a time for each.
    /// - Parameter checkpoints: for evidence only: what the log has shown.
    package func raise(_ subject: String, _ code: Code, _ note: String, checkpoints: [SeenCheckpoint] = []) async {
        do {
            guard try await known()[subject] != code else { return }
            let entry = AlertTable.Entry(subject: subject, code: code, note: note, raised: drafts.now)
            try await journal.append([drafts.system(.alert(code), note: note, checkpoints: checkpoints)]) { transaction, _ in
                try AlertTable.put(entry, in: transaction)
            }
            raised?[subject] = code
            logger.error("alert", metadata: ["subject": "\(subject)", "code": "\(code)", "note": "\(note)"])
        } catch {
            // Nothing is lost: whoever raised it raises it again for as long as it lasts.
            logger.error("alert not recorded", metadata: ["subject": "\(subject)", "code": "\(code)", "error": "\(error)"])
        }
    }

    package func clear(_ subject: String, _ note: String) async {
        do {
            guard try await known()[subject] != nil else { return }
            try await journal.append([drafts.system(.observed, note: note)]) { transaction, _ in
                try AlertTable.remove(subject, in: transaction)
            }
            raised?[subject] = nil
            logger.notice("alert over", metadata: ["subject": "\(subject)", "note": "\(note)"])
        } catch {
            logger.error("end of alert not recorded", metadata: ["subject": "\(subject)", "error": "\(error)"])
        }
    }

    private func known() async throws -> [String: Code] {
        if let raised { return raised }
        let entries = try await database.read { try AlertTable.all(in: $0) }
        let found = Dictionary(entries.map { ($0.subject, $0.code) }, uniquingKeysWith: { $1 })
        raised = found
        return found
    }
}
