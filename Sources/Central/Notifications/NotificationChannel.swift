package import Documents
package import Model

/// Somebody outside of Central who is told what happens to tickets.
package struct NotificationChannel: Hashable, Sendable {
    package enum Way: Hashable, Sendable {
        /// - secret: under which each message is authenticated (HMAC-SHA256).
        case webhook(url: String, secret: Secret, authorityPath: String?)
        case mail(to: [String])
    }

    /// Names its deliveries for ever.
    package let name: String
    package let way: Way
    /// Tickets below it are not told.
    package let priorityMin: Severity

    package init(name: String, way: Way, priorityMin: Severity = .low) {
        self.name = name
        self.way = way
        self.priorityMin = priorityMin
    }
}

/// Who is told, typed. The declarations are the manual.
package struct NotificationsConfiguration: Sendable {
    package struct MailServer: Hashable, Sendable {
        /// `smtp://host:port` (STARTTLS, which must be there) or `smtps://host:port`.
        package var url: String
        package var from: String
        /// user:password.
        package var login: Secret?
        /// PEM file of the authorities that may vouch for the server instead of the system's.
        package var authorityPath: String?

        package init(url: String, from: String, login: Secret?, authorityPath: String?) {
            self.url = url
            self.from = from
            self.login = login
            self.authorityPath = authorityPath
        }
    }

    package var channels: [NotificationChannel] = []
    package var mailServer: MailServer?

    package init() {}

    static let name = Setting<String>.text("name", bytesMax: 40, manual: "What it is called in lists; its deliveries go by it.")
    static let url = Setting<String>.text("url", bytesMax: 500, manual: "Where messages are posted, https:// (http:// on loopback only).")
    static let secret = Setting<Secret>.secret("secret", manual: "Authenticates the messages (HMAC-SHA256); at least 16 bytes.")
    static let authority = Setting<String>.path(
        "ca", .optional, manual: "PEM file of a private authority that vouches for the server, instead of the system's.")
    static let priority = Setting<String>.text(
        "priority", .default("low"), bytesMax: 8, manual: "The lowest priority that is told: low, medium, high or critical.")
    static let recipients = Setting<[String]>.texts("to", countMax: 50, manual: "Addresses of mail.")
    static let webhooks = Setting<[Settings]>.list(
        "notifications.webhooks",
        of: [name.declaration, url.declaration, secret.declaration, authority.declaration, priority.declaration], countMax: 20,
        manual: "Servers to which every event of a ticket is posted, signed (docs/tickets.md).")
    static let mails = Setting<[Settings]>.list(
        "notifications.mail", of: [name.declaration, recipients.declaration, priority.declaration], countMax: 20,
        manual: "People who get events of tickets by mail.")
    static let mailURL = Setting<String>.text(
        "notifications.smtp.url", .optional, bytesMax: 300,
        manual: "The mail server: smtp://HOST:PORT, which must offer STARTTLS, or smtps://HOST:PORT.")
    static let mailFrom = Setting<String>.text(
        "notifications.smtp.from", .optional, bytesMax: 300, manual: "The address that mail comes from.")
    static let mailLogin = Setting<Secret>.secret("notifications.smtp.login", .optional, manual: "user:password for the mail server.")
    static let mailAuthority = Setting<String>.path(
        "notifications.smtp.ca", .optional, manual: "PEM file of a private authority that vouches for the mail server.")

    /// For Central's schema.
    package static let declarations = [
        webhooks.declaration, mails.declaration, mailURL.declaration, mailFrom.declaration, mailLogin.declaration,
        mailAuthority.declaration,
    ]

    /// - Throws: `CentralError.notifications`: what is told to nobody must not look as if it were.
    package init(_ settings: Settings) throws(CentralError) {
        for item in settings[Self.webhooks] {
            let (url, secret) = (item[Self.url], item[Self.secret])
            guard url.hasPrefix("https://") || url.hasPrefix("http://127.0.0.1:") || url.hasPrefix("http://[::1]:") else {
                throw .notifications("\(item[Self.name]): a webhook's url begins with https://")
            }
            guard secret.revealed().utf8.count >= 16 else { throw .notifications("\(item[Self.name]): its secret has under 16 bytes") }
            try add(item, .webhook(url: url, secret: secret, authorityPath: item.optional(Self.authority)))
        }
        if let url = settings.optional(Self.mailURL) {
            guard url.hasPrefix("smtp://") || url.hasPrefix("smtps://") else {
                throw .notifications("notifications.smtp.url begins with smtp:// or smtps://")
            }
            guard let from = settings.optional(Self.mailFrom), Self.isAddress(from) else {
                throw .notifications("notifications.smtp.from is no address")
            }
            mailServer = MailServer(
                url: url, from: from, login: settings.optional(Self.mailLogin), authorityPath: settings.optional(Self.mailAuthority))
        }
        for item in settings[Self.mails] {
            let to = item[Self.recipients]
            guard mailServer != nil else { throw .notifications("\(item[Self.name]): there is no notifications.smtp.url") }
            guard !to.isEmpty, to.allSatisfy(Self.isAddress) else { throw .notifications("\(item[Self.name]): to takes addresses") }
            try add(item, .mail(to: to))
        }
    }

    private mutating func add(_ item: Settings, _ way: NotificationChannel.Way) throws(CentralError) {
        let name = item[Self.name]
        guard name.isPlain, !name.isEmpty, !channels.contains(where: { $0.name == name }) else {
            throw .notifications("each of notifications has a name of its own")
        }
        guard let priority = Severity(rawValue: item[Self.priority]) else {
            throw .notifications("\(name): its priority is low, medium, high or critical")
        }
        channels.append(NotificationChannel(name: name, way: way, priorityMin: priority))
    }

    /// As much of RFC 5321 as people use; nothing that could end a header or a command.
    private static func isAddress(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty } && text.utf8.count <= 254
            && text.utf8.allSatisfy { (0x21...0x7e).contains($0) && !"<>()[],;:\"\\".utf8.contains($0) }
    }
}
