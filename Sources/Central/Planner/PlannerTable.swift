import Database
package import Evidence
package import Model
import Planner
import Seal

/// One incident that the planner was asked about, or will be: at most once.
package struct PlannerQuestion: Hashable, Sendable {
    package let incident: IncidentID
    package let organization: OrganizationID
    package let site: SiteID
    package let appliance: ApplianceID
    /// Of the bundle in which the appliance handed it over.
    package let sequence: Int64
    package let host: HostID
    package let check: CheckID
    /// The drift as the appliance stated it.
    package let code: Code
    package let opened: Timestamp
}

/// The rows behind the planner's questions: `waiting` since the transaction that opened the ticket, `asking` from before a question is
/// sent, `ended` with the whole exchange. A row that an earlier process left `asking` was counted, and is not asked again.
enum PlannerTable {
    /// How long a ticket's notification waits for the planner.
    static let waitMax: Duration = .seconds(120)
    private static let columns: StaticString =
        "incident_id, organization_id, site_id, appliance_id, sequence, host, check_id, drift, opened_at"

    static func open(_ question: PlannerQuestion, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO planner_question (incident_id, organization_id, site_id, appliance_id, sequence, host, check_id, drift, opened_at,
                state, cost)
            VALUES (\(question.incident.description), \(question.organization.description), \(question.site.description),
                \(question.appliance.description), \(question.sequence), \(question.host.description), \(question.check.description),
                \(question.code.description), \(question.opened.milliseconds), 'waiting', 0)
            """)
    }

    /// The oldest of each site first: a site that asks a lot waits for itself.
    static func waiting(limit: Int, in transaction: any SQLTransaction) throws -> [PlannerQuestion] {
        try transaction.query(
            """
            SELECT \(raw: columns) FROM (
                SELECT \(raw: columns), ROW_NUMBER() OVER (PARTITION BY site_id ORDER BY opened_at, incident_id) AS turn
                FROM planner_question WHERE state = 'waiting') AS question
            ORDER BY turn, opened_at, incident_id LIMIT \(limit)
            """
        ).map(question)
    }

    /// What is over before anybody was asked needs no answer.
    static func endResolved(at now: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            UPDATE planner_question SET state = 'ended', outcome = 'planner.closed', ended_at = \(now.milliseconds)
            WHERE state = 'waiting' AND EXISTS (SELECT 1 FROM ticket
                WHERE ticket.incident_id = planner_question.incident_id AND ticket.state = 'resolved')
            """)
    }

    /// Counts the question before it is sent.
    /// - Parameter exchange: as it is worth if nothing more is ever heard: interrupted, at the most that it can cost.
    static func begin(_ exchange: ExchangeRecord, at now: Timestamp, in transaction: any SQLTransaction) throws {
        let changed = try transaction.execute(
            """
            UPDATE planner_question SET state = 'asking', asked_at = \(now.milliseconds), cost = \(exchange.cost),
                outcome = \(exchange.outcome.description), exchange = \(text(exchange))
            WHERE incident_id = \(exchange.incident.description) AND state = 'waiting'
            """)
        guard changed == 1 else { throw CentralError.notFound("question that waits") }
    }

    /// What another process asked, and did not write down what became of it.
    /// - Parameter span: when it asked, if it may still do so.
    static func leftAsking(
        outside span: ClosedRange<Timestamp>, except own: Set<IncidentID>, in transaction: any SQLTransaction
    ) throws -> [(PlannerQuestion, ExchangeRecord)] {
        try transaction.query(
            """
            SELECT \(raw: columns), exchange FROM planner_question
            WHERE state = 'asking' AND asked_at NOT BETWEEN \(span.lowerBound.milliseconds) AND \(span.upperBound.milliseconds)
            ORDER BY opened_at, incident_id
            """
        ).compactMap { row in
            let question = try question(row)
            return own.contains(question.incident) ? nil : (question, try exchange(row.text(9)))
        }
    }

    /// - Returns: whether this is the first end of the question; another one changes nothing.
    static func end(_ exchange: ExchangeRecord, at now: Timestamp, in transaction: any SQLTransaction) throws -> Bool {
        try transaction.execute(
            """
            UPDATE planner_question SET state = 'ended', cost = \(exchange.cost), outcome = \(exchange.outcome.description),
                exchange = \(text(exchange)), ended_at = \(now.milliseconds)
            WHERE incident_id = \(exchange.incident.description) AND state <> 'ended'
            """) == 1
    }

    /// The order that takes it to the appliance.
    static func send(_ incident: IncidentID, by order: OrderID, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            "UPDATE planner_question SET order_id = \(order.description) WHERE incident_id = \(incident.description)")
    }

    /// Calls that were counted since then, by site.
    static func calls(since instant: Timestamp, in transaction: any SQLTransaction) throws -> [SiteID: [(at: Timestamp, cost: Int64)]] {
        var calls: [SiteID: [(at: Timestamp, cost: Int64)]] = [:]
        for row in try transaction.query(
            "SELECT site_id, asked_at, cost FROM planner_question WHERE asked_at > \(instant.milliseconds) ORDER BY asked_at, incident_id")
        {
            calls[try row.parsed(0), default: []].append((at: try row.instant(1), cost: try row.integer(2)))
        }
        return calls
    }

    /// The newest first.
    static func exchanges(of incident: IncidentID?, limit: Int, in transaction: any SQLTransaction) throws -> [PlannerDesk.Exchange] {
        try transaction.query(
            """
            SELECT \(raw: columns), exchange, order_id FROM planner_question
            WHERE exchange IS NOT NULL AND \(incident?.description ?? "") IN ('', incident_id)
            ORDER BY opened_at DESC, incident_id LIMIT \(limit)
            """
        ).map { row in
            PlannerDesk.Exchange(
                question: try question(row), record: try exchange(row.text(9)), order: try row.optionalText(10).flatMap(OrderID.init))
        }
    }

    /// How many ended in what way since then, and how many wait.
    static func outcomes(since instant: Timestamp, in transaction: any SQLTransaction) throws -> [(word: String, count: Int64)] {
        try transaction.query(
            """
            SELECT CASE WHEN state = 'waiting' THEN 'waiting' ELSE outcome END AS word, COUNT(*) FROM planner_question
            WHERE opened_at > \(instant.milliseconds) OR state = 'waiting' GROUP BY 1 ORDER BY 1
            """
        ).map { (try $0.text(0), try $0.integer(1)) }
    }

    private static func question(_ row: Row) throws -> PlannerQuestion {
        PlannerQuestion(
            incident: try row.parsed(0), organization: try row.parsed(1), site: try row.parsed(2), appliance: try row.parsed(3),
            sequence: try row.integer(4), host: try row.parsed(5), check: try row.parsed(6), code: try row.parsed(7),
            opened: try row.instant(8))
    }

    private static func text(_ exchange: ExchangeRecord) throws -> String {
        String(decoding: try exchange.json.canonicalBytes(), as: UTF8.self)
    }

    private static func exchange(_ text: String) throws -> ExchangeRecord {
        guard let value = try? JSONValue(parsing: Array(text.utf8), limits: JSONLimits(bytesMax: Proposal.bytesMax)),
            let record = try? ExchangeRecord(reading: ObjectReader(value))
        else { throw DatabaseError.corrupt("an exchange with the planner is not as it was written") }
        return record
    }
}
