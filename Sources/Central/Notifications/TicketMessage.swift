import Crypto
import Model
import Seal

/// One event of a ticket as people outside are told: labels and codes, which hold nothing of a patient.
struct TicketMessage: Sendable {
    static let schema = "martlet.ticket-event/v1"

    let ticket: Ticket
    let event: TicketEvent
    let siteName: String

    /// The same for each attempt, so that a receiver sees what it has already.
    var id: String { "\(ticket.incident)-\(event.number)" }

    private func text(_ instant: Timestamp?) -> JSONValue { instant.map { .string($0.description) } ?? .null }

    var json: JSONValue {
        .object([
            "schema": .string(Self.schema), "id": .string(id), "at": .string(event.at.description), "event": .string(event.kind.rawValue),
            "person": event.person.map { .string($0) } ?? .null, "text": .string(event.text),
            "ticket": .object([
                "incident": .string(ticket.incident.description), "site": .string(ticket.site.description),
                "siteName": .string(siteName), "appliance": .string(ticket.appliance.description),
                "host": .string(ticket.host.description), "check": .string(ticket.check.description),
                "code": .string(ticket.code.description), "priority": .string(ticket.priority.rawValue),
                "state": .string(ticket.state.rawValue), "assignee": ticket.assignee.map { .string($0) } ?? .null,
                "level": .integer(ticket.level), "opened": text(ticket.opened), "respondBy": text(ticket.due.respond),
                "escalateBy": text(ticket.due.escalate), "resolveBy": text(ticket.due.resolve), "responded": text(ticket.responded),
                "resolved": text(ticket.resolved),
            ]),
        ])
    }

    /// `t=SECONDS,v1=HEX`: HMAC-SHA256 with the secret over the seconds of the attempt, a full stop and the body.
    static func signature(of body: [UInt8], with secret: String, at now: Timestamp) -> String {
        let seconds = "\(now.milliseconds / 1_000)"
        let code = HMAC<SHA256>.authenticationCode(
            for: Array(seconds.utf8) + [UInt8(ascii: ".")] + body, using: .init(data: Array(secret.utf8)))
        return "t=\(seconds),v1=\(Array(code).hexadecimal)"
    }

    var subject: String { "[\(ticket.priority.rawValue)] \(siteName): \(ticket.check) on \(ticket.host) \(Self.words(event.kind))" }

    /// What, where, since when, and what to do.
    var lines: [String] {
        [
            "\(Self.words(event.kind)): \(ticket.check) on \(ticket.host) at \(siteName)", "",
            "reason     \(ticket.code)", "priority   \(ticket.priority.rawValue), level \(ticket.level)",
            "opened     \(ticket.opened)", "answer by  \(ticket.due.respond)", "solve by   \(ticket.due.resolve)",
            "assignee   \(ticket.assignee ?? "nobody")", "",
            event.person.map { "\($0): \(event.text)" } ?? event.text, "",
            "martlet central ticket show \(ticket.incident)",
        ]
    }

    private static func words(_ kind: TicketEvent.Kind) -> String {
        switch kind {
        case .opened: "needs a person"
        case .reopened: "needs a person again"
        case .escalated: "was not resolved in time and goes up"
        case .responseLate: "was not answered in time"
        case .resolutionLate: "is not solved in time"
        case .resolved: "is resolved"
        case .switchedOff: "is closed, because its check was switched off"
        default: kind.rawValue
        }
    }
}
