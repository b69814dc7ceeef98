import Model
import Objects
import TransparencyLog

/// The log's resources among Central's objects, each under `log/` and its own path.
struct LogObjects: TileSource {
    let store: any ObjectStore
    let now: @Sendable () -> Timestamp

    /// 256 entries of 64 bytes, each after its length, are the longest resource.
    private static let bytesMax = 32_768
    static let checkpoint = ObjectKey("log/checkpoint")!

    func tile(_ path: TilePath) async throws -> [UInt8] { try await store.read(Self.key(path), bytesMax: Self.bytesMax) }

    /// Durable on return. What is there already with the same bytes is fine: the same entries always make the same resources.
    ///
    /// Full resources are kept as long as the evidence that they prove; partial ones are replaced by them soon.
    /// - Throws: `ObjectError.existsDifferent` when a resource is there with other bytes: then two logs share a name.
    func write(_ resources: [LogResource]) async throws(ObjectError) {
        let kept = Retention.days(Retention.daysDefault, from: now())
        try await store.create(
            resources.map { NewObject(key: Self.key($0.path), bytes: $0.bytes, retention: $0.path.isFull ? kept : .none) })
    }

    func publish(_ note: SignedNote) async throws(ObjectError) { try await store.putMutable(Self.checkpoint, note.bytes) }

    /// Deletes the partial resources whose place these full ones have taken. Readers ask for the full one when a partial one is gone.
    func removePartials(of full: [TilePath]) async throws(ObjectError) {
        for path in full {
            guard let prefix = ObjectPrefix("\(Self.key(path)).p/") else { continue }
            for key in try await store.list(prefix, after: nil, limit: TilePath.fullWidth).keys { try await store.delete(key) }
        }
    }

    private static func key(_ path: TilePath) -> ObjectKey {
        // A tile path is within the grammar and the limits of keys: 64 bytes, 10 segments.
        ObjectKey("log/\(path)")!
    }
}
