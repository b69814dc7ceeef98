import Compliance
import Database
import Model

/// Gathers what several bundles change in the tables of runs, so that each run is written once, in its last state.
struct RunBatch {
    private let appliance: ApplianceID
    private let site: SiteID
    /// As they are after what was taken.
    private var open: [WatchedCheck: VerdictRun]
    private var changed: Set<WatchedCheck> = []
    private var closed: [VerdictRun] = []
    /// Those whose first run this is, as far as this appliance knows.
    private var fresh: Set<WatchedCheck> = []

    init(appliance: ApplianceID, site: SiteID, open: [VerdictRun]) {
        self.appliance = appliance
        self.site = site
        self.open = Dictionary(open.map { ($0.subject, $0) }, uniquingKeysWith: { $1 })
    }

    /// - Parameter newestRun: the newest look before this bundle: what lies after none of them need not be looked for.
    mutating func take(_ change: VerdictRuns.Change, newestRun: Timestamp?, in transaction: any SQLTransaction) throws {
        switch change {
        case .open(let run):
            if let before = open[run.subject] { closed.append(before) } else { fresh.insert(run.subject) }
            open[run.subject] = run
            changed.insert(run.subject)
        case .extend(let run):
            open[run.subject] = run
            changed.insert(run.subject)
        case .withdraw(let instant):
            try flush(in: transaction)
            try withdraw(after: instant, newestRun: newestRun, in: transaction)
            open = [:]
        case .expect(let entry):
            try transaction.insert(
                into: "expectation", columns: "appliance_id, sequence, site_id, host, effective_at, checks, expected",
                rows: [try Self.row(entry, site: site)])
        case .settle(let instant):
            try transaction.execute(
                """
                UPDATE expectation SET effective_at = \(instant.milliseconds)
                WHERE appliance_id = \(appliance.description) AND effective_at > \(instant.milliseconds)
                """)
        }
    }

    mutating func flush(in transaction: any SQLTransaction) throws {
        // First those that are over: only one run of a check may be open.
        let rows = closed.map { Self.row($0, site: site, isOpen: false) } + changed.map { Self.row(open[$0]!, site: site, isOpen: true) }
        try Self.write(rows, in: transaction)
        try transaction.insert(
            into: "run_subject", columns: "site_id, host, check_id",
            rows: fresh.map { [.text(site.description), .text($0.host.description), .text($0.check.description)] },
            conflict: "ON CONFLICT DO NOTHING")
        closed = []
        changed = []
        fresh = []
    }

    static func write(_ rows: [[SQLValue]], in transaction: any SQLTransaction) throws {
        try transaction.insert(
            into: "verdict_run",
            columns: """
                site_id, appliance_id, host, check_id, verdict, code, first_at, last_at, first_sequence, last_sequence, reach_seconds,
                is_open
                """,
            rows: rows,
            conflict: """
                ON CONFLICT (site_id, host, check_id, first_at, appliance_id, first_sequence) DO UPDATE SET
                last_at = excluded.last_at, last_sequence = excluded.last_sequence, is_open = excluded.is_open
                """)
    }

    static func row(_ run: VerdictRun, site: SiteID, isOpen: Bool) -> [SQLValue] {
        [
            .text(site.description), .text(run.appliance.description), .text(run.subject.host.description),
            .text(run.subject.check.description), .text(run.verdict.word), run.verdict.code.map { .text($0.description) } ?? .null,
            .integer(run.first.milliseconds), .integer(run.last.milliseconds), .integer(run.firstSequence), .integer(run.lastSequence),
            .integer(run.reachSeconds), .integer(isOpen ? 1 : 0),
        ]
    }

    static func row(_ entry: ExpectationLedger.Entry, site: SiteID) throws -> [SQLValue] {
        [
            .text(entry.appliance.description), .integer(entry.sequence), .text(site.description), .text(entry.host.description),
            .integer(entry.effective.milliseconds), .integer(Int64(entry.expected.count)), .text(try RunTable.text(of: entry.expected)),
        ]
    }

    private func withdraw(after instant: Timestamp?, newestRun: Timestamp?, in transaction: any SQLTransaction) throws {
        let (site, appliance) = (site.description, appliance.description)
        guard let instant else {
            try transaction.execute("DELETE FROM verdict_run WHERE site_id = \(site) AND appliance_id = \(appliance)")
            return
        }
        try transaction.execute("UPDATE verdict_run SET is_open = 0 WHERE appliance_id = \(appliance) AND is_open = 1")
        // A clock that stays wrong says so with each bundle; there is something to take back with the first only.
        guard let newestRun, newestRun > instant else { return }
        let limit = instant.milliseconds
        try transaction.execute(
            "DELETE FROM verdict_run WHERE site_id = \(site) AND appliance_id = \(appliance) AND first_at > \(limit)")
        try transaction.execute(
            """
            UPDATE verdict_run SET last_at = \(limit) WHERE site_id = \(site) AND appliance_id = \(appliance) AND last_at > \(limit)
            """)
    }
}
