import Catalog
import Database
import Model
import Seal

/// Signed catalog packs; versions only grow.
package struct CatalogStore: Sendable {
    /// A signed pack, whole.
    package static let bytesMax = 8 << 20

    private let database: any SQLDatabase
    private let now: @Sendable () -> Timestamp

    private let key: VerifyingKey
    private let faults: CentralFaults

    init(_ database: any SQLDatabase, now: @escaping @Sendable () -> Timestamp, key: VerifyingKey, faults: CentralFaults) {
        self.faults = faults
        self.key = key
        self.database = database
        self.now = now
    }

    /// Takes a signed pack as `martlet catalog pack` writes it, after reading it as an appliance would.
    /// - Returns: its version.
    package func publish(_ pack: [UInt8], by credential: OperatorCredential) async throws -> Int64 {
        guard pack.count <= Self.bytesMax else { throw CentralError.value("a signed catalog has at most \(Self.bytesMax) bytes") }
        let version: Int64
        do throws(CatalogPackError) {
            version = try CatalogPack.open(pack, keys: [key], schema: nil).version
        } catch {
            throw CentralError.catalogRefused(Code(error.code) ?? "catalog.refused", error.message)
        }
        let digest = Digest(of: pack)
        let (now, faults) = (now().milliseconds, faults)
        try await database.write { transaction in
            guard try Self.newestVersion(in: transaction) < version else { throw CentralError.catalogOld }
            try transaction.execute(
                """
                INSERT INTO catalog_pack (version, digest, envelope, published_at, published_by)
                VALUES (\(version), \(digest.bytes), \(pack), \(now), \(credential.name))
                """)
            faults.reached(.catalogBeforePublish)
        }
        faults.reached(.catalogAfterPublish)
        return version
    }

    /// 0 when there is none.
    package func newestVersion() async throws -> Int64 { try await database.read { try Self.newestVersion(in: $0) } }

    /// The newest that was published by then; nil when there was none.
    func version(at instant: Timestamp) async throws -> Int64? {
        try await database.read { transaction in
            try transaction.query("SELECT MAX(version) FROM catalog_pack WHERE published_at <= \(instant.milliseconds)")[0].optionalInteger(
                0)
        }
    }

    static func newestVersion(in transaction: any SQLTransaction) throws -> Int64 {
        try transaction.query("SELECT COALESCE(MAX(version), 0) FROM catalog_pack")[0].integer(0)
    }

    package func pack(_ version: Int64) async throws -> [UInt8] {
        let rows = try await database.read { try $0.query("SELECT envelope FROM catalog_pack WHERE version = \(version)") }
        guard let row = rows.first else { throw CentralError.notFound("catalog version") }
        return try row.blob(0)
    }
}
