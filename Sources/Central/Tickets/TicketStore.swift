import Database
package import Model
import Seal

/// Tickets as people work with them.
package struct TicketStore: Sendable {
    private static let textBytesMax = 2_000

    private let database: any SQLDatabase
    private let now: @Sendable () -> Timestamp
    private let channels: [NotificationChannel]
    private let packs: PackReading

    /// - Parameter catalogKey: with which catalogs are signed.
    init(
        _ database: any SQLDatabase, now: @escaping @Sendable () -> Timestamp, channels: [NotificationChannel], catalogKey: VerifyingKey
    ) {
        self.database = database
        packs = PackReading(database, key: catalogKey)
        self.now = now
        self.channels = channels
    }

    /// A ticket with all that helps to decide.
    package struct Story: Hashable, Sendable {
        package let ticket: Ticket
        package let organization: OrganizationID
        package let events: [TicketEvent]
        /// Other tickets of this practice about the same check, handed over for the same reason, the newest first.
        package let similar: [Ticket]
        /// How the newest of those was solved, in its person's words; nil where nobody wrote any.
        package let lastSolution: String?
        package let recommended: Recommendation

        /// Runbooks that were tried, with what came of each.
        package var attempts: [TicketEvent] { events.filter { $0.kind == .attempt } }
    }

    /// - Parameter all: resolved ones too.
    package func list(for person: OperatorCredential, all: Bool = false) async throws -> [Ticket] {
        try await database.read { transaction in
            try transaction.query(
                """
                SELECT \(raw: TicketTable.columns) FROM ticket WHERE state <> 'resolved' OR \(all) = 1
                ORDER BY state = 'resolved', resolve_by, incident_id
                """
            ).map(TicketTable.ticket)
        }
    }

    /// - Parameter text: the incident's id, or an end of it that only one ticket has.
    package func story(_ text: String, for person: OperatorCredential) async throws -> Story {
        let catalog = try await packs.newest()?.catalog
        return try await database.read { transaction in
            let ticket = try Self.find(text, in: transaction)
            let organization: OrganizationID = try transaction.query(
                "SELECT organization_id FROM ticket WHERE incident_id = \(ticket.incident.description)")[0].parsed(0)
            let similar = try transaction.query(
                """
                SELECT \(raw: TicketTable.columns) FROM ticket WHERE organization_id = \(organization.description)
                    AND check_id = \(ticket.check.description) AND code = \(ticket.code.description)
                    AND incident_id <> \(ticket.incident.description) ORDER BY opened_at DESC LIMIT 20
                """
            ).map(TicketTable.ticket)
            let solution = try transaction.query(
                """
                SELECT incident_event.text FROM incident_event JOIN ticket ON ticket.incident_id = incident_event.incident_id
                WHERE ticket.organization_id = \(organization.description) AND ticket.check_id = \(ticket.check.description)
                    AND ticket.code = \(ticket.code.description) AND incident_event.kind = 'resolved' AND incident_event.text <> ''
                    AND ticket.incident_id <> \(ticket.incident.description)
                ORDER BY incident_event.at DESC LIMIT 1
                """
            ).first?.text(0)
            let events = try TicketTable.events(of: ticket.incident, in: transaction)
            let elsewhere = try similar.flatMap { try TicketTable.events(of: $0.incident, in: transaction) }.filter { $0.kind == .attempt }
            return Story(
                ticket: ticket, organization: organization, events: events, similar: similar, lastSolution: solution,
                recommended: Recommendation(for: ticket, events, elsewhere: elsewhere, catalog: catalog))
        }
    }

    package enum Act: Hashable, Sendable {
        /// "I look after it": the answer that the first timer waits for.
        case acknowledge
        case assign(to: String)
        case note(String)
        /// How, in the person's words: shown where the same comes up again.
        case resolve(String)
        case reopen(String)
        /// The person's decision went to the appliance as an order.
        case order(OrderID)
    }

    /// - Throws: `CentralError` where there is no such ticket or its state does not allow it: nothing was changed.
    @discardableResult
    package func act(_ act: Act, on text: String, by person: OperatorCredential) async throws -> Ticket {
        let now = now()
        return try await database.write { [channels] transaction in
            guard let ticket = try TicketTable.take(try Self.find(text, in: transaction).incident, in: transaction) else {
                throw CentralError.notFound("ticket")
            }
            let id = ticket.incident.description
            func add(_ kind: TicketEvent.Kind, _ text: String = "") throws {
                try TicketTable.add(kind, to: ticket.incident, at: now, by: person.name, text: text, telling: channels, in: transaction)
            }
            func isOpen(_ wanted: Bool) throws {
                guard ticket.state.isOpen == wanted else { throw CentralError.ticketState(ticket.state) }
            }
            switch act {
            case .acknowledge:
                try isOpen(true)
                guard ticket.state == .open else { throw CentralError.ticketState(ticket.state) }
                try transaction.execute(
                    """
                    UPDATE ticket SET state = 'acknowledged', responded_at = \(now.milliseconds),
                        assignee = COALESCE(assignee, \(person.name)) WHERE incident_id = \(id)
                    """)
                try add(.acknowledged)
            case .assign(let assignee):
                try isOpen(true)
                let assignee = try Self.words(assignee, bytesMax: 200)
                try transaction.execute("UPDATE ticket SET assignee = \(assignee) WHERE incident_id = \(id)")
                try add(.assigned, assignee)
            case .note(let text): try add(.noted, try Self.words(text))
            case .resolve(let text):
                try isOpen(true)
                let text = try Self.words(text)
                try TicketTable.resolve(ticket.incident, at: now, in: transaction)
                try add(.resolved, text)
            case .reopen(let text):
                try isOpen(false)
                let text = try Self.words(text)
                try TicketTable.reopen(ticket, code: ticket.code, at: now, in: transaction)
                try add(.reopened, text)
            case .order(let order): try add(.ordered, order.description)
            }
            return try TicketTable.take(ticket.incident, in: transaction)!
        }
    }

    /// Closes what is open about a check that is switched off, in the transaction that switches it off.
    func close(_ entry: EnablementTable.Entry, of site: SiteID, in transaction: any SQLTransaction) throws {
        let open = try transaction.query(
            """
            SELECT incident_id FROM ticket WHERE site_id = \(site.description) AND check_id = \(entry.subject)
                AND \(entry.appliance?.description ?? "") IN ('', appliance_id) AND state <> 'resolved' ORDER BY incident_id
            """
        ).map { row -> IncidentID in try row.parsed(0) }
        for incident in open { try TicketTable.switchOff(incident, by: entry, at: entry.changed, telling: channels, in: transaction) }
    }

    private static func words(_ text: String, bytesMax: Int = textBytesMax) throws -> String {
        guard (1...bytesMax).contains(text.utf8.count), text.isPlain else {
            throw CentralError.value("a ticket takes 1 to \(bytesMax) bytes of plain text")
        }
        return text
    }

    private static func find(_ text: String, in transaction: any SQLTransaction) throws -> Ticket {
        // Ids made together begin alike and end at random.
        guard text.utf8.count >= 6, text.utf8.count <= 31, text.utf8.allSatisfy({ $0 != UInt8(ascii: "%") && $0 < 0x80 }) else {
            throw CentralError.notFound("ticket; give its id or the last six characters of it")
        }
        let escaped = text.replacing("_", with: "\\_")
        let found = try transaction.query(
            """
            SELECT \(raw: TicketTable.columns) FROM ticket WHERE incident_id LIKE \("%" + escaped) ESCAPE '\\' LIMIT 2
            """
        ).map(TicketTable.ticket)
        guard found.count == 1 else { throw CentralError.notFound("ticket; give its id or the last six characters of it") }
        return found[0]
    }
}
