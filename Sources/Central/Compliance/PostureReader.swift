package import Compliance
package import Database
package import Model

/// Answers about a site at any instant, from the runs that were kept at intake. What was not seen is `unknown`, and so is what was seen
/// too long ago: never compliant.
package struct PostureReader: Sendable {
    private let database: any SQLDatabase

    package init(_ database: any SQLDatabase) { self.database = database }

    /// A bundle that shows what was answered: an auditor finds it in the packet, and in the log.
    package struct Proof: Hashable, Sendable {
        package let appliance: ApplianceID
        package let sequence: Int64
        /// nil where the bundle was never received.
        package let digest: Digest?
        package let logIndex: Int64?
        /// Whether the bundle is gone after its term: its digest and its place in the log are all that is left.
        package let isPruned: Bool
    }

    package struct Answer: Hashable, Sendable {
        package let verdict: Verdict
        /// What proves it; empty where nobody looked.
        package let proof: [Proof]
    }

    package struct Item: Hashable, Sendable {
        package let subject: WatchedCheck
        package let answer: Answer
    }

    package struct Change: Hashable, Sendable {
        package let subject: WatchedCheck
        /// nil where it was not watched.
        package let before: Answer?
        package let after: Answer?
    }

    package struct Failing: Hashable, Sendable {
        package let answer: Answer
        /// nil where it does not fail at the instant.
        package let since: (instant: Timestamp, proof: Proof)?

        package static func == (left: Failing, right: Failing) -> Bool {
            left.answer == right.answer && left.since?.instant == right.since?.instant && left.since?.proof == right.since?.proof
        }

        package func hash(into hasher: inout Hasher) { hasher.combine(answer) }
    }

    /// What stands instead of a verdict while a check is switched off: whatever was seen of it before is not its posture. Never a pass.
    fileprivate static let disabled = Answer(verdict: .unknown("disabled"), proof: [])

    /// By host and check: all that was to be watched then, what a run still speaks of, and what was seen before it was switched off.
    package func posture(of site: SiteID, at instant: Timestamp, in scope: TenantScope) async throws -> [Item] {
        try await database.read { transaction in
            try check(site, scope, in: transaction)
            let snapshot = try Snapshot(of: site, at: instant, in: transaction)
            return snapshot.posture.keys.sorted().map { Item(subject: $0, answer: snapshot.answer($0)!) }
        }
    }

    /// What is not the same at two instants.
    package func changes(
        of site: SiteID, from earlier: Timestamp, until later: Timestamp, in scope: TenantScope
    ) async throws -> [Change] {
        try await database.read { transaction in
            try check(site, scope, in: transaction)
            let before = try Snapshot(of: site, at: earlier, in: transaction)
            let after = try Snapshot(of: site, at: later, in: transaction)
            return RunHistory.Difference.all(before.posture, after.posture).map {
                Change(subject: $0.subject, before: before.answer($0.subject), after: after.answer($0.subject))
            }
        }
    }

    /// The beginnings of chains that are gone and in which an instant lies: where there are any, what stood then is not known.
    package func pruned(of site: SiteID, at instant: Timestamp, in scope: TenantScope) async throws -> [PrunedSpan] {
        try await database.read { transaction in
            try check(site, scope, in: transaction)
            return try PrunedTable.spans(of: site, in: transaction).filter { $0.contains(instant) }
        }
    }

    /// Since when a check of a host fails at an instant, if it does.
    package func failing(
        _ subject: WatchedCheck, of site: SiteID, at instant: Timestamp, in scope: TenantScope
    ) async throws -> Failing {
        try await database.read { transaction in
            try check(site, scope, in: transaction)
            // Newest first, a page after the other, until something passed.
            var runs: [VerdictRun] = []
            while true {
                let page = try Self.page(subject, site, upTo: instant, offset: runs.count, in: transaction)
                runs += page
                if page.count < Self.pageSize || page.contains(where: { $0.verdict.hasPassed }) { break }
            }
            runs.reverse()
            let answer = AsOf.answer(runs, at: instant)
            let proof = try answer.proof.map { try Self.proof($0, in: transaction) }
            let spans = try PrunedTable.spans(of: site, in: transaction)
            let newest = runs.last
            if let newest, try Disabled(of: site, at: instant, in: transaction).hides(newest) {
                return Failing(answer: Self.disabled, since: nil)
            }
            if spans.contains(where: { span in newest.map { span.hides($0, at: instant) } ?? span.contains(instant) }) {
                return Failing(answer: Answer(verdict: PrunedSpan.verdict, proof: proof), since: nil)
            }
            let failing = try AsOf.failingSince(runs, at: instant).map { found in
                (instant: found.since, proof: try Self.proof(found.proof, in: transaction))
            }
            return Failing(answer: Answer(verdict: answer.verdict, proof: proof), since: failing)
        }
    }

    private static let pageSize = 200

    private static func page(
        _ subject: WatchedCheck, _ site: SiteID, upTo instant: Timestamp, offset: Int, in transaction: any SQLTransaction
    ) throws -> [VerdictRun] {
        try transaction.query(
            """
            SELECT \(raw: RunTable.columns) FROM verdict_run
            WHERE site_id = \(site.description) AND host = \(subject.host.description) AND check_id = \(subject.check.description)
                AND first_at <= \(instant.milliseconds)
            ORDER BY first_at DESC, appliance_id DESC, first_sequence DESC LIMIT \(pageSize) OFFSET \(offset)
            """
        ).map(RunTable.run)
    }

    private static func proof(_ draw: Sample.Draw, in transaction: any SQLTransaction) throws -> Proof {
        let row = try transaction.query(
            """
            SELECT digest, log_index, pruned_at FROM evidence
            WHERE appliance_id = \(draw.appliance.description) AND sequence = \(draw.sequence)
            """
        ).first
        return Proof(
            appliance: draw.appliance, sequence: draw.sequence, digest: try row?.digest(0), logIndex: try row?.integer(1),
            isPruned: try row?.optionalInteger(2) != nil)
    }

    private func check(_ site: SiteID, _ scope: TenantScope, in transaction: any SQLTransaction) throws {
        let rows = try transaction.query(
            "SELECT 1 FROM site WHERE id = \(site.description) AND organization_id = \(scope.organization.description)")
        guard !rows.isEmpty else { throw CentralError.notFound("site") }
    }
}

