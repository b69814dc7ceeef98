import Compliance
import Database
import Evidence
package import Model

/// Makes the tables of runs again from the bundles, says where they differed from what was stored, and puts it right.
package struct RunRebuild: Sendable {
    private let services: CentralServices

    package init(_ services: CentralServices) { self.services = services }

    /// About one appliance.
    package struct Finding: Hashable, Sendable {
        package let appliance: ApplianceID
        package let bundles: Int
        package let runs: Int
        /// Rows that follow from the bundles and were not stored.
        package let missing: Int
        /// Rows that were stored and do not follow.
        package let strange: Int
        /// Where the oldest bundles were pruned after their term, what is left does not make all that is stored: nothing was compared, and
        /// nothing is known to be the same.
        package let isPruned: Bool
        package var isSame: Bool { missing == 0 && strange == 0 && !isPruned }
        package var isDifferent: Bool { missing != 0 || strange != 0 }
    }

    /// One appliance's bundles and all that follows from them.
    private struct Made: Sendable {
        var runs: VerdictRuns
        var history = RunHistory()
        var ledger: [ExpectationLedger.Entry] = []
        var bundles = 0

        init(_ appliance: ApplianceID) { runs = VerdictRuns(appliance: appliance) }

        mutating func add(_ entry: ChainEntry) {
            bundles += 1
            let changes = runs.apply(entry)
            history.apply(changes, of: runs.appliance)
            for change in changes {
                switch change {
                case .expect(let entry): ledger.append(entry)
                case .settle(let instant):
                    ledger = ledger.map { old in
                        ExpectationLedger.Entry(
                            appliance: old.appliance, sequence: old.sequence, host: old.host, effective: min(old.effective, instant),
                            expected: old.expected)
                    }
                case .open, .extend, .withdraw: break
                }
            }
        }
    }

    /// Appliances of which nothing came are left out.
    /// - Throws: `CentralError` for an unknown site; `BundleError` where what is held is not what was received; `DatabaseError`. What
    ///   was stored about the appliances that were not reached is as it was.
    package func run(_ site: SiteID, for credential: OperatorCredential) async throws -> [Finding] {
        let pruned = Set(try await services.database.read { try PrunedTable.spans(of: site, in: $0) }.map(\.appliance))
        var all: [Made] = []
        do {
            let held = try await SiteEvidence(of: site, services: services, for: credential)
            try await held.forEach { item in
                let record = item.bundle.record
                if all.last?.runs.appliance != record.origin.appliance { all.append(Made(record.origin.appliance)) }
                all[all.count - 1].add(ChainEntry(item.bundle, received: item.received))
            }
        } catch let error as CentralError where error == .noEvidence && !pruned.isEmpty {
            // Every bundle of the site is gone.
        }
        for appliance in pruned.subtracting(all.map(\.runs.appliance)).sorted() { all.append(Made(appliance)) }
        var findings: [Finding] = []
        for made in all {
            findings.append(try await services.database.write { try Self.settle(made, site, in: $0) })
        }
        return findings
    }

    /// Compares and, where it is not the same, replaces, with what came in meanwhile.
    private static func settle(_ made: Made, _ site: SiteID, in transaction: any SQLTransaction) throws -> Finding {
        var made = made
        let appliance = made.runs.appliance
        let pruned = try transaction.query(
            "SELECT 1 FROM evidence WHERE appliance_id = \(appliance.description) AND sequence = 0 AND pruned_at IS NOT NULL")
        guard pruned.isEmpty else {
            return Finding(appliance: appliance, bundles: made.bundles, runs: 0, missing: 0, strange: 0, isPruned: true)
        }
        while true {
            let page = try RunCatchUp.entries(of: appliance, after: made.runs.lastSequence, limit: 500, in: transaction).entries
            for entry in page { made.add(entry) }
            if page.isEmpty { break }
        }
        let open = Set(made.runs.openRuns)
        let runs = made.history.runs.map { RunBatch.row($0, site: site, isOpen: open.contains($0)) }
        let ledger = try made.ledger.map { try RunBatch.row($0, site: site) }
        let storedRuns = try transaction.query(
            """
            SELECT site_id, \(raw: RunTable.columns), is_open FROM verdict_run WHERE appliance_id = \(appliance.description)
            """
        ).map(\.values)
        let storedLedger = try transaction.query(
            """
            SELECT appliance_id, sequence, site_id, host, effective_at, checks, expected FROM expectation
            WHERE appliance_id = \(appliance.description)
            """
        ).map(\.values)
        let state = try RunTable.state(of: appliance, in: transaction)
        let isSameState =
            state.trust == made.runs.trust && state.lastSequence == made.runs.lastSequence && state.newestRun == made.runs.newestRun
            && state.newestEffective == made.runs.newestEffective && state.told == made.runs.told
        let (wanted, found) = (Set(runs + ledger), Set(storedRuns + storedLedger))
        let finding = Finding(
            appliance: appliance, bundles: made.bundles, runs: runs.count,
            missing: wanted.subtracting(found).count + (isSameState ? 0 : 1),
            strange: found.subtracting(wanted).count + (isSameState ? 0 : 1), isPruned: false)
        guard !finding.isSame else { return finding }
        try transaction.execute("DELETE FROM verdict_run WHERE appliance_id = \(appliance.description)")
        try transaction.execute("DELETE FROM expectation WHERE appliance_id = \(appliance.description)")
        try RunBatch.write(runs, in: transaction)
        try transaction.insert(
            into: "expectation", columns: "appliance_id, sequence, site_id, host, effective_at, checks, expected", rows: ledger)
        try transaction.insert(
            into: "run_subject", columns: "site_id, host, check_id",
            rows: made.history.subjects.map { [.text(site.description), .text($0.host.description), .text($0.check.description)] },
            conflict: "ON CONFLICT DO NOTHING")
        try RunTable.keep(made.runs, in: transaction)
        return finding
    }
}
