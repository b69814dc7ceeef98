import Central
import Database
import Foundation
import Logging
import Model
import Seal
import ServiceLifecycle
import TestSupport
import Wire

/// The real server, built as `martlet-central` builds it, on loopback with real TLS and a real database.
final class CentralUnderTest: Sendable {
    let configuration: CentralConfiguration
    let clock: TestClock
    let process: CentralProcess
    let webPort: Int
    let appliancePort: Int
    private let group: ServiceGroup
    private let running: Task<Void, any Error>

    private init(_ configuration: CentralConfiguration, _ clock: TestClock, hasRecurringWork: Bool = true) async throws {
        self.configuration = configuration
        self.clock = clock
        var logger = Logger(label: "central", factory: { _ in SwiftLogNoOpLogHandler() })
        logger.logLevel = .critical
        process = try await CentralProcess.build(configuration, clock: clock.clock, logger: logger)
        let group = ServiceGroup(
            configuration: .init(services: process.run.filter { hasRecurringWork || !($0 is RecurringWork) }, logger: logger))
        self.group = group
        running = Task { try await group.run() }
        (webPort, appliancePort) = await process.ports()
    }

    func stop() async throws {
        await group.triggerGracefulShutdown()
        try await running.value
    }

    var services: CentralServices { process.services }
    static let person = OperatorCredential(localUser: "test@central")

    /// Makes keys, starts a server, runs `body`, stops it. `body` may stop and start it again by `restart`.
    /// - Parameter hasRecurringWork: false for tests that take its turns themselves.
    static func run(
        _ engine: TestEngine, clock: TestClock = TestClock(), change: (inout CentralConfiguration) -> Void = { _ in },
        hasRecurringWork: Bool = true,
        _ body: (CentralUnderTest) async throws -> Void
    ) async throws {
        let directory = try TemporaryDirectory()
        let database = try await TestDatabase(engine)
        var configuration = CentralConfiguration(dataDirectory: directory.file("central"), databaseURL: database.url)
        configuration.webPort = 0
        configuration.appliancePort = 0
        // A day, so that tests reach its end while Central's own certificate is valid.
        configuration.clientCertificateLifetime = .seconds(86_400)
        change(&configuration)
        _ = try CentralKeys.create(in: configuration.dataDirectory, at: clock.now)
        let central = try await CentralUnderTest(configuration, clock, hasRecurringWork: hasRecurringWork)
        do {
            try await body(central)
        } catch {
            try? await central.stop()
            throw error
        }
        try await central.stop()
        withExtendedLifetime((directory, database)) {}
    }

    /// Another process over the same directory and database.
    func again(hasRecurringWork: Bool = true) async throws -> CentralUnderTest {
        try await CentralUnderTest(configuration, clock, hasRecurringWork: hasRecurringWork)
    }

    /// What needs a person at another time, without moving this Central's clock.
    static func status(of central: CentralUnderTest, after span: Duration) -> CentralStatus {
        central.services.status.moved(to: TestClock(at: central.clock.now + span).clock)
    }

    struct Tenant: Sendable {
        let scope: TenantScope
        let site: SiteID
    }

    func makeTenant(_ name: String = "Lakeside Clinic") async throws -> Tenant {
        let organization = try await services.tenants.createOrganization(name, by: Self.person)
        let scope = TenantScope(Self.person, organization: organization.id)
        return Tenant(scope: scope, site: try await services.tenants.createSite("Main Street", in: scope).id)
    }

    func makeClaim(_ tenant: Tenant, lifetime: Duration = .seconds(3_600)) async throws -> ClaimCode {
        let code = ClaimCode(authority: Digest(of: services.keys.authority.der))
        try await services.claims.create(
            secret: code.secret, site: tenant.site, scope: tenant.scope, lifetime: lifetime, by: Self.person)
        return code
    }

    var endpoint: CentralEndpoint {
        CentralEndpoint(webPort: webPort, appliancePort: appliancePort, authority: services.keys.authority.der)
    }

    func send(
        _ method: String, _ path: String, to listener: CentralEndpoint.Listener, body: [UInt8]? = nil, as identity: BoxIdentity? = nil
    ) async throws -> Answer {
        try await endpoint.send(method, path, to: listener, body: body, as: identity)
    }
}
