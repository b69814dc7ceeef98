import Model
import Objects
import TransparencyLog

/// The log's resources among Central's objects, each under `log/` and its own path.
struct LogObjects: TileSource {
    let store: any ObjectStore
    let now: @Sendable () -> Timestamp
    /// Of full resources.
    let retentionDays: Int

    /// 256 entries of 64 bytes, each after its length, are the longest resource.
    private static let bytesMax = 32_768
    static let checkpoint = ObjectKey("log/checkpoint")!

    func tile(_ path: TilePath) async throws -> [UInt8] { try await store.read(Self.key(path), bytesMax: Self.bytesMax) }

    /// Durable on return. What is there already with the same bytes is fine: the same entries always make the same resources.
    ///
    /// Full resources are kept as long as the evidence that they prove; partial ones are replaced by them soon.
    /// - Throws: `ObjectError.existsDifferent` when a resource is there with other bytes: then two logs share a name.
    func write(_ resources: [LogResource]) async throws(ObjectError) {
        let objects = resources.map { object($0.path, $0.bytes) }
        do throws(ObjectError) {
            try await store.create(objects)
        } catch {
            guard case .corrupt = error else { throw error }
            // What stands there damaged is put back: these bytes follow from entries and a verified tree.
            for object in objects { try await mend(object) }
        }
    }

    /// Puts a resource back whose bytes were rebuilt and follow from a signed root.
    /// - Throws: `.existsDifferent` where the store keeps others and will not let them go.
    func mend(_ path: TilePath, _ bytes: [UInt8]) async throws(ObjectError) { try await store.mend(object(path, bytes)) }

    private func mend(_ object: NewObject) async throws(ObjectError) {
        do throws(ObjectError) {
            try await store.create(object.key, object.bytes, retention: object.retention)
        } catch {
            guard case .corrupt = error else { throw error }
            try await store.mend(object)
        }
    }

    private func object(_ path: TilePath, _ bytes: [UInt8]) -> NewObject {
        NewObject(key: Self.key(path), bytes: bytes, retention: path.isFull ? .days(retentionDays, from: now()) : .none)
    }

    func publish(_ note: SignedNote) async throws(ObjectError) { try await store.putMutable(Self.checkpoint, note.bytes) }

    /// Deletes the partial resources whose place these full ones have taken. Readers ask for the full one when a partial one is gone.
    func removePartials(of full: [TilePath]) async throws(ObjectError) {
        for path in full {
            guard let prefix = ObjectPrefix("\(Self.key(path)).p/") else { continue }
            for key in try await store.list(prefix, after: nil, limit: TilePath.fullWidth).keys { try await store.delete(key) }
        }
    }

    /// nil for a key that is no resource's.
    static func path(of key: ObjectKey) -> TilePath? {
        key.description.hasPrefix("log/") ? TilePath(String(key.description.dropFirst(4))) : nil
    }

    private static func key(_ path: TilePath) -> ObjectKey {
        // A tile path is within the grammar and the limits of keys: 64 bytes, 10 segments.
        ObjectKey("log/\(path)")!
    }
}
