import Compliance
import Database
import Evidence
import Model
import Seal

/// Verdict runs and expectations of every appliance, written in the transaction that accepts the bundles they follow from.
///
/// Derived: never the truth, and made again from the evidence by `RunRebuild`. One statement finds the newest run of each check of a
/// site before an instant, so no question reads more of them than there are checks, however many bundles there are.
enum RunTable {
    /// What one appliance's bundles came to so far.
    struct State {
        var trust: DateTrust
        /// -1 before the first.
        var lastSequence: Int64
        var newestRun: Timestamp?
        var newestEffective: Timestamp?
        var told: Timestamp?
    }

    static func state(of appliance: ApplianceID, in transaction: any SQLTransaction) throws -> State {
        let rows = try transaction.query(
            """
            SELECT last_sequence, newest_at, confirmed_at, floor_at, newest_run_at, newest_effective_at, told_at
            FROM run_state WHERE appliance_id = \(appliance.description)
            """)
        guard let row = rows.first else { return State(trust: DateTrust(), lastSequence: -1) }
        let trust = DateTrust(
            newest: try row.optionalInstant(1), confirmed: try row.optionalInstant(2), floor: try row.optionalInstant(3))
        return State(
            trust: trust, lastSequence: try row.integer(0), newestRun: try row.optionalInstant(4),
            newestEffective: try row.optionalInstant(5), told: try row.optionalInstant(6))
    }

    /// Goes on with bundles of one appliance; those that were followed before change nothing.
    ///
    /// Where the first new one does not continue what was followed (a database from before there were runs), nothing is done: catching
    /// up begins at the first bundle that was not.
    static func follow(_ entries: [ChainEntry], of appliance: ApplianceID, site: SiteID, in transaction: any SQLTransaction) throws {
        let state = try state(of: appliance, in: transaction)
        let new = entries.filter { $0.sequence > state.lastSequence }
        guard let first = new.first, first.sequence == state.lastSequence + 1 else { return }
        let hosts = new.reduce(into: Set()) { $0.formUnion(VerdictRuns.hosts($1)) }
        let open = try hosts.flatMap { try openRuns(of: appliance, $0, in: transaction) }
        var expected: [HostID: [ExpectedCheck]] = [:]
        for host in hosts { expected[host] = try expectation(of: appliance, host, in: transaction) }
        var runs = VerdictRuns(
            appliance: appliance, trust: state.trust, lastSequence: state.lastSequence, open: open, newestRun: state.newestRun,
            newestEffective: state.newestEffective, told: state.told, expected: expected)
        var batch = RunBatch(appliance: appliance, site: site, open: open)
        for entry in new {
            let newest = runs.newestRun
            for change in runs.apply(entry) { try batch.take(change, newestRun: newest, in: transaction) }
        }
        try batch.flush(in: transaction)
        try keep(runs, in: transaction)
    }

    static func keep(_ runs: VerdictRuns, in transaction: any SQLTransaction) throws {
        let values: [SQLValue] = [
            .text(runs.appliance.description), .integer(runs.lastSequence), .optional(runs.trust.newest), .optional(runs.trust.confirmed),
            .optional(runs.trust.floor), .optional(runs.newestRun), .optional(runs.newestEffective),
            .optional(runs.told),
        ]
        try transaction.insert(
            into: "run_state",
            columns: "appliance_id, last_sequence, newest_at, confirmed_at, floor_at, newest_run_at, newest_effective_at, told_at",
            rows: [values],
            conflict: """
                ON CONFLICT (appliance_id) DO UPDATE SET last_sequence = excluded.last_sequence, newest_at = excluded.newest_at,
                confirmed_at = excluded.confirmed_at, floor_at = excluded.floor_at, newest_run_at = excluded.newest_run_at,
                newest_effective_at = excluded.newest_effective_at, told_at = excluded.told_at
                """)
    }

    private static func openRuns(of appliance: ApplianceID, _ host: HostID, in transaction: any SQLTransaction) throws -> [VerdictRun] {
        try transaction.query(
            """
            SELECT \(raw: columns) FROM verdict_run
            WHERE appliance_id = \(appliance.description) AND host = \(host.description) AND is_open = 1
            """
        ).map(run)
    }

    private static func expectation(
        of appliance: ApplianceID, _ host: HostID, in transaction: any SQLTransaction
    ) throws -> [ExpectedCheck]? {
        try transaction.query(
            """
            SELECT expected FROM expectation WHERE appliance_id = \(appliance.description) AND host = \(host.description)
            ORDER BY sequence DESC LIMIT 1
            """
        ).first.map { try expected($0.text(0)) }
    }

    static let columns: StaticString = """
        appliance_id, host, check_id, verdict, code, first_at, last_at, first_sequence, last_sequence, reach_seconds
        """

    /// From the columns above.
    static func run(_ row: Row) throws -> VerdictRun {
        guard let verdict = Verdict(word: try row.text(3), code: try row.optionalText(4).flatMap(Code.init)) else {
            throw DatabaseError.corrupt("a verdict run has no verdict")
        }
        return VerdictRun(
            appliance: try row.parsed(0), subject: WatchedCheck(host: try row.parsed(1), check: try row.parsed(2)), verdict: verdict,
            first: try row.instant(5), last: try row.instant(6), firstSequence: try row.integer(7), lastSequence: try row.integer(8),
            reachSeconds: try row.integer(9))
    }

    static func text(of expected: [ExpectedCheck]) throws -> String {
        String(decoding: try JSONValue.array(expected.map(\.json)).canonicalBytes(), as: UTF8.self)
    }

    static func expected(_ text: String) throws -> [ExpectedCheck] {
        do {
            let limits = JSONLimits(bytesMax: 1 << 20)
            return try JSONValue(parsing: Array(text.utf8), limits: limits).array?.map { try ExpectedCheck(reading: ObjectReader($0)) }
                ?? []
        } catch {
            throw DatabaseError.corrupt("an expectation cannot be read")
        }
    }
}

extension SQLValue {
    static func optional(_ instant: Timestamp?) -> SQLValue { instant.map { .integer($0.milliseconds) } ?? .null }
}
