import Evidence
import Model

/// What Central has received and what was verified here, for all who wait for it.
actor EvidenceBoard {
    private(set) var records: [BundleRecord] = []

    /// Hosts on which nothing more is played.
    private(set) var finished = 0

    func finish() { finished += 1 }

    func add(_ new: [BundleRecord]) { records += new }

    /// How many there are now: what comes later is what happened later, or was under way.
    var mark: Int { records.count }

    /// About one host since a mark.
    func since(_ mark: Int, on host: HostID) -> [BundleRecord] { records[mark...].filter { $0.host == host } }

    /// The newest verdict of each check, by host and check.
    var verdicts: [String: Verdict] {
        var verdicts: [String: Verdict] = [:]
        for record in records {
            if let check = record.check, let verdict = record.verdict { verdicts["\(record.host) \(check)"] = verdict }
            for attested in record.attested { verdicts["\(record.host) \(attested.check)"] = attested.verdict }
        }
        return verdicts
    }

    /// Hosts and checks whose newest decision left them to a person.
    var handedOver: Set<String> {
        var found: Set<String> = []
        for record in records {
            guard let check = record.check else { continue }
            switch (record.kind, record.outcome.word) {
            case (.decision, "alert"): found.insert("\(record.host) \(check)")
            case (.healing, _): found.remove("\(record.host) \(check)")
            default: break
            }
        }
        return found
    }
}