extension Verdict {
    fileprivate var hasPassed: Bool {
        switch self {
        case .compliant, .notApplicable: true
        case .drift, .unknown: false
        }
    }
}

/// Checks that were switched off at an instant, where appliances had looked at them until then.
private struct Disabled {
    private var off: [(entry: EnablementTable.Entry, before: Set<WatchedCheck>)] = []
    private var expected: Set<WatchedCheck> = []

    init(of site: SiteID, at instant: Timestamp, in transaction: any SQLTransaction) throws {
        func expected(at instant: Timestamp) throws -> Set<WatchedCheck> {
            try LedgerTable.deciding(at: instant, of: site, in: transaction).expected(at: instant)
        }
        for entry in try EnablementTable.standing(at: site, asOf: instant, in: transaction) where entry.kind == .check {
            // An appliance's clock that is right is not further off than this.
            let before = try expected(at: entry.changed).union(expected(at: entry.changed - DateTrust.offsetMax))
            off.append((entry, before))
        }
        if !off.isEmpty { self.expected = try expected(at: instant) }
    }

    /// While the appliance still expects it, what it sees stands.
    func hides(_ run: VerdictRun) -> Bool {
        !expected.contains(run.subject)
            && off.contains { $0.before.contains(run.subject) && $0.entry.speaks(of: run.subject.check, at: run.appliance) }
    }
}

/// A site's posture at one instant with its proofs, read by one statement for all checks.
private struct Snapshot {
    let posture: [WatchedCheck: AsOf.Answer]
    private let proofs: [Sample.Draw: PostureReader.Proof]

