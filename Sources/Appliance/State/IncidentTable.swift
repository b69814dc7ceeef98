package import Database
package import Model
import Seal

/// Drifts that are open, and those that were, for as long as they are kept.
package enum IncidentTable {
    package static func open(host: HostID, check: CheckID, in transaction: any SQLTransaction) throws -> Incident? {
        try transaction.query(
            """
            SELECT id, host, check_id, code, severity, state, opened, last_seen, resolved, attempts, facts FROM incident
            WHERE host = \(host.description) AND check_id = \(check.description) AND state <> 'resolved'
            """
        ).first.map(incident)
    }

    package static func all(openOnly: Bool, in transaction: any SQLTransaction) throws -> [Incident] {
        try transaction.query(
            """
            SELECT id, host, check_id, code, severity, state, opened, last_seen, resolved, attempts, facts FROM incident
            WHERE state <> 'resolved' OR \(!openOnly) ORDER BY opened, id
            """
        ).map(incident)
    }

    package static func find(_ id: IncidentID, in transaction: any SQLTransaction) throws -> Incident? {
        try transaction.query(
            """
            SELECT id, host, check_id, code, severity, state, opened, last_seen, resolved, attempts, facts FROM incident
            WHERE id = \(id.description)
            """
        ).first.map(incident)
    }

    package static func openCount(in transaction: any SQLTransaction) throws -> Int {
        Int(try transaction.query("SELECT count(*) FROM incident WHERE state <> 'resolved'")[0].integer(0))
    }

    /// When incidents of this host and check began, since then.
    package static func openings(
        host: HostID, check: CheckID, since instant: Timestamp, in transaction: any SQLTransaction
    ) throws -> [Timestamp] {
        try transaction.query(
            """
            SELECT opened FROM incident
            WHERE host = \(host.description) AND check_id = \(check.description) AND opened >= \(instant.milliseconds) ORDER BY opened
            """
        ).map { Timestamp(milliseconds: try $0.integer(0)) }
    }

    /// Writes the incident as it is now. A second open incident for the same host and check is refused by the schema.
    package static func put(_ incident: Incident, in transaction: any SQLTransaction) throws {
        let facts = String(decoding: try incident.facts.json.canonicalBytes(), as: UTF8.self)
        try transaction.execute(
            """
            INSERT INTO incident (id, host, check_id, code, severity, state, opened, last_seen, resolved, attempts, facts)
            VALUES (\(incident.id.description), \(incident.host.description), \(incident.check.description), \(incident.code.description),
                \(incident.severity.rawValue), \(incident.state.rawValue), \(incident.opened.milliseconds),
                \(incident.lastSeen.milliseconds), \(incident.resolved?.milliseconds), \(incident.attempts), \(facts))
            ON CONFLICT (id) DO UPDATE SET code = excluded.code, state = excluded.state, last_seen = excluded.last_seen,
                resolved = excluded.resolved, attempts = excluded.attempts, facts = excluded.facts
            """)
    }

    package static func removeResolved(before instant: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute("DELETE FROM incident WHERE resolved < \(instant.milliseconds)")
    }

    private static func incident(_ row: Row) throws -> Incident {
        let key = try row.text(0)
        guard let id = IncidentID(key), let host = HostID(try row.text(1)), let check = CheckID(try row.text(2)),
            let code = Code(try row.text(3)), let severity = Severity(rawValue: try row.text(4)),
            let state = Incident.State(rawValue: try row.text(5)),
            let json = try? JSONValue(parsing: Array(try row.text(10).utf8), limits: JSONLimits(bytesMax: 4 << 20)),
            let facts = try? Facts(json: json)
        else { throw StateError("incident", key) }
        return Incident(
            id: id, host: host, check: check, code: code, severity: severity, state: state,
            opened: Timestamp(milliseconds: try row.integer(6)), lastSeen: Timestamp(milliseconds: try row.integer(7)),
            resolved: try row.optionalInteger(8).map(Timestamp.init(milliseconds:)), attempts: Int(try row.integer(9)), facts: facts)
    }
}
