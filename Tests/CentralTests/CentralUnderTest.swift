import AsyncHTTPClient
import Central
import Database
import Foundation
import Logging
import Model
import NIOCore
import NIOHTTP1
import NIOSSL
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

    private init(_ configuration: CentralConfiguration, _ clock: TestClock) async throws {
        self.configuration = configuration
        self.clock = clock
        var logger = Logger(label: "central", factory: { _ in SwiftLogNoOpLogHandler() })
        logger.logLevel = .critical
        process = try await CentralProcess.build(configuration, clock: clock.clock, logger: logger)
        let group = ServiceGroup(configuration: .init(services: process.run, logger: logger))
        self.group = group
        running = Task { try await group.run() }
        (webPort, appliancePort) = await process.ports()
    }

    func stop() async throws {
        await group.triggerGracefulShutdown()
        try await running.value
    }

    var services: CentralServices { process.services }
    var authority: NIOSSLCertificate { get throws { try NIOSSLCertificate(bytes: services.keys.authority.der, format: .der) } }
    static let person = OperatorCredential(localUser: "test@central")

    /// Makes keys, starts a server, runs `body`, stops it. `body` may stop and start it again by `restart`.
    static func run(
        _ engine: TestEngine, clock: TestClock = TestClock(), change: (inout CentralConfiguration) -> Void = { _ in },
        _ body: (CentralUnderTest) async throws -> Void
    ) async throws {
        let directory = try TemporaryDirectory()
        let database = try await TestDatabase(engine)
        var configuration = CentralConfiguration(dataDirectory: directory.file("central"), databaseURL: database.url)
        configuration.webPort = 0
        configuration.appliancePort = 0
        change(&configuration)
        _ = try CentralKeys.create(in: configuration.dataDirectory, at: clock.now)
        let central = try await CentralUnderTest(configuration, clock)
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
    func again() async throws -> CentralUnderTest { try await CentralUnderTest(configuration, clock) }

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

    /// One request; `identity` nil shows no certificate.
    func send(
        _ method: String, _ path: String, to listener: Listener, body: [UInt8]? = nil, as identity: BoxIdentity? = nil
    ) async throws -> Answer {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates([try authority])
        tls.minimumTLSVersion = .tlsv13
        if let identity {
            tls.certificateChain = [.certificate(try identity.certificate)]
            tls.privateKey = .privateKey(try identity.privateKey)
        }
        var settings = HTTPClient.Configuration(tlsConfiguration: tls)
        settings.httpVersion = .http1Only
        settings.timeout = .init(connect: .seconds(5), read: .seconds(60))
        let client = HTTPClient(configuration: settings)
        do {
            let port = listener == .web ? webPort : appliancePort
            var request = HTTPClientRequest(url: "https://localhost:\(port)\(path)")
            request.method = .RAW(value: method)
            if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
            let response = try await client.execute(request, timeout: .seconds(60))
            let bytes = Array(buffer: try await response.body.collect(upTo: 16 << 20))
            try await client.shutdown()
            return Answer(
                status: Int(response.status.code), type: response.headers.first(name: "content-type") ?? "", body: bytes)
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    enum Listener { case web, appliances }
}

struct Answer: Sendable {
    let status: Int
    let type: String
    let body: [UInt8]

    var json: JSONValue? { try? JSONValue(parsing: body, limits: JSONLimits(bytesMax: 16 << 20)) }
    /// Our code in a problem document; nil for any other answer.
    var code: String? { type == "application/problem+json" ? json?["code"]?.string : nil }
}
