package import Database
import Documents
import Logging
package import Model
package import Objects
import Postgres
import Seal
import TransparencyLog

/// Central's stores over one database: what the server and the command line both work with.
package struct CentralServices: Sendable {
    package let keys: CentralKeys
    package let tenants: TenantStore
    package let claims: ClaimStore
    package let appliances: ApplianceStore
    package let orders: OrderStore
    package let approvals: ApprovalStore
    package let evidence: EvidenceStore
    package let refusals: RefusalStore
    package let catalogs: CatalogStore
    package let statements: StatementStore
    package let policies: SitePolicyStore
    package let witnesses: WitnessStore
    package let anchors: AnchorTable
    package let archive: EvidenceArchive
    package let retention: EvidenceRetention
    package let holds: LegalHolds
    package let drills: RetentionDrills
    package let tickets: TicketStore
    package let deliveries: DeliveryTable
    package let planner: PlannerDesk
    let ticketTimers: TicketTimers
    let notifier: Notifier
    package let works: WorkTable
    package let status: CentralStatus
    let anchorStalls: AnchorStallWatch
    package let objects: ObjectStores
    package let database: any SQLDatabase
    let faults: CentralFaults
    package let clock: WallClock

    /// Opens keys and database, and brings the schema forward.
    package static func open(
        _ configuration: CentralConfiguration, clock: WallClock, faults: CentralFaults = .none
    ) async throws -> CentralServices {
        let keys = try CentralKeys(in: configuration.dataDirectory)
        let database = try Databases.open(configuration.databaseURL.revealed(), connections: configuration.databaseConnections)
        do {
            try await CentralSchema.migrator.migrate(database, now: clock.now)
        } catch {
            await database.close()
            throw error
        }
        return CentralServices(keys: keys, database: database, clock: clock, configuration, faults: faults)
    }

    /// The log's own key under the log's own name, which never changes once it was given.
    /// - Throws: `CentralError.logOrigin`, `CentralError.logRenamed`, `DatabaseError`.
    func logSigner(_ configuration: CentralConfiguration) async throws -> NoteSigner {
        let known = try await database.read { try LogStore.origin(in: $0) }
        let origin = configuration.logOrigin ?? known ?? "\(configuration.names.first ?? configuration.applianceHost)/log"
        guard let signer = try? NoteSigner(name: origin, key: keys.log) else { throw CentralError.logOrigin }
        try await database.write { try LogStore.adopt(origin: origin, in: $0) }
        return signer
    }

    var logObjects: LogObjects {
        LogObjects(store: objects.store(of: nil), now: clock.now, retentionDays: objects.configuration.retentionDays)
    }

    func logRepair(_ logger: Logger) -> LogRepair {
        LogRepair(
            database: database, objects: logObjects, statementKey: keys.receipts.verifyingKey, now: clock.now, logger: logger)
    }

    func log(_ repair: LogRepair) -> LogReader { LogReader(database: database, objects: logObjects, repair: repair) }

    /// The log as it is stored, for a process that does not write it.
    package func log(_ configuration: CentralConfiguration) throws -> LogReader {
        log(logRepair(Logger(label: "log", factory: { _ in SwiftLogNoOpLogHandler() })))
    }

    package var exceptions: ExceptionRegister { ExceptionRegister(self) }
    package var enablement: EnablementRegister { EnablementRegister(self) }
    package var postures: PostureReader { PostureReader(database) }
    package var coverage: SiteCoverage { SiteCoverage(self) }
    package var learning: LearningDesk { LearningDesk(self) }
    var silences: SilenceWatch { SilenceWatch(self) }

    package func close() async {
        await objects.close()
        await database.close()
    }

    private init(
        keys: CentralKeys, database: any SQLDatabase, clock: WallClock, _ configuration: CentralConfiguration, faults: CentralFaults
    ) {
        self.keys = keys
        self.database = database
        self.faults = faults
        self.clock = clock
        tenants = TenantStore(database, now: clock.now)
        claims = ClaimStore(database, now: clock.now, limits: configuration.claimLimits, faults: faults)
        appliances = ApplianceStore(database, now: clock.now, faults: faults)
        orders = OrderStore(database, now: clock.now, key: keys.orders, faults: faults)
        approvals = ApprovalStore(database, now: clock.now, orders: orders)
        evidence = EvidenceStore(database)
        refusals = RefusalStore(database)
        witnesses = WitnessStore(database)
        catalogs = CatalogStore(database, now: clock.now, key: keys.catalog, faults: faults)
        statements = StatementStore(database, now: clock.now, key: keys.receipts, faults: faults)
        policies = SitePolicyStore(database, now: clock.now, key: keys.orders)
        objects = ObjectStores(configuration.objects, dataDirectory: configuration.dataDirectory, clock: clock)
        anchors = AnchorTable(database, faults: faults)
        archive = EvidenceArchive(database, objects, delay: configuration.archiveDelay, now: clock.now, faults: faults)
        retention = EvidenceRetention(database, objects, statements: statements, now: clock.now, faults: faults)
        holds = LegalHolds(database, statements: statements, now: clock.now)
        drills = RetentionDrills(database, objects, statements: statements, now: clock.now)
        let channels = configuration.notifications.channels
        tickets = TicketStore(database, now: clock.now, channels: channels, catalogKey: keys.catalog)
        deliveries = DeliveryTable(database, now: clock.now)
        planner = PlannerDesk(configuration.planner, database, now: clock.now)
        ticketTimers = TicketTimers(database: database, channels: channels, now: clock.now)
        notifier = Notifier(
            channels: channels, mailServer: configuration.notifications.mailServer, database: database, deliveries: deliveries,
            now: clock.now)
        works = WorkTable(database)
        anchorStalls = AnchorStallWatch(database, statements, configuration.anchors, now: clock.now)
        status = CentralStatus(database, configuration.anchors, configuration.witnessPolicy, clock: clock)
    }
}
