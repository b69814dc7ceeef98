package import Database
import Evidence
package import Model
package import Planner

/// What a model was asked about an incident, at most once, and what it proposes.
package enum ProposalTable {
    package struct Entry: Hashable, Sendable {
        package let proposal: Proposal
        /// Central's, that brought it; nil where this appliance asked its own model.
        package let order: OrderID?
        package let taken: Timestamp

        /// How long a proposal may wait for its time, or for a second person.
        package static let lifeMax: Duration = .seconds(86_400)
        package var expires: Timestamp { taken + Self.lifeMax }
    }

    package static func isKnown(_ incident: IncidentID, in transaction: any SQLTransaction) throws -> Bool {
        try !transaction.query("SELECT 1 FROM proposal WHERE incident = \(incident.description)").isEmpty
    }

    /// This appliance's own question goes out: it is counted from here on.
    package static func begin(_ proposal: Proposal, at now: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO proposal (incident, state, proposal, asked, taken)
            VALUES (\(proposal.incident.description), 'asking', \(proposal.text), \(now.milliseconds), \(now.milliseconds))
            """)
    }

    /// Takes it in; one that chooses nothing has ended.
    package static func take(_ entry: Entry, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO proposal (incident, state, proposal, order_id, taken)
            VALUES (\(entry.proposal.incident.description), \(entry.proposal.choice == nil ? "ended" : "waiting"), \(entry.proposal.text),
                \(entry.order?.description), \(entry.taken.milliseconds))
            ON CONFLICT (incident) DO UPDATE SET state = excluded.state, proposal = excluded.proposal, taken = excluded.taken
            """)
    }

    package static func end(_ incident: IncidentID, in transaction: any SQLTransaction) throws {
        try transaction.execute("UPDATE proposal SET state = 'ended' WHERE incident = \(incident.description)")
    }

    package static func find(_ incident: IncidentID, in transaction: any SQLTransaction) throws -> Entry? {
        try transaction.query("SELECT proposal, order_id, taken FROM proposal WHERE incident = \(incident.description)").first.map(entry)
    }

    /// Those that the gate has to judge, oldest first.
    package static func waiting(in transaction: any SQLTransaction) throws -> [Entry] {
        try transaction.query("SELECT proposal, order_id, taken FROM proposal WHERE state = 'waiting' ORDER BY taken, incident").map(entry)
    }

    /// Questions that an earlier process asked, and never wrote down what became of them.
    package static func leftAsking(in transaction: any SQLTransaction) throws -> [Entry] {
        try transaction.query("SELECT proposal, order_id, taken FROM proposal WHERE state = 'asking' ORDER BY taken, incident").map(entry)
    }

    /// This appliance's own calls since then.
    package static func calls(since instant: Timestamp, in transaction: any SQLTransaction) throws -> [(at: Timestamp, cost: Int64)] {
        try transaction.query("SELECT proposal, order_id, asked FROM proposal WHERE asked > \(instant.milliseconds) ORDER BY asked").map {
            let call = try entry($0)
            return (at: call.taken, cost: call.proposal.exchange.cost)
        }
    }

    package static func removeEnded(before instant: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            DELETE FROM proposal WHERE state = 'ended' AND taken < \(instant.milliseconds)
                AND NOT EXISTS (SELECT 1 FROM incident WHERE incident.id = proposal.incident)
            """)
    }

    private static func entry(_ row: Row) throws -> Entry {
        let text = try row.text(0)
        guard let proposal = try? Proposal(parsing: text) else { throw StateError("proposal", String(text.prefix(100))) }
        return Entry(
            proposal: proposal, order: try row.optionalText(1).flatMap(OrderID.init),
            taken: Timestamp(milliseconds: try row.integer(2)))
    }
}
