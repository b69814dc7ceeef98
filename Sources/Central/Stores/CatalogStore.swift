import Database
import Model
import Seal

/// Signed catalog packs; versions only grow.
package struct CatalogStore: Sendable {
    /// A signed pack, whole.
    package static let bytesMax = 8 << 20

    private let database: any SQLDatabase
    private let now: @Sendable () -> Timestamp

    init(_ database: any SQLDatabase, now: @escaping @Sendable () -> Timestamp) {
        self.database = database
        self.now = now
    }

    /// - Parameter envelope: the signed pack, checked by the caller to be of this version.
    package func publish(version: Int64, envelope: [UInt8], by credential: OperatorCredential) async throws {
        guard version > 0, envelope.count <= Self.bytesMax else {
            throw CentralError.value("a catalog has a version above 0 and at most \(Self.bytesMax) bytes")
        }
        let digest = Digest(of: envelope)
        let now = now().milliseconds
        try await database.write { transaction in
            guard try Self.newestVersion(in: transaction) < version else { throw CentralError.catalogOld }
            try transaction.execute(
                """
                INSERT INTO catalog_pack (version, digest, envelope, published_at, published_by)
                VALUES (\(version), \(digest.bytes), \(envelope), \(now), \(credential.name))
                """)
        }
    }

    /// 0 when there is none.
    package func newestVersion() async throws -> Int64 { try await database.read { try Self.newestVersion(in: $0) } }

    static func newestVersion(in transaction: any SQLTransaction) throws -> Int64 {
        try transaction.query("SELECT COALESCE(MAX(version), 0) FROM catalog_pack")[0].integer(0)
    }

    package func pack(_ version: Int64) async throws -> [UInt8] {
        let rows = try await database.read { try $0.query("SELECT envelope FROM catalog_pack WHERE version = \(version)") }
        guard let row = rows.first else { throw CentralError.notFound("catalog version") }
        return try row.blob(0)
    }
}
