import Catalog
import Central
import Compliance
import Database
import Evidence
import Foundation
import Healing
import Logging
import Model
import Planner
import Seal
import ServiceLifecycle
import TestSupport
import TransparencyLog
import Wire

/// A real Central in this process: SQLite, TLS, two listeners on loopback. Can be stopped and started again on the same
/// ports and data.
actor LabCentral {
    nonisolated let directory: TemporaryDirectory
    nonisolated let credential = OperatorCredential(localUser: "lab")
    private var configuration: CentralConfiguration
    private let clock: WallClock
    private let ports: [ReservedPort]
    private var running: (process: CentralProcess, group: ServiceGroup, task: Task<Void, any Error>)?

    /// - Parameter planner: the model that is asked where no rule helps.
    init(
        clock: WallClock = .system, clientCertificateLifetime: Duration = .seconds(90 * 86_400), planner: ModelSettings.Model? = nil
    ) throws {
        directory = try TemporaryDirectory()
        configuration = CentralConfiguration(dataDirectory: directory.path)
        // Nobody else gets them while this Central is down: what waits for it finds it, or nothing.
        ports = [try ReservedPort(), try ReservedPort()]
        configuration.webPort = ports[0].number
        configuration.appliancePort = ports[1].number
        configuration.names = ["localhost", "127.0.0.1"]
        configuration.clientCertificateLifetime = clientCertificateLifetime
        configuration.serverCertificateLifetime = .seconds(397 * 86_400)
        configuration.planner = planner
        self.clock = clock
        _ = try CentralKeys.create(in: directory.path, at: clock.now())
    }

    /// Makes those that are missing.
    func remakeKeys() throws { _ = try CentralKeys.create(in: directory.path, at: clock.now()) }

    func start() async throws {
        var logger = Logger(label: "central")
        logger.logLevel = .error
        let process = try await CentralProcess.build(configuration, clock: clock, logger: logger)
        let group = ServiceGroup(configuration: .init(services: process.run, logger: logger))
        let task = Task { try await group.run() }
        running = (process, group, task)
        _ = await process.ports()
    }

    func stop() async throws {
        guard let running else { return }
        self.running = nil
        await running.group.triggerGracefulShutdown()
        try await running.task.value
    }

    /// For an operator beside a `martlet-central` that runs as a process of its own.
    func open() async throws -> CentralServices { try await CentralServices.open(configuration, clock: clock) }

    /// For programs that work on the same data and ports.
    var environment: [String: String] {
        [
            "PATH": "/usr/bin:/bin", "MARTLET_DATA_DIRECTORY": directory.path, "MARTLET_WEB_PORT": "\(configuration.webPort)",
            "MARTLET_APPLIANCES_PORT": "\(configuration.appliancePort)",
        ]
    }

    func integrateLog() async throws { try await running!.process.integrateLog() }

    func log(_ services: CentralServices) throws -> LogReader { try services.log(configuration) }

    /// What a stranger must know to judge the log.
    func logTrust() throws -> LogTrust {
        let key = try SigningKey(contentsOf: directory.path + "/log.key").verifyingKey
        return LogTrust(logKeys: [try NoteVerifier(name: "localhost/log", key: key)])
    }

    var services: CentralServices { running!.process.services }
    var webURL: String { "https://127.0.0.1:\(configuration.webPort)" }

    /// A site of its own with one claim code for it.
    func site() async throws -> LabSite {
        let organization = try await services.tenants.createOrganization("Practice", by: credential)
        let scope = TenantScope(credential, organization: organization.id)
        let site = try await services.tenants.createSite("Main street", in: scope)
        let claim = ClaimCode(authority: Digest(of: services.keys.authority.der))
        try await services.claims.create(secret: claim.secret, site: site.id, scope: scope, lifetime: .seconds(3_600), by: credential)
        return LabSite(site: site.id, scope: scope, code: claim.text)
    }

    func publish(_ catalog: CompiledCatalog) async throws {
        // One that was started with the public half of a catalog key cannot publish by itself.
        guard let signer = services.keys.catalogSigner else { throw DidNotHappen(description: "this Central has no catalog key") }
        let pack = CatalogPack.sign(try CatalogPack.encode(catalog, schema: .code()), with: signer)
        _ = try await services.catalogs.publish(pack, by: credential)
    }

    func change(_ kind: EnablementStatement.Kind, _ id: String, isEnabled: Bool, at site: LabSite) async throws {
        let draft = EnablementRegister.Draft(
            appliance: nil, kind: kind, id: id, isEnabled: isEnabled, by: "alice@msp.example", reason: "the vendor is at it")
        _ = try await services.enablement.change(draft, site: site.site, in: site.scope)
    }

    func order(_ draft: OrderDraft, _ site: LabSite) async throws -> Order { try await services.orders.create(draft, in: site.scope) }

    /// Everything that Central holds of a site, each bundle verified again, as one unbroken chain.
    func evidence(of site: LabSite) async throws -> [VerifiedBundle] {
        let keys = try await services.evidence.keys(of: site.site, in: site.scope).map {
            EnrolledKey(key: VerifyingKey(bytes: $0.key)!, validFrom: Timestamp(milliseconds: 0), validUntil: nil)
        }
        var bundles: [VerifiedBundle] = []
        while true {
            let after =
                bundles.last.map { (appliance: $0.record.origin.appliance.description, sequence: $0.record.link.sequence) } ?? ("", -1)
            let page = try await services.evidence.page(of: site.site, in: site.scope, after: after, limit: 500)
            bundles += try page.map { try VerifiedBundle($0.bundle, keys: keys) }
            if page.count < 500 { return bundles }
        }
    }
}

struct LabSite: Sendable {
    let site: SiteID
    let scope: TenantScope
    let code: String
}
