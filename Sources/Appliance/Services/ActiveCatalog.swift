package import Catalog
package import Database
package import Detection
package import Healing
package import Model
package import Seal
import Synchronization

/// The catalog in force: read from the state file when it is first needed, replaced whole when a newer one was verified.
package final class ActiveCatalog: Sendable {
    package struct Loaded: Sendable {
        package let catalog: CompiledCatalog
        package let rules: L1Index
        package let ruleDefinitions: [RuleID: RuleDefinition]
        package let detector: Detector

        init(_ catalog: CompiledCatalog) {
            self.catalog = catalog
            rules = L1Index(catalog.rules)
            detector = Detector(checks: Array(catalog.checks.values))
            ruleDefinitions = Dictionary(catalog.rules.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        }
    }

    /// Which rules were in force, for bundles; 0 and zeros before there are any.
    package struct Stamp: Hashable, Sendable {
        package let version: Int64
        package let digest: Digest
    }

    private let database: any SQLDatabase
    private let key: VerifyingKey
    private let loaded = Mutex<Loaded?>(nil)

    package init(database: any SQLDatabase, key: VerifyingKey) {
        self.database = database
        self.key = key
    }

    package var stamp: Stamp {
        loaded.withLock { loaded in
            loaded.map { Stamp(version: $0.catalog.version, digest: $0.catalog.digest) } ?? Stamp(version: 0, digest: .genesis)
        }
    }

    /// nil while this appliance has none.
    /// - Throws: what the stored pack's verification throws: it is checked again at each start, not trusted for lying here.
    package func current() async throws -> Loaded? {
        if let loaded = loaded.withLock({ $0 }) { return loaded }
        guard let stored = try await database.read({ try CatalogTable.active(in: $0) }) else { return nil }
        let fresh = try Self.load(stored.envelope, key: key)
        set(fresh)
        return fresh
    }

    /// The pack in force as it was signed; nil while there is none.
    package func signedPack() async throws -> [UInt8]? {
        try await database.read { try CatalogTable.active(in: $0) }?.envelope
    }

    package func set(_ fresh: Loaded) { loaded.withLock { $0 = fresh } }

    /// Verifies a signed pack and compiles it.
    package static func load(_ bytes: [UInt8], key: VerifyingKey) throws -> Loaded {
        let catalog = try CatalogPack.open(bytes, keys: [key], schema: .code())
        return Loaded(catalog)
    }
}
