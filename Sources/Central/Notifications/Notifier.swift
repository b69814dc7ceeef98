import AsyncHTTPClient
import Database
import Documents
import Model
import NIOCore
import NIOHTTP1
import NIOSSL
import Seal

/// Delivers what has to be told, each message until it was taken or a day has passed. A message may come twice, never not at all.
struct Notifier: Sendable {
    private static let turnMax = 200

    let channels: [NotificationChannel]
    let mailServer: NotificationsConfiguration.MailServer?
    let database: any SQLDatabase
    let deliveries: DeliveryTable
    let now: @Sendable () -> Timestamp

    /// - Returns: how many were taken by their receivers.
    @discardableResult
    func turn() async throws -> Int {
        var sent = 0
        try await withThrowingTaskGroup(of: Int.self) { group in
            for name in try await deliveries.dueChannels() {
                group.addTask { try await deliver(deliveries.due(for: name, limit: Self.turnMax), to: name) }
            }
            for try await count in group { sent += count }
        }
        return sent
    }

    private func deliver(_ entries: [DeliveryTable.Entry], to name: String) async throws -> Int {
        guard let channel = channels.first(where: { $0.name == name }) else {
            for entry in entries { try await deliveries.failed(entry, "there is no \(name) in notifications any more") }
            return 0
        }
        let sender: Sender
        do { sender = try Sender(channel, mailServer) } catch {
            for entry in entries { try await deliveries.failed(entry, "its ca cannot be used: \(error)") }
            return 0
        }
        var sent = 0
        for entry in entries {
            do {
                guard let message = try await message(entry) else {
                    throw NotificationFailure(description: "its ticket is not there")
                }
                try await sender.send(message, at: now())
                try await deliveries.sent(entry)
                sent += 1
            } catch let error as DatabaseError {
                await sender.close()
                throw error
            } catch {
                try await deliveries.failed(entry, "\(error)")
                // The rest has the next turn: one that is slow or down costs each turn one message's time, and delays nobody else.
                break
            }
        }
        await sender.close()
        return sent
    }

    private func message(_ entry: DeliveryTable.Entry) async throws -> TicketMessage? {
        try await database.read { transaction in
            let id = entry.incident.description
            let tickets = try transaction.query("SELECT \(raw: TicketTable.columns) FROM ticket WHERE incident_id = \(id)")
            guard let ticket = try tickets.first.map(TicketTable.ticket),
                let event = try TicketTable.events(of: entry.incident, in: transaction).first(where: { $0.number == entry.number })
            else { return nil }
            let name = try transaction.query("SELECT name FROM site WHERE id = \(ticket.site.description)").first?.text(0)
            return TicketMessage(ticket: ticket, event: event, siteName: name ?? ticket.site.description)
        }
    }
}

struct NotificationFailure: Error, CustomStringConvertible { let description: String }

/// One way out, for one turn.
private struct Sender: Sendable {
    private static let deadline: TimeAmount = .seconds(10)

    private let channel: NotificationChannel
    private let http: HTTPClient?
    private let mailServer: NotificationsConfiguration.MailServer?

    init(_ channel: NotificationChannel, _ mailServer: NotificationsConfiguration.MailServer?) throws {
        self.channel = channel
        self.mailServer = mailServer
        guard case .webhook(_, _, let authorityPath) = channel.way else {
            http = nil
            return
        }
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let authorityPath {
            let pem = try YAMLReader.contents(path: authorityPath, bytesMax: 1 << 20)
            tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(pem))
        }
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        // A message goes where it was meant to go.
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: .seconds(5), read: .seconds(10))
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func send(_ message: TicketMessage, at now: Timestamp) async throws {
        switch channel.way {
        case .webhook(let url, let secret, _):
            let body = try message.json.canonicalBytes()
            var request = HTTPClientRequest(url: url)
            request.method = .POST
            request.headers.add(name: "content-type", value: "application/json")
            request.headers.add(name: "martlet-delivery", value: message.id)
            request.headers.add(
                name: "martlet-signature", value: TicketMessage.signature(of: body, with: secret.revealed(), at: now))
            request.body = .bytes(ByteBuffer(bytes: body))
            guard let http else { return }
            let response = try await http.execute(request, deadline: .now() + Self.deadline)
            // Its status is the answer; the body is read only so that the connection can be used again.
            _ = try? await response.body.collect(upTo: 65_536)
            guard (200..<300).contains(response.status.code) else {
                throw NotificationFailure(description: "it answered \(response.status.code)")
            }
        case .mail(let recipients):
            guard let mailServer else { throw NotificationFailure(description: "there is no mail server") }
            try await MailClient(mailServer).send(message, to: recipients, at: now)
        }
    }

    func close() async {
        // Throws only when it was shut down before.
        try? await http?.shutdown()
    }
}
