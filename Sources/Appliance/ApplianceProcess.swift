import Database
import Glibc
import Hosts
package import Logging
package import Model
import Redaction
import Seal
package import ServiceLifecycle
package import UnixSignals

/// The appliance, put together: the same for `main` and for tests.
package struct ApplianceProcess: Sendable {
    package let context: ApplianceContext
    package let detect: DetectService
    package let heal: HealService
    package let continuity: ContinuityService
    package let services: [PeriodicService]
    /// nil unless this appliance asks a model of its own.
    package let planner: LocalPlanner?
    private let manager: ServiceManager

    /// Opens everything and starts nothing. Refuses (throws) where going on would be wrong: not enrolled, keys that others can
    /// read, a chain that does not hold together, a second process on the same state.
    package static func build(
        _ configuration: ApplianceConfiguration, clock: WallClock = .system, faults: Faults = .none, manager: ServiceManager = .none,
        logger: Logger, softwareVersion: String, isRoot: Bool = geteuid() == 0, atRest: @escaping @Sendable () -> Void = {}
    ) async throws -> ApplianceProcess {
        let directory = configuration.directory
        try directory.prepare()
        try directory.lock()
        let database = try SQLiteDatabase(path: directory.database, readers: 0)
        do {
            return try await build(configuration, database, clock, faults, manager, logger, softwareVersion, isRoot, atRest)
        } catch {
            await database.close()
            throw error
        }
    }

    private static func build(
        _ configuration: ApplianceConfiguration, _ database: SQLiteDatabase, _ clock: WallClock, _ faults: Faults,
        _ manager: ServiceManager,
        _ logger: Logger, _ softwareVersion: String, _ isRoot: Bool, _ atRest: @escaping @Sendable () -> Void
    ) async throws -> ApplianceProcess {
        try await ApplianceSchema.migrator.migrate(database, now: clock.now)
        guard let identity = try await Identity.load(database) else { throw StartError.notEnrolled }
        let evidenceKey = try SigningKey(contentsOf: configuration.directory.evidenceKey)
        try checkKeyFiles(configuration)
        let enrollmentURL = try await database.read { try SettingTable.read(.enrollmentURL, in: $0) }

        let wakes = ApplianceContext.Wakes()
        let scrubber = Scrubber(key: try PseudonymKey.load(orCreateAt: configuration.directory.pseudonymKey))
        let journal = try await EvidenceJournal(
            database: database, key: evidenceKey, scrubber: scrubber, appended: wakes.push, clock: clock, faults: faults)
        let clockState = ClockState()
        let catalog = ActiveCatalog(database: database, identity: identity, takesLearned: configuration.takesLearned)
        let drafts = BundleDrafts(
            identity: identity, configuration: configuration, catalog: catalog, clock: clock, clockState: clockState,
            softwareVersion: softwareVersion)
        let hosts = try SiteHosts(configuration, catalog: catalog, clock: clock, isRoot: isRoot)
        let alerts = AlertLog(database: database, journal: journal, drafts: drafts, logger: logger)
        let witness = try WitnessService(
            identity, configuration.directory, evidenceKey: evidenceKey.verifyingKey, database: database, journal: journal,
            drafts: drafts, alerts: alerts, clock: clock, faults: faults, logger: logger)
        let context = ApplianceContext(
            configuration: configuration, identity: identity, database: database, journal: journal, catalog: catalog,
            central: CentralLink(
                identity: identity, configuration: configuration, enrollmentURL: enrollmentURL, evidenceKey: evidenceKey, clock: clock,
                faults: faults), drafts: drafts,
            alerts: alerts,
            expectations: ExpectationRecorder(database: database, journal: journal, drafts: drafts, hosts: hosts), witness: witness,
            scrubber: scrubber, clock: clock,
            clockState: clockState, heartbeats: Heartbeats(clock: clock), wakes: wakes, faults: faults, logger: logger,
            softwareVersion: softwareVersion, compact: { try await database.vacuum() }, atRest: atRest)
        let detect = DetectService(context, hosts: hosts)
        let heal = HealService(context, hosts: hosts, detect: detect)
        let planner = configuration.planner.flatMap {
            configuration.plannerMode == .local ? LocalPlanner(context, hosts: hosts, model: $0) : nil
        }
        let continuity = ContinuityService(context, past: try await database.read { try ContinuityService.Past(in: $0) })
        return ApplianceProcess(
            context: context, detect: detect, heal: heal, continuity: continuity,
            services: makeServices(context, detect, heal, continuity, planner, manager), planner: planner, manager: manager)
    }

    /// Guardrail 3, once, before anything is started.
    private static func checkKeyFiles(_ configuration: ApplianceConfiguration) throws {
        let directory = configuration.directory
        _ = try PrivateFile.read(directory.sealingKey, size: 32...32)
        _ = try PrivateFile.read(directory.tlsIdentity, size: 1...65_536)
        for entry in configuration.hosts {
            guard case .ssh(let address) = entry.access.address else { continue }
            _ = try PrivateFile.read(address.keyFile, size: 1...65_536)
        }
    }

    private static func makeServices(
        _ context: ApplianceContext, _ detect: DetectService, _ heal: HealService, _ continuity: ContinuityService,
        _ planner: LocalPlanner?, _ manager: ServiceManager
    ) -> [PeriodicService] {
        func service(
            _ name: String, _ interval: Duration, wake: Wake = Wake(), _ turn: @escaping @Sendable () async -> Duration
        ) -> PeriodicService {
            PeriodicService(
                name, interval: interval, wake: wake, clock: context.clock, heartbeats: context.heartbeats, atRest: context.atRest,
                turn: turn)
        }
        let clock = ClockService(context)
        let poll = PollService(context, clockService: clock, beforeSwitch: { await detect.attestWaiting() })
        let push = PushService(context)
        let housekeeping = HousekeepingService(context)
        let watchdog = WatchdogService(context, manager: manager)
        let asking = planner.map { planner in
            service("planner", LocalPlanner.interval) { await planner.turn() }
        }
        // The last that is listed stops first: what makes evidence stops before what carries it away.
        return [
            service("watchdog", WatchdogService.interval) { await watchdog.turn() },
            service("push", .seconds(900), wake: context.wakes.push) { await push.turn() },
            service("poll", context.configuration.pollInterval, wake: context.wakes.poll) { await poll.turn() },
            service("clock", ClockService.interval) { await clock.turn() },
            service("housekeeping", HousekeepingService.interval) { await housekeeping.turn() },
            service("continuity", ContinuityService.interval) { await continuity.turn() },
            service("heal", HealService.interval, wake: context.wakes.heal) { await heal.turn() },
            service("detect", DetectService.interval, wake: context.wakes.detect) { await detect.turn() },
        ] + (asking.map { [$0] } ?? [])
    }

    /// What a stop gives running repairs to come to their end; the next start finishes the others.
    static let drainMax: Duration = .seconds(2)

    /// Runs until it is told to stop; on return the state file is closed and everything else is left to the next start.
    package func run(stopOn signals: [UnixSignal] = [.sigterm, .sigint]) async throws {
        var configuration = ServiceGroupConfiguration(
            // Named here: the library would describe each by reflection with all that it holds, keys included, and take longer for
            // that than everything else of a start together.
            services: [.init(service: ReadySign(manager: manager), serviceName: "ready")]
                + services.map { .init(service: $0, serviceName: $0.name) } + [
                    .init(
                        service: LifeSigns(context: context, continuity: continuity, manager: manager), serviceName: "life signs"),
                    .init(service: OperatorSignal(detect: detect), serviceName: "operator signal"),
                ],
            gracefulShutdownSignals: signals, logger: context.logger)
        configuration.maximumGracefulShutdownDuration = .seconds(2)
        configuration.maximumCancellationDuration = .seconds(4)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            await close()
            throw error
        }
        await detect.stop()
        await heal.drain(atMost: Self.drainMax)
        // What was seen last would be too old to be listed by the time somebody starts it again.
        await detect.attestWaiting()
        let now = context.clock.now().description
        do {
            try await context.database.write { try SettingTable.write(.cleanStop, now, in: $0) }
        } catch {
            context.logger.warning("stop not recorded: the next start will look like one after a crash", metadata: ["error": "\(error)"])
        }
        await close()
    }

    package func close() async {
        await planner?.close()
        await context.central.close()
        await context.database.close()
    }
}

/// SIGHUP: every check is run now, whether due or not.
private struct OperatorSignal: Service {
    let detect: DetectService

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() { await detect.lookAtEverything() }
    }
}

/// First of all, because everything that can refuse to start has been opened by now, and the services' first turns keep every core
/// busy.
private struct ReadySign: Service {
    let manager: ServiceManager

    func run() async throws {
        manager.send(.ready)
        // Cancelled instead of stopped: both end it.
        try? await gracefulShutdown()
    }
}

/// Says, in evidence, that the appliance runs, and to systemd that it stops.
private struct LifeSigns: Service {
    let context: ApplianceContext
    let continuity: ContinuityService
    let manager: ServiceManager

    func run() async throws {
        await continuity.start()
        context.logger.notice(
            "started", metadata: ["appliance": "\(context.identity.appliance)", "version": "\(context.softwareVersion)"])
        context.atRest()
        try? await gracefulShutdown()
        manager.send(.stopping)
        context.logger.notice("stopping")
    }
}

/// Why the appliance did not start.
package enum StartError: Error, Sendable {
    case notEnrolled

    package var code: String { "start.not_enrolled" }
    package var message: String {
        "This machine is not enrolled; nothing was started. Run: martlet-appliance enroll --central URL --code CODE"
    }
}
