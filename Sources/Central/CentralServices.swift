package import Database
import Documents
package import Model
import Objects
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
    package let evidence: EvidenceStore
    package let refusals: RefusalStore
    package let catalogs: CatalogStore
    package let statements: StatementStore
    package let database: any SQLDatabase
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
        return CentralServices(keys: keys, database: database, clock: clock, claimLimits: configuration.claimLimits, faults: faults)
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

    func logObjects(_ configuration: CentralConfiguration) throws(ObjectError) -> LogObjects {
        LogObjects(store: try DirectoryObjectStore(path: configuration.dataDirectory + "/objects", clock: clock), now: clock.now)
    }

    func log(_ objects: LogObjects) -> LogReader { LogReader(database: database, objects: objects) }

    /// The log as it is stored, for a process that does not write it.
    /// - Throws: `ObjectError`.
    package func log(_ configuration: CentralConfiguration) throws -> LogReader { log(try logObjects(configuration)) }

    package var exceptions: ExceptionRegister { ExceptionRegister(self) }

    package func close() async { await database.close() }

    private init(keys: CentralKeys, database: any SQLDatabase, clock: WallClock, claimLimits: ClaimLimits, faults: CentralFaults) {
        self.keys = keys
        self.database = database
        self.clock = clock
        tenants = TenantStore(database, now: clock.now)
        claims = ClaimStore(database, now: clock.now, limits: claimLimits, faults: faults)
        appliances = ApplianceStore(database, now: clock.now, faults: faults)
        orders = OrderStore(database, now: clock.now, key: keys.orders, faults: faults)
        evidence = EvidenceStore(database)
        refusals = RefusalStore(database)
        catalogs = CatalogStore(database, now: clock.now, key: keys.catalog.verifyingKey, faults: faults)
        statements = StatementStore(database, now: clock.now, key: keys.receipts, faults: faults)
    }
}
