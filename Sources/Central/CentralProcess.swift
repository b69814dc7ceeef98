import Database
package import Evidence
import Hummingbird
package import Logging
package import Model
import NIOSSL
import Seal
package import ServiceLifecycle
import TransparencyLog
package import Wire

/// The whole server, wired once: `martlet-central` and the tests run the same.
package struct CentralProcess: Sendable {
    package let services: CentralServices
    private let web: CentralListener
    private let appliances: CentralListener
    private let integrator: LogIntegrator
    private let anchoring: CheckpointAnchoring
    private let works: [RecurringWork]
    private let intake: EvidenceIntake
    private let watch: AlertWatch
    /// In the order in which they start; they stop in reverse: first nobody is let in, then what is accepted is committed.
    package let run: [any Service]

    package static func build(
        _ configuration: CentralConfiguration, clock: WallClock, faults: CentralFaults = .none, logger: Logger
    ) async throws -> CentralProcess {
        let services = try await CentralServices.open(configuration, clock: clock, faults: faults)
        let limits = configuration.listenerLimits
        let (web, appliances) = (
            CentralListener("web", limits, logger: logger), CentralListener("appliances", limits, logger: logger)
        )
        let applianceURL = configuration.applianceURL
        let firstName = configuration.names.first ?? configuration.applianceHost
        let signer = try await services.logSigner(configuration)
        let enrollment = EnrollmentService(
            claims: services.claims, appliances: services.appliances,
            recoveries: RecoveryStore(services.database, now: clock.now, faults: faults), keys: services.keys,
            logKey: signer.verifier.text, certificateLifetime: configuration.clientCertificateLifetime,
            applianceURL: { applianceURL ?? "https://\(firstName):\(appliances.portIfBound ?? configuration.appliancePort)" },
            now: clock.now)
        let intake = EvidenceIntake(
            database: services.database, receiptKey: services.keys.receipts,
            tickets: TicketIntake(
                channels: configuration.notifications.channels, catalogKey: services.keys.catalog, asksPlanner: configuration.planner != nil
            ),
            now: clock.now, faults: faults, logger: logger)
        let certificates = ServerCertificates(
            keys: services.keys, names: configuration.names, lifetime: configuration.serverCertificateLifetime, clock: clock, web: web,
            appliances: appliances, logger: logger)
        let identity = try certificates.issue()
        try await services.objects.check(services.organizations(), logger)
        let repair = services.logRepair(logger)
        let integrator = LogIntegrator(
            database: services.database, objects: services.logObjects, repair: repair, signer: signer,
            clock: clock, faults: faults, logger: logger)
        let anchoring = try CheckpointAnchoring(configuration.anchors, store: services.anchors, clock: clock, logger: logger)
        let planner = PlannerWorker(
            configuration.planner, database: services.database, orders: services.orders, catalogKey: services.keys.catalog,
            channels: configuration.notifications.channels, pseudonyms: SitePseudonyms(directory: configuration.dataDirectory),
            clock: clock, faults: faults, logger: logger)
        let works = services.recurringWorks(repair, planner, logger)
        let pusher = try WitnessPusher(
            configuration.logWitnesses, database: services.database, reader: services.log(repair), clock: clock, faults: faults,
            logger: logger)
        let watch = AlertWatch(status: services.status, clock: clock, logger: logger)

        let webRouter = Router(context: CentralRequestContext.self)
        webRouter.add(middleware: ProblemMiddleware())
        WebRoutes(
            enrollment: enrollment, authorityPEM: services.keys.authority.pem,
            isHealthy: { (try? await services.database.read { try $0.query("SELECT 1") }) != nil }
        ).add(to: webRouter)
        LogRoutes(reader: services.log(repair)).add(to: webRouter)

        let applianceRouter = Router(context: CentralRequestContext.self)
        applianceRouter.add(middleware: ProblemMiddleware())
        applianceRouter.add(middleware: ApplianceIdentityMiddleware(appliances: services.appliances))
        ApplianceRoutes(
            checkins: CheckinService(
                database: services.database, now: clock.now, faults: faults, log: services.log(repair), logKey: signer.verifier,
                orderKey: services.keys.orders, policies: services.policies, logger: logger),
            catalogs: services.catalogs, policies: services.policies, orders: services.orders,
            intake: intake, enrollment: enrollment, faults: faults
        ).add(to: applianceRouter)

        return CentralProcess(
            services: services, web: web, appliances: appliances, integrator: integrator,
            anchoring: anchoring, works: works, intake: intake, watch: watch,
            run: [StoresService(services: services, planner: planner), integrator, pusher, intake, certificates, anchoring] + works + [
                watch,
                web.application(
                    webRouter, host: configuration.webHost, port: configuration.webPort, tls: certificates.webTLS(identity),
                    logger: logger),
                appliances.application(
                    applianceRouter, host: configuration.applianceHost, port: configuration.appliancePort,
                    tls: try certificates.applianceTLS(identity), logger: logger),
            ])
    }

    /// Covers everything that was sequenced until now by a published checkpoint, without waiting for the service that does so each
    /// second.
    package func integrateLog() async throws {
        while try await integrator.integrate() {}
    }

    /// Takes evidence in as the appliance API does once it knows who sends it: for filling a Central that runs without a network between.
    /// - Throws: as the API answers: `CentralError`, `DatabaseError`.
    package func take(_ bundles: [SignedBundle], from appliance: ApplianceID) async throws -> EvidenceReply {
        let serial = try await services.database.read { transaction in
            try transaction.query(
                "SELECT serial FROM certificate WHERE appliance_id = \(appliance.description) ORDER BY not_after DESC LIMIT 1"
            ).first?.text(0)
        }
        guard let serial else { throw CentralError.notFound("appliance") }
        return try await intake.submit(
            EvidenceSubmission(bundles: bundles), by: try await services.appliances.authenticate(serial: serial, appliance: appliance))
    }

    /// One pass of all anchors, without waiting for their services.
    package func anchor() async throws { try await anchoring.pass() }

    /// One turn of a recurring work, as its service takes it.
    package func takeTurn(of name: WorkName) async { await works.first { $0.name == name }?.takeTurn() }

    /// One look at what needs a person, as its service looks.
    /// - Returns: what was logged as new.
    package func watchAlerts() async throws -> [CentralAlert] { try await watch.look() }

    /// Once both listen.
    package func ports() async -> (web: Int, appliances: Int) { (await web.port(), await appliances.port()) }
}

/// Closes database, object stores and the model's connections when everything that uses them has stopped.
private struct StoresService: Service {
    let services: CentralServices
    let planner: PlannerWorker

    func run() async throws {
        try? await gracefulShutdown()
        await planner.close()
        await services.close()
    }
}
