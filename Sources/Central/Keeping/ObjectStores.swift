import Logging
package import Model
package import Objects
import Synchronization

/// Central's object stores: one for the log, one for each organization's evidence, or the same for several. Opened when they are needed.
package final class ObjectStores: Sendable {
    package let configuration: ObjectsConfiguration
    private let dataDirectory: String
    private let clock: WallClock
    private let stores = Mutex<[String: DeferredObjectStore]>([:])

    init(_ configuration: ObjectsConfiguration, dataDirectory: String, clock: WallClock) {
        self.configuration = configuration
        self.dataDirectory = dataDirectory
        self.clock = clock
    }

    /// - Parameter organization: nil for what belongs to none: the log.
    package func store(of organization: OrganizationID?) -> DeferredObjectStore {
        stores.withLock { stores in
            let name = configuration.storeName(of: organization)
            if let known = stores[name] { return known }
            let made = DeferredObjectStore(enforcement: configuration.enforcement) { [configuration, dataDirectory, clock] in
                try await configuration.openStore(of: organization, dataDirectory: dataDirectory, clock: clock)
            }
            stores[name] = made
            return made
        }
    }

    /// How long the start waits for a server that does not answer.
    static let openingMax: Duration = .seconds(10)

    /// At the start: a bucket that does not lock, wrong credentials or unreadable files are told at once. A server that is away is not
    /// waited for: evidence is taken in meanwhile.
    /// - Throws: `ObjectError`, `Diagnostic`, `PrivateFileError`.
    func check(_ organizations: [OrganizationID], _ logger: Logger) async throws {
        var checked: Set<String> = []
        for organization in [nil] + organizations.map(Optional.some)
        where checked.insert(configuration.storeName(of: organization)).inserted {
            do {
                try await store(of: organization).open(within: Self.openingMax, clock: clock)
            } catch let error as ObjectError {
                guard case .unavailable = error else { throw error }
                logger.warning("objects.away", metadata: ["code": .string(error.code), "error": .string(error.message)])
                // The others stand at the same server.
                return
            }
        }
    }

    func close() async {
        for store in stores.withLock({ Array($0.values) }) { await store.close() }
    }
}
