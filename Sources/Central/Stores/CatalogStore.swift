import Catalog
import Database
package import Model
package import Seal

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
            let newest = try Self.newestVersion(in: transaction)
            guard newest < version else { throw CentralError.catalogOld(version, newest: newest) }
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

    /// One that was handed out.
    package struct Published: Hashable, Sendable {
        package let version: Int64
        /// The catalog's, as `martlet catalog pack` prints it and evidence names it.
        package let digest: Digest
        package let signer: KeyID
        package let at: Timestamp
        package let by: String
    }

    /// Newest first.
    package func published() async throws -> [Published] {
        let versions = try await database.read { transaction in
            try transaction.query("SELECT version FROM catalog_pack ORDER BY version DESC").map { try $0.integer(0) }
        }
        var list: [Published] = []
        // One by one: each is megabytes.
        for version in versions {
            let row = try await database.read { transaction in
                try transaction.query(
                    "SELECT envelope, published_at, published_by FROM catalog_pack WHERE version = \(version)")[0]
            }
            let envelope = try SignedEnvelope(parsing: row.blob(0), limits: JSONLimits(bytesMax: Self.bytesMax))
            list.append(
                Published(
                    version: version, digest: Digest(of: envelope.payload), signer: envelope.keyID,
                    at: Timestamp(milliseconds: try row.integer(1)), by: try row.text(2)))
        }
        return list
    }

    package func pack(_ version: Int64) async throws -> [UInt8] {
        let rows = try await database.read { try $0.query("SELECT envelope FROM catalog_pack WHERE version = \(version)") }
        guard let row = rows.first else { throw CentralError.notFound("catalog version") }
        return try row.blob(0)
    }
}
