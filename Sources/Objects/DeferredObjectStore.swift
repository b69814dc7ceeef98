package import Model
import Synchronization

/// A store that is opened when it is first needed, and again after that has failed: its server may be away when we start.
package final class DeferredObjectStore: ObjectStore {
    package let enforcement: RetentionEnforcement
    private let link: Link

    package init(enforcement: RetentionEnforcement, open: @escaping @Sendable () async throws -> any ObjectStore) {
        self.enforcement = enforcement
        link = Link(open)
    }

    /// Opens it now.
    /// - Throws: what opening throws, as it is: settings and files have their own errors.
    package func open() async throws { _ = try await link.opened() }

    package func close() async { await link.close() }

    private func store() async throws(ObjectError) -> any ObjectStore {
        do {
            return try await link.opened()
        } catch let error as ObjectError {
            throw error
        } catch is CancellationError {
            throw .cancelled
        } catch {
            throw .unusable("\(error)")
        }
    }

    @discardableResult
    package func create(_ key: ObjectKey, _ bytes: [UInt8], retention: Retention) async throws(ObjectError) -> CreateOutcome {
        try await store().create(key, bytes, retention: retention)
    }
    package func create(_ objects: [NewObject]) async throws(ObjectError) { try await store().create(objects) }
    package func mend(_ object: NewObject) async throws(ObjectError) { try await store().mend(object) }
    package func read(_ key: ObjectKey, bytesMax: Int) async throws(ObjectError) -> [UInt8] {
        try await store().read(key, bytesMax: bytesMax)
    }
    package func record(of key: ObjectKey) async throws(ObjectError) -> ObjectRecord? { try await store().record(of: key) }
    package func list(_ prefix: ObjectPrefix, after: ObjectKey?, limit: Int) async throws(ObjectError) -> ObjectPage {
        try await store().list(prefix, after: after, limit: limit)
    }
    package func delete(_ key: ObjectKey) async throws(ObjectError) { try await store().delete(key) }
    package func setLegalHold(_ key: ObjectKey, _ isHeld: Bool) async throws(ObjectError) {
        try await store().setLegalHold(key, isHeld)
    }
    package func extendRetention(_ key: ObjectKey, to retention: Retention) async throws(ObjectError) {
        try await store().extendRetention(key, to: retention)
    }
    package func putMutable(_ key: ObjectKey, _ bytes: [UInt8]) async throws(ObjectError) { try await store().putMutable(key, bytes) }
    package func readMutable(_ key: ObjectKey, bytesMax: Int) async throws(ObjectError) -> [UInt8] {
        try await store().readMutable(key, bytesMax: bytesMax)
    }
    package func attempt(_ act: ForbiddenAct, on key: ObjectKey) async throws(ObjectError) -> ForbiddenActOutcome {
        try await store().attempt(act, on: key)
    }

    /// One opening at a time, for which everybody waits.
    private actor Link {
        private let open: @Sendable () async throws -> any ObjectStore
        private var store: (any ObjectStore)?
        private var opening: Task<any ObjectStore, any Error>?
        private var isClosed = false

        init(_ open: @escaping @Sendable () async throws -> any ObjectStore) { self.open = open }

        func opened() async throws -> any ObjectStore {
            if let store { return store }
            guard !isClosed else { throw ObjectError.cancelled }
            let task = opening ?? Task { [open] in try await open() }
            opening = task
            do {
                let made = try await task.value
                // Closed while it was being opened: whoever closed it has waited for this.
                guard !isClosed else { throw ObjectError.cancelled }
                store = made
                return made
            } catch {
                // Another caller may have begun the next try already.
                if opening == task { opening = nil }
                throw error
            }
        }

        func close() async {
            isClosed = true
            if let made = try? await opening?.value { await made.close() }
            store = nil
            opening = nil
        }
    }
}