    init(of site: SiteID, at instant: Timestamp, in transaction: any SQLTransaction) throws {
        let ledger = try LedgerTable.deciding(at: instant, of: site, in: transaction)
        let spans = Dictionary(uniqueKeysWithValues: try PrunedTable.spans(of: site, in: transaction).map { ($0.appliance, $0) })
        var runs: [VerdictRun] = []
        var proofs: [Sample.Draw: PostureReader.Proof] = [:]
        for row in try transaction.query(Self.newest(of: site, at: instant, transaction.dialect)) {
            let run = try RunTable.run(row)
            runs.append(run)
            // After the columns of the run: digest and place of its first bundle, then of its last.
            for (sequence, column) in [(run.firstSequence, 10), (run.lastSequence, 13)] {
                proofs[Sample.Draw(appliance: run.appliance, sequence: sequence)] = PostureReader.Proof(
                    appliance: run.appliance, sequence: sequence,
                    digest: try row.optionalBlob(column).flatMap { Digest(bytes: $0) }, logIndex: try row.optionalInteger(column + 1),
                    isPruned: try row.optionalInteger(column + 2) != nil)
            }
        }
        var posture = RunHistory(runs).posture(at: instant, ledger: ledger)
        let disabled = try Disabled(of: site, at: instant, in: transaction)
        for run in runs where disabled.hides(run) {
            posture[run.subject] = AsOf.Answer(verdict: PostureReader.disabled.verdict, proof: [])
        }
        if !spans.isEmpty {
            let newest = Dictionary(runs.map { ($0.subject, $0) }, uniquingKeysWith: { $1 })
            let watchers = Dictionary(ledger.entries.map { ($0.host, $0.appliance) }, uniquingKeysWith: { $1 })
            for (subject, answer) in posture {
                let isHidden =
                    if let run = newest[subject] {
                        spans[run.appliance]?.hides(run, at: instant) ?? false
                    } else {
                        watchers[subject.host].flatMap { spans[$0] }.map { instant < $0.until } ?? false
                    }
                if isHidden { posture[subject] = AsOf.Answer(verdict: PrunedSpan.verdict, proof: answer.proof) }
            }
        }
        self.posture = posture
        self.proofs = proofs
    }

    func answer(_ subject: WatchedCheck) -> PostureReader.Answer? {
        posture[subject].map { PostureReader.Answer(verdict: $0.verdict, proof: $0.proof.compactMap { proofs[$0] }) }
    }

    /// For each check of the site the newest run that began by then: a look into the primary key for each, none into the evidence but for
    /// the two bundles that prove it.
    private static func newest(of site: SiteID, at instant: Timestamp, _ dialect: DatabaseDialect) -> SQL {
        switch dialect {
        case .sqlite:
            """
            SELECT run.appliance_id, run.host, run.check_id, run.verdict, run.code, run.first_at, run.last_at, run.first_sequence,
                run.last_sequence, run.reach_seconds, opening.digest, opening.log_index, opening.pruned_at, latest.digest,
                latest.log_index, latest.pruned_at
            FROM run_subject AS subject
            JOIN verdict_run AS run ON run.rowid = (
                SELECT inner_run.rowid FROM verdict_run AS inner_run
                WHERE inner_run.site_id = subject.site_id AND inner_run.host = subject.host AND inner_run.check_id = subject.check_id
                    AND inner_run.first_at <= \(instant.milliseconds)
                ORDER BY inner_run.first_at DESC, inner_run.appliance_id DESC, inner_run.first_sequence DESC LIMIT 1)
            LEFT JOIN evidence AS opening ON opening.appliance_id = run.appliance_id AND opening.sequence = run.first_sequence
            LEFT JOIN evidence AS latest ON latest.appliance_id = run.appliance_id AND latest.sequence = run.last_sequence
            WHERE subject.site_id = \(site.description)
            """
        case .postgres:
            """
            SELECT run.appliance_id, run.host, run.check_id, run.verdict, run.code, run.first_at, run.last_at, run.first_sequence,
                run.last_sequence, run.reach_seconds, opening.digest, opening.log_index, opening.pruned_at, latest.digest,
                latest.log_index, latest.pruned_at
            FROM run_subject AS subject
            CROSS JOIN LATERAL (
                SELECT * FROM verdict_run AS inner_run
                WHERE inner_run.site_id = subject.site_id AND inner_run.host = subject.host AND inner_run.check_id = subject.check_id
                    AND inner_run.first_at <= \(instant.milliseconds)
                ORDER BY inner_run.first_at DESC, inner_run.appliance_id DESC, inner_run.first_sequence DESC LIMIT 1) AS run
            LEFT JOIN evidence AS opening ON opening.appliance_id = run.appliance_id AND opening.sequence = run.first_sequence
            LEFT JOIN evidence AS latest ON latest.appliance_id = run.appliance_id AND latest.sequence = run.last_sequence
            WHERE subject.site_id = \(site.description)
            """
        }
    }
}
