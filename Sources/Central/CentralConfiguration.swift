package import Documents
import Model
package import Objects
package import Planner
package import TransparencyLog

/// Everything `martlet-central` can be told, typed. The declarations are the manual.
package struct CentralConfiguration: Sendable {
    package var dataDirectory: String
    package var databaseURL: Secret
    package var databaseConnections: Int = 4
    package var webHost = "127.0.0.1"
    package var webPort = 8_442
    package var applianceHost = "127.0.0.1"
    package var appliancePort = 8_443
    package var names = ["localhost", "127.0.0.1"]
    /// Where appliances find the appliance API. nil: `https://` and the first name with the port that is listened on.
    package var applianceURL: String?
    package var clientCertificateLifetime: Duration = .seconds(86_400)
    package var serverCertificateLifetime: Duration = .seconds(30 * 86_400)
    package var claimLimits = ClaimLimits()
    /// nil: the first of `names`, and `/log`.
    package var logOrigin: String?
    package var logWitnesses: [ConfiguredWitness] = []
    package var logQuorum = 0
    package var listenerLimits = ListenerLimits()
    /// Where tiles of the log and archived evidence are kept.
    package var objects = ObjectsConfiguration.standard
    /// How long evidence may wait until it is archived with what comes after it.
    package var archiveDelay: Duration = .seconds(3_600)
    package var anchors = AnchorsConfiguration()
    package var notifications = NotificationsConfiguration()
    /// The model that is asked where no rule helps; nil: nobody is asked.
    package var planner: ModelSettings.Model?

    package var witnessPolicy: WitnessPolicy { WitnessPolicy(witnesses: logWitnesses.map(\.key), quorum: logQuorum) }

    package init(dataDirectory: String, databaseURL: String? = nil) {
        self.dataDirectory = dataDirectory
        self.databaseURL = Secret(databaseURL ?? "sqlite:\(dataDirectory)/central.db")
    }

    package static let dataDirectory = Setting<String>.path(
        "dataDirectory", .default("/var/lib/martlet-central"), manual: "Where Central's keys lie, and its database when that is SQLite.")
    package static let databaseURL = Setting<Secret>.secret(
        "database.url", .optional,
        manual: "sqlite:PATH or postgres://USER@HOST/NAME?sslmode=verify-full. Without it: sqlite:central.db in the data directory.")
    package static let databaseConnections = Setting<Int64>.integer(
        "database.connections", .default(4), in: 1...64, manual: "Connections to PostgreSQL. SQLite ignores it.")
    package static let webHost = Setting<String>.text(
        "web.host", .default("127.0.0.1"), bytesMax: 255, manual: "Address on which enrolment listens.")
    package static let webPort = Setting<Int64>.integer(
        "web.port", .default(8_442), in: 0...65_535, manual: "Port of enrolment; 0 takes a free one.")
    package static let applianceHost = Setting<String>.text(
        "appliances.host", .default("127.0.0.1"), bytesMax: 255, manual: "Address on which the appliance API listens.")
    package static let appliancePort = Setting<Int64>.integer(
        "appliances.port", .default(8_443), in: 0...65_535, manual: "Port of the appliance API; 0 takes a free one.")
    package static let applianceURL = Setting<String>.text(
        "appliances.url", .optional, bytesMax: 300,
        manual: "Where appliances find the appliance API, given to them at enrolment. Without it: https, the first of names, and the port.")
    package static let names = Setting<[String]>.texts(
        "names", .default(["localhost", "127.0.0.1"]), countMax: 20,
        manual: "Host names and addresses by which appliances reach Central; they stand in its certificate.")
    package static let clientCertificateLifetime = Setting<Duration>.duration(
        "certificates.applianceLifetime", .default(.seconds(86_400)), in: .seconds(300)...(.seconds(90 * 86_400)),
        manual: "How long an appliance's certificate is valid. It renews itself after two thirds; an appliance that was offline for "
            + "longer asks for a new one with its evidence key. Revocation does not wait for it.")
    package static let serverCertificateLifetime = Setting<Duration>.duration(
        "certificates.serverLifetime", .default(.seconds(30 * 86_400)), in: .seconds(300)...(.seconds(397 * 86_400)),
        manual: "How long a certificate of Central's own listeners is valid. It renews itself after two thirds.")

    package static let logOrigin = Setting<String>.text(
        "log.origin", .optional, bytesMax: 200,
        manual: "The transparency log's name for ever, like a URL without its scheme. Without it: the first of names at the first start, "
            + "and /log.")
    package static let archiveDelay = Setting<Duration>.duration(
        "archive.delay", .default(.seconds(3_600)), in: .seconds(60)...(.seconds(86_400)),
        manual: "How long accepted evidence may wait for more before it is archived among the objects; a thousand bundles never wait.")
    package static let logWitnesses = Setting<[String]>.texts(
        "log.witnesses", .default([]), countMax: 20,
        manual: "Witnesses to which new checkpoints are brought, each as its URL, a space, and its key (name+hash+key) as "
            + "`martlet witness` prints it; then, for one whose certificate a private authority issued, a space and the path of that "
            + "authority's PEM file, which is trusted for this witness only. Appliances are witnesses without standing here.")
    package static let logQuorum = Setting<Int64>.integer(
        "log.quorum", .default(0), in: 0...20,
        manual: "How many of log.witnesses must cosign a checkpoint within two merge delays; where they do not, "
            + "`martlet central log` says so.")
    package static let connectionsMax = Setting<Int64>.integer(
        "connections.max", .default(4_000), in: 10...100_000,
        manual: "Connections that each listener holds at once; further ones are closed before they cost anything.")
    package static let connectionsPerAddressMax = Setting<Int64>.integer(
        "connections.perAddressMax", .default(200), in: 2...100_000,
        manual: "Connections of one address (IPv6: of one /64) that each listener holds at once. Raise it where many appliances share one "
            + "address.")

    private static let plannerSettings = ModelSettings(section: "planner.")

    package static let schema = SettingsSchema(
        program: "martlet-central", "Central: enrolment, orders, evidence.",
        [
            dataDirectory.declaration, databaseURL.declaration, databaseConnections.declaration, webHost.declaration, webPort.declaration,
            applianceHost.declaration, appliancePort.declaration, applianceURL.declaration, names.declaration,
            clientCertificateLifetime.declaration, serverCertificateLifetime.declaration, logOrigin.declaration,
            logWitnesses.declaration, logQuorum.declaration, connectionsMax.declaration, connectionsPerAddressMax.declaration,
            archiveDelay.declaration,
        ] + ObjectsConfiguration.declarations + AnchorsConfiguration.declarations + NotificationsConfiguration.declarations
            + plannerSettings.declarations,
        otherVariables: ["MARTLET_CONFIG"])

    /// - Throws: `CentralError.logWitnesses`, `Diagnostics`.
    package init(_ settings: Settings) throws {
        self.init(dataDirectory: settings[Self.dataDirectory])
        if let url = settings.optional(Self.databaseURL) { databaseURL = url }
        databaseConnections = Int(settings[Self.databaseConnections])
        webHost = settings[Self.webHost]
        webPort = Int(settings[Self.webPort])
        applianceHost = settings[Self.applianceHost]
        appliancePort = Int(settings[Self.appliancePort])
        applianceURL = settings.optional(Self.applianceURL)
        names = settings[Self.names]
        clientCertificateLifetime = settings[Self.clientCertificateLifetime]
        serverCertificateLifetime = settings[Self.serverCertificateLifetime]
        logOrigin = settings.optional(Self.logOrigin)
        logWitnesses = try settings[Self.logWitnesses].map { text throws(CentralError) in try ConfiguredWitness(text) }
        // One key counts once, under whatever names and at whatever addresses it is listed.
        guard Set(logWitnesses.map(\.key.key)).count == logWitnesses.count else {
            throw CentralError.logWitnesses("log.witnesses names one key twice")
        }
        logQuorum = Int(settings[Self.logQuorum])
        guard logQuorum <= logWitnesses.count else { throw CentralError.logWitnesses("log.quorum is above their number") }
        listenerLimits.connectionsMax = Int(settings[Self.connectionsMax])
        listenerLimits.connectionsPerAddressMax = Int(settings[Self.connectionsPerAddressMax])
        archiveDelay = settings[Self.archiveDelay]
        objects = try ObjectsConfiguration(settings)
        anchors = try AnchorsConfiguration(settings)
        notifications = try NotificationsConfiguration(settings)
        planner = try Self.plannerSettings.read(settings)
    }
}

extension CentralConfiguration {
    /// - Parameters:
    ///   - path: the file that MARTLET_CONFIG names; nil where there is none.
    ///   - environment: all variables of the process.
    /// - Throws: `Diagnostic`, `Diagnostics`: every fault with its place.
    package init(file path: String?, environment: [String: String]) throws {
        let file = try path.map { try YAMLReader.read(path: $0) }
        try self.init(try Settings(Self.schema, file: file, environment: environment))
    }
}
