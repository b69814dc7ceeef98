import Catalog
import Database
import Model
import Seal

/// Catalogs as they were published, read once each while few are asked for.
actor PackReading {
    struct Pack: Sendable {
        let catalog: CompiledCatalog
        /// Canonical bytes, without the signature.
        let bytes: [UInt8]
    }

    private static let keptMax = 4

    private let database: any SQLDatabase
    private let key: VerifyingKey
    private var kept: [Int64: Pack] = [:]
    /// The newest question last.
    private var asked: [Int64] = []

    init(_ database: any SQLDatabase, key: VerifyingKey) {
        self.database = database
        self.key = key
    }

    func newest() async throws -> Pack? { try await pack(try await database.read { try CatalogStore.newestVersion(in: $0) }) }

    /// nil where there is none of that version, or this Central's key did not sign it.
    func catalog(_ version: Int64) async throws -> CompiledCatalog? { try await pack(version)?.catalog }

    private func pack(_ version: Int64) async throws -> Pack? {
        if let pack = kept[version] {
            if asked.last != version {
                asked.removeAll { $0 == version }
                asked.append(version)
            }
            return pack
        }
        let (database, key) = (database, key)
        let row = try await database.read { try $0.query("SELECT envelope FROM catalog_pack WHERE version = \(version)") }.first
        guard let signed = try row?.blob(0), let catalog = try? CatalogPack.open(signed, keys: [key], schema: nil),
            let envelope = try? SignedEnvelope(parsing: signed, limits: JSONLimits(bytesMax: CatalogPack.limits.bytesMax * 3 / 2))
        else { return nil }
        let pack = Pack(catalog: catalog, bytes: envelope.payload)
        kept[version] = pack
        asked.append(version)
        if asked.count > Self.keptMax { kept[asked.removeFirst()] = nil }
        return pack
    }
}
