package import Database
package import Model

/// What was last decided about a host's check without acting on it.
package enum DecisionTable {
    package struct Entry: Hashable, Sendable {
        package let host: HostID
        package let check: CheckID
        package let incident: IncidentID
        /// The outcome's word: `deferred`, `rejected` or `alert`.
        package let outcome: String
        package let code: Code
        /// When it may be judged again; nil when only a change of the incident can help.
        package let until: Timestamp?
        /// Digest of the rules that did not answer the incident; nil where one did, or none was asked.
        package let unansweredBy: Digest?

        package init(
            host: HostID, check: CheckID, incident: IncidentID, outcome: String, code: Code, until: Timestamp?, unansweredBy: Digest?
        ) {
            self.host = host
            self.check = check
            self.incident = incident
            self.outcome = outcome
            self.code = code
            self.until = until
            self.unansweredBy = unansweredBy
        }

        /// Whether `other` says the same again. A deferral to another instant for the same reason is the same answer.
        package func repeats(_ other: Entry) -> Bool {
            incident == other.incident && outcome == other.outcome && code == other.code
        }
    }

    package static func find(host: HostID, check: CheckID, in transaction: any SQLTransaction) throws -> Entry? {
        try transaction.query(
            """
            SELECT host, check_id, incident, outcome, code, until, unanswered_by FROM decision
            WHERE host = \(host.description) AND check_id = \(check.description)
            """
        ).first.map(entry)
    }

    /// Incidents that no rule answered when others than these were in force.
    package static func unanswered(byOthersThan rules: Digest, in transaction: any SQLTransaction) throws -> Set<IncidentID> {
        Set(
            try transaction.query("SELECT incident FROM decision WHERE unanswered_by <> \(rules.bytes)").map { row in
                guard let incident = IncidentID(try row.text(0)) else { throw StateError("decision", try row.text(0)) }
                return incident
            })
    }

    package static func put(_ entry: Entry, at now: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO decision (host, check_id, incident, outcome, code, until, unanswered_by, decided)
            VALUES (\(entry.host.description), \(entry.check.description), \(entry.incident.description), \(entry.outcome),
                \(entry.code.description), \(entry.until?.milliseconds), \(entry.unansweredBy?.bytes), \(now.milliseconds))
            ON CONFLICT (host, check_id) DO UPDATE SET incident = excluded.incident, outcome = excluded.outcome,
                code = excluded.code, until = excluded.until, unanswered_by = excluded.unanswered_by,
                decided = excluded.decided
            """)
    }

    package static func remove(host: HostID, check: CheckID, in transaction: any SQLTransaction) throws {
        try transaction.execute("DELETE FROM decision WHERE host = \(host.description) AND check_id = \(check.description)")
    }

    private static func entry(_ row: Row) throws -> Entry {
        guard let host = HostID(try row.text(0)), let check = CheckID(try row.text(1)), let incident = IncidentID(try row.text(2)),
            let code = Code(try row.text(4))
        else { throw StateError("decision", "\(try row.text(0)) \(try row.text(1))") }
        return Entry(
            host: host, check: check, incident: incident, outcome: try row.text(3), code: code,
            until: try row.optionalInteger(5).map(Timestamp.init(milliseconds:)),
            unansweredBy: try row.optionalBlob(6).flatMap { Digest(bytes: $0) })
    }
}
