import Dispatch
package import Model

/// Objects in a directory of this machine: the embedded default.
///
/// The retention is kept by this program only: it refuses to delete or replace what must be kept and notices damage, but the owner of the
/// directory and root can remove anything. What must hold against them belongs into an `S3ObjectStore` with Object Lock.
package final class DirectoryObjectStore: ObjectStore {
    package var enforcement: RetentionEnforcement { .program }

    private let directory: StoreDirectory
    private let clock: WallClock
    /// One writer of this process at a time; the lock file keeps other processes out.
    private let writer = DispatchQueue(label: "objects.writer")
    private let readers = DispatchQueue(label: "objects.readers", attributes: .concurrent)

    /// - Parameter path: made (0700) where it is missing.
    /// - Throws: `.directoryUnsafe`, `.disk`, `.diskFull`.
    package init(path: String, clock: WallClock) throws(ObjectError) {
        directory = StoreDirectory(root: path)
        self.clock = clock
        try directory.open()
    }

    @discardableResult
    package func create(_ key: ObjectKey, _ bytes: [UInt8], retention: Retention) async throws(ObjectError) -> CreateOutcome {
        try await perform(on: writer) { [directory] () throws(ObjectError) in
            try directory.create([NewObject(key: key, bytes: bytes, retention: retention)])[0]
        }
    }

    /// Two waits for the disk, however many objects.
    package func create(_ objects: [NewObject]) async throws(ObjectError) {
        guard !objects.isEmpty else { return }
        _ = try await perform(on: writer) { [directory] () throws(ObjectError) in try directory.create(objects) }
    }

    package func mend(_ object: NewObject) async throws(ObjectError) {
        try await perform(on: writer) { [directory] () throws(ObjectError) in try directory.mend(object) }
    }

    package func read(_ key: ObjectKey, bytesMax: Int) async throws(ObjectError) -> [UInt8] {
        try await perform(on: readers) { [directory] () throws(ObjectError) in try directory.read(key, bytesMax: bytesMax) }
    }

    package func record(of key: ObjectKey) async throws(ObjectError) -> ObjectRecord? {
        try await perform(on: readers) { [directory] () throws(ObjectError) in try directory.note(of: key)?.record }
    }

    package func list(_ prefix: ObjectPrefix, after: ObjectKey?, limit: Int) async throws(ObjectError) -> ObjectPage {
        precondition((1...1_000).contains(limit), "a page has 1 to 1000 keys")
        return try await perform(on: readers) { [directory] () throws(ObjectError) in
            try directory.list(prefix, after: after, limit: limit)
        }
    }

    package func delete(_ key: ObjectKey) async throws(ObjectError) {
        let now = clock.now()
        try await perform(on: writer) { [directory] () throws(ObjectError) in try directory.delete(key, at: now) }
    }

    package func setLegalHold(_ key: ObjectKey, _ isHeld: Bool) async throws(ObjectError) {
        try await perform(on: writer) { [directory] () throws(ObjectError) in
            try directory.change(key) { (note) throws(ObjectError) in note.isHeld = isHeld }
        }
    }

    package func extendRetention(_ key: ObjectKey, to retention: Retention) async throws(ObjectError) {
        try await perform(on: writer) { [directory] () throws(ObjectError) in
            try directory.change(key) { (note) throws(ObjectError) in
                if !note.retention.covers(retention) { note.retention = retention }
            }
        }
    }

    package func putMutable(_ key: ObjectKey, _ bytes: [UInt8]) async throws(ObjectError) {
        try await perform(on: writer) { [directory] () throws(ObjectError) in try directory.putMutable(key, bytes) }
    }

    package func readMutable(_ key: ObjectKey, bytesMax: Int) async throws(ObjectError) -> [UInt8] {
        try await perform(on: readers) { [directory] () throws(ObjectError) in try directory.readMutable(key, bytesMax: bytesMax) }
    }

    package func attempt(_ act: ForbiddenAct, on key: ObjectKey) async throws(ObjectError) -> ForbiddenActOutcome {
        do throws(ObjectError) {
            switch act {
            case .overwrite(let bytes):
                try await create(key, bytes, retention: .none)
            case .delete:
                try await delete(key)
            case .shorten(let end):
                try await perform(on: writer) { [directory] () throws(ObjectError) in
                    try directory.change(key) { (note) throws(ObjectError) in
                        if case .until(let kept) = note.retention, kept > end { throw .retained(key, until: kept) }
                        note.retention = .until(end)
                    }
                }
            case .hide, .weaken:
                return .notApplicable
            }
            return .accepted
        } catch {
            switch error {
            case .existsDifferent, .retained, .held: return .refused(error.code)
            default: throw error
            }
        }
    }

    package func close() async { await withCheckedContinuation { done in writer.async { done.resume() } } }

    /// Off the threads of the tasks: the disk may take its time.
    private func perform<Value: Sendable>(
        on queue: DispatchQueue, _ work: @escaping @Sendable () throws(ObjectError) -> Value
    ) async throws(ObjectError) -> Value {
        guard !Task.isCancelled else { throw .cancelled }
        let result: Result<Value, ObjectError> = await withCheckedContinuation { continuation in
            queue.async {
                continuation.resume(returning: Result { () throws(ObjectError) in try work() })
            }
        }
        return try result.get()
    }
}
