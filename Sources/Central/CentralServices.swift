package import Database
import Documents
package import Model
import Postgres
import Seal

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
    }
}
