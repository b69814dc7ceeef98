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
    /// - Parameter limit: how long it is waited for; it goes on being opened after that.
    /// - Throws: `.unavailable` once the limit is over, too.
    package func open(within limit: Duration, clock: WallClock) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { [link] in _ = try await link.opened() }
            group.addTask {
                try await clock.sleep(limit)
                throw ObjectError.unavailable(attempts: 1, "no answer within \(limit)")
            }
            try await group.next()
        }
    }

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
                let made = try await Self.value(of: task)
                // Closed while it was being opened: whoever closed it has waited for this.
                guard !isClosed else { throw ObjectError.cancelled }
                store = made
                return made
            } catch {
                // Who is not waited for any more leaves it to the others. Another caller may have begun the next try already.
                if !(error is CancellationError), opening == task { opening = nil }
                throw error
            }
        }

        /// Ends with the task that waits, too, which `Task.value` does not: else a server that is silent would hold up a stop.
        private static func value(of task: Task<any ObjectStore, any Error>) async throws -> any ObjectStore {
            let (stores, found) = AsyncThrowingStream.makeStream(of: (any ObjectStore).self)
            Task {
                do {
                    found.yield(try await task.value)
                    found.finish()
                } catch {
                    found.finish(throwing: error)
                }
            }
            for try await store in stores { return store }
            throw CancellationError()
        }

        func close() async {
            isClosed = true
            opening?.cancel()
            if let made = try? await opening?.value { await made.close() }
            store = nil
            opening = nil
        }
    }
}
