package import Model
import Seal
import Synchronization

/// Objects in a bucket with Object Lock: any server that speaks S3, versions and locks.
///
/// One PUT per object, with mode COMPLIANCE and its date; the lock is read back before the object counts as stored. With versions an
/// overwrite makes a new version and the locked one stays, so readers always take the **oldest** version of a key: whoever holds our
/// credentials can add versions and delete markers, and changes nothing that we read.
///
/// In the bucket immutable objects stand under `objects/`, mutable ones under `mutable/`.
package final class S3ObjectStore: ObjectStore {
    package var enforcement: RetentionEnforcement { .server }

    private let client: S3Client
    private let location: S3Location
    private let clock: WallClock
    /// The oldest version of keys seen lately. It only changes when that version is deleted, and then reading it fails.
    private let versions = Mutex<[ObjectKey: String]>([:])
    private static let versionsKeptMax = 20_000
    private static let creationsAtOnceMax = 16
    private static let listPagesMax = 1_000

    /// Looks whether the bucket locks; sends nothing else.
    /// - Parameter makesBucket: makes it, with Object Lock, where it is missing.
    /// - Throws: `.bucketMissing`, `.bucketWithoutLock`, and what every call throws.
    package static func open(
        _ location: S3Location, _ credentials: S3Credentials, authority: [UInt8]? = nil, makesBucket: Bool = false,
        patience: S3Patience = S3Patience(), clock: WallClock, addresses: [String: String] = [:]
    ) async throws(ObjectError) -> S3ObjectStore {
        let client = try S3Client(location, credentials, authority: authority, patience: patience, clock: clock, addresses: addresses)
        let store = S3ObjectStore(client, location, clock)
        do throws(ObjectError) {
            if makesBucket { try await store.makeBucket() }
            try await store.requireLock()
        } catch {
            await client.close()
            throw error
        }
        return store
    }

    private init(_ client: S3Client, _ location: S3Location, _ clock: WallClock) {
        self.client = client
        self.location = location
        self.clock = clock
    }

    package func close() async { await client.close() }

    // MARK: The bucket

    private func makeBucket() async throws(ObjectError) {
        let reply = try await client.send(S3Request(method: "HEAD"))
        guard reply.status == 404 else { return }
        var request = S3Request(method: "PUT", headers: [("x-amz-bucket-object-lock-enabled", "true")], body: [])
        // AWS's first region and Ceph's only one have no name here.
        if !["us-east-1", "default"].contains(location.region) { request.body = S3Lock.placeDocument(region: location.region) }
        let made = try await client.send(request)
        guard made.status == 200 || made.code == "BucketAlreadyOwnedByYou" else { throw Self.refusal(made) }
    }

    private func requireLock() async throws(ObjectError) {
        let lock = try await client.send(S3Request(query: [("object-lock", "")]))
        if lock.code == "NoSuchBucket" { throw .bucketMissing(location.bucket) }
        if lock.status == 404 { throw .bucketWithoutLock(location.bucket) }
        let configuration = try Self.accepted(lock).document()
        guard configuration.name == "ObjectLockConfiguration" else { throw .malformed("no lock configuration") }
        guard configuration["ObjectLockEnabled"]?.text == "Enabled" else { throw .bucketWithoutLock(location.bucket) }
        // Some servers let versions be suspended under a lock, and then an overwrite replaces.
        let versioning = try Self.accepted(await client.send(S3Request(query: [("versioning", "")]))).document()
        guard versioning.name == "VersioningConfiguration", versioning["Status"]?.text == "Enabled" else {
            throw .bucketWithoutLock(location.bucket)
        }
    }

    // MARK: Creating

    /// Four requests: are there versions, PUT, is ours the oldest, what does the server say it locked. Servers that honour
    /// `If-None-Match` refuse a second writer; with others both write, and both learn whose version is the oldest.
    @discardableResult
    package func create(_ key: ObjectKey, _ bytes: [UInt8], retention: Retention) async throws(ObjectError) -> CreateOutcome {
        if let oldest = try await oldestVersion(of: key) { return try await confirm(key, bytes, retention, version: oldest) }
        var headers = [("if-none-match", "*"), ("x-amz-meta-sha256", Digest(of: bytes).description)]
        if case .until(let end) = retention {
            headers += [("x-amz-object-lock-mode", "COMPLIANCE"), ("x-amz-object-lock-retain-until-date", S3Lock.text(end))]
        }
        let reply = try await client.send(S3Request(method: "PUT", object: Self.name(key), headers: headers, body: bytes))
        var own: String?
        if reply.status != 412 {
            // Without a version's number the bucket has lost its versions, and the object its protection.
            guard let version = try Self.accepted(reply).header("x-amz-version-id"), S3VersionPage.isID(version), version != "null" else {
                throw .bucketWithoutLock(location.bucket)
            }
            own = version
        }
        guard let oldest = try await oldestVersion(of: key) else { throw .malformed("an object that was stored is not listed") }
        guard oldest == own else { return try await confirm(key, bytes, retention, version: oldest) }
        // Dead before here: the object is there, unchecked; the next create confirms it.
        let record = try await record(of: key, version: oldest)
        guard let record else { throw .malformed("an object that was stored is not there") }
        guard record.size == bytes.count else { throw .corrupt(key) }
        guard record.retention.covers(retention) else { throw .retentionNotApplied(key, found: record.retention, asked: retention) }
        remember(oldest, of: key)
        return .created
    }

    /// The key was taken: by us before, or by somebody else.
    private func confirm(
        _ key: ObjectKey, _ bytes: [UInt8], _ retention: Retention, version: String
    ) async throws(ObjectError) -> CreateOutcome {
        do throws(ObjectError) {
            guard try await read(key, version: version, bytesMax: bytes.count) == bytes else { throw .existsDifferent(key) }
        } catch {
            switch error {
            case .tooLarge, .corrupt: throw .existsDifferent(key)
            default: throw error
            }
        }
        try await extendRetention(key, version: version, to: retention)
        remember(version, of: key)
        return .alreadyThere
    }

    package func create(_ objects: [NewObject]) async throws(ObjectError) {
        let result: Result<Void, ObjectError> = await withTaskGroup(of: Result<Void, ObjectError>.self) { group in
            var waiting = objects.makeIterator()
            func addNext() {
                guard let object = waiting.next() else { return }
                group.addTask { [self] in
                    do throws(ObjectError) {
                        try await create(object.key, object.bytes, retention: object.retention)
                        return .success(())
                    } catch {
                        return .failure(error)
                    }
                }
            }
            for _ in 0..<Self.creationsAtOnceMax { addNext() }
            while let one = await group.next() {
                if case .failure = one {
                    group.cancelAll()
                    return one
                }
                addNext()
            }
            return .success(())
        }
        try result.get()
    }

    // MARK: Reading

    package func read(_ key: ObjectKey, bytesMax: Int) async throws(ObjectError) -> [UInt8] {
        let bytes: [UInt8]? = try await withOldestVersion(of: key) { (version) throws(ObjectError) in
            try await read(key, version: version, bytesMax: bytesMax)
        }
        guard let bytes else { throw .missing(key) }
        return bytes
    }

    package func record(of key: ObjectKey) async throws(ObjectError) -> ObjectRecord? {
        try await withOldestVersion(of: key) { (version) throws(ObjectError) in try await record(of: key, version: version) }
    }

    /// - Returns: nil where that version is not there.
    private func read(_ key: ObjectKey, version: String, bytesMax: Int) async throws(ObjectError) -> [UInt8]? {
        let request = S3Request(object: Self.name(key), query: [("versionId", version)], replyBytesMax: max(bytesMax, 64 << 10))
        let reply: S3Reply
        do throws(ObjectError) {
            reply = try await client.send(request)
        } catch {
            if case .malformed = error { throw .tooLarge(key, limit: bytesMax) }
            throw error
        }
        if reply.status == 404 { return nil }
        let body = try Self.accepted(reply).body
        guard body.count <= bytesMax else { throw .tooLarge(key, limit: bytesMax) }
        // Set by us when it was stored, and locked with the bytes.
        guard let digest = reply.header("x-amz-meta-sha256").flatMap({ Digest($0) }), digest == Digest(of: body) else {
            throw .corrupt(key)
        }
        return body
    }

    private func record(of key: ObjectKey, version: String) async throws(ObjectError) -> ObjectRecord? {
        let reply = try await client.send(S3Request(method: "HEAD", object: Self.name(key), query: [("versionId", version)]))
        if reply.status == 404 { return nil }
        guard let size = try Self.accepted(reply).header("content-length").flatMap({ Int($0) }), size >= 0 else {
            throw .malformed("an object without its size")
        }
        var retention = Retention.none
        // GOVERNANCE can be lifted by whoever has the permission: it keeps nothing.
        if reply.header("x-amz-object-lock-mode") == "COMPLIANCE" {
            guard let end = reply.header("x-amz-object-lock-retain-until-date").flatMap(S3Lock.time) else {
                throw .malformed("a lock without its date")
            }
            retention = .until(end)
        }
        let isHeld = reply.header("x-amz-object-lock-legal-hold") == "ON"
        return ObjectRecord(key: key, size: size, retention: retention, isHeld: isHeld, version: version)
    }

    package func list(_ prefix: ObjectPrefix, after: ObjectKey?, limit: Int) async throws(ObjectError) -> ObjectPage {
        precondition((1...1_000).contains(limit), "a page has 1 to 1000 keys")
        var keys: [ObjectKey] = []
        var marker: (key: String, version: String?)? = after.map { (Self.name($0), nil) }
        for _ in 0..<Self.listPagesMax {
            let page = try await versionPage(prefix: "objects/\(prefix)", after: marker, limit: 1_000)
            // A delete marker hides a key from others, not from us.
            for version in page.versions where !version.isDeleteMarker {
                guard let name = version.key, name.hasPrefix("objects/"), let key = ObjectKey(String(name.dropFirst(8))),
                    key != keys.last, after.map({ $0 < key }) ?? true
                else { continue }
                if keys.count == limit { return ObjectPage(keys: keys, isTruncated: true) }
                keys.append(key)
            }
            guard let next = page.next else { return ObjectPage(keys: keys, isTruncated: false) }
            marker = (next.key, next.version)
        }
        guard !keys.isEmpty else { throw .malformed("a list without end") }
        return ObjectPage(keys: keys, isTruncated: true)
    }

    // MARK: Retention, hold, deletion

    package func extendRetention(_ key: ObjectKey, to retention: Retention) async throws(ObjectError) {
        let done: Bool? = try await withOldestVersion(of: key) { (version) throws(ObjectError) in
            try await extendRetention(key, version: version, to: retention)
            return true
        }
        if done == nil { throw .missing(key) }
    }

    private func extendRetention(_ key: ObjectKey, version: String, to retention: Retention) async throws(ObjectError) {
        guard let found = try await record(of: key, version: version) else { throw .missing(key) }
        guard case .until(let end) = retention, !found.retention.covers(retention) else { return }
        _ = try Self.accepted(
            await client.send(
                S3Request(
                    method: "PUT", object: Self.name(key), query: [("retention", ""), ("versionId", version)],
                    body: S3Lock.retentionDocument(mode: "COMPLIANCE", until: end))))
        guard let changed = try await record(of: key, version: version) else { throw .missing(key) }
        guard changed.retention.covers(retention) else { throw .retentionNotApplied(key, found: changed.retention, asked: retention) }
    }

    package func setLegalHold(_ key: ObjectKey, _ isHeld: Bool) async throws(ObjectError) {
        let found: ObjectRecord? = try await withOldestVersion(of: key) { (version) throws(ObjectError) in
            let reply = try await client.send(
                S3Request(
                    method: "PUT", object: Self.name(key), query: [("legal-hold", ""), ("versionId", version)],
                    body: S3Lock.legalHoldDocument(isHeld: isHeld)))
            if reply.status == 404 { return nil }
            _ = try Self.accepted(reply)
            return try await record(of: key, version: version)
        }
        guard let found else { throw .missing(key) }
        guard found.isHeld == isHeld else { throw .malformed("a legal hold that was accepted and not kept") }
    }

    /// Every version and marker of the key, the oldest last: died in between, readers still find what they found before.
    package func delete(_ key: ObjectKey) async throws(ObjectError) {
        let all = try await allVersions(of: key)
        guard let oldest = all.last(where: { !$0.isDeleteMarker }) else { return }
        if let record = try await record(of: key, version: oldest.id) {
            if record.isHeld { throw .held(key) }
            if case .until(let end) = record.retention, !record.retention.isOver(at: clock.now()) { throw .retained(key, until: end) }
        }
        for version in all where version.id != oldest.id { try await delete(Self.name(key), version: version.id) }
        try await delete(Self.name(key), version: oldest.id)
        versions.withLock { _ = $0.removeValue(forKey: key) }
    }

    private func delete(_ name: String, version: String) async throws(ObjectError) {
        let reply = try await client.send(S3Request(method: "DELETE", object: name, query: [("versionId", version)]))
        guard reply.status == 204 || reply.status == 200 || reply.status == 404 else { throw Self.refusal(reply) }
    }

    // MARK: Mutable objects

    package func putMutable(_ key: ObjectKey, _ bytes: [UInt8]) async throws(ObjectError) {
        _ = try Self.accepted(await client.send(S3Request(method: "PUT", object: "mutable/\(key)", body: bytes)))
    }

    package func readMutable(_ key: ObjectKey, bytesMax: Int) async throws(ObjectError) -> [UInt8] {
        let reply: S3Reply
        do throws(ObjectError) {
            reply = try await client.send(S3Request(object: "mutable/\(key)", replyBytesMax: max(bytesMax, 64 << 10)))
        } catch {
            if case .malformed = error { throw .tooLarge(key, limit: bytesMax) }
            throw error
        }
        if reply.status == 404, reply.code != "NoSuchBucket" { throw .missing(key) }
        let body = try Self.accepted(reply).body
        guard body.count <= bytesMax else { throw .tooLarge(key, limit: bytesMax) }
        return body
    }

    // MARK: The drill

    package func attempt(_ act: ForbiddenAct, on key: ObjectKey) async throws(ObjectError) -> ForbiddenActOutcome {
        guard let version = try await oldestVersion(of: key), let record = try await record(of: key, version: version) else {
            throw .missing(key)
        }
        var request = S3Request(object: Self.name(key))
        switch act {
        case .overwrite(let bytes):
            request.method = "PUT"
            request.body = bytes
        case .delete:
            request.method = "DELETE"
            request.query = [("versionId", version)]
            request.headers = [("x-amz-bypass-governance-retention", "true")]
        case .hide:
            request.method = "DELETE"
        case .shorten(let end):
            request.method = "PUT"
            request.query = [("retention", ""), ("versionId", version)]
            request.headers = [("x-amz-bypass-governance-retention", "true")]
            request.body = S3Lock.retentionDocument(mode: "COMPLIANCE", until: end)
        case .weaken:
            guard case .until(let end) = record.retention else { return .notApplicable }
            request.method = "PUT"
            request.query = [("retention", ""), ("versionId", version)]
            request.headers = [("x-amz-bypass-governance-retention", "true")]
            request.body = S3Lock.retentionDocument(mode: "GOVERNANCE", until: end)
        }
        let reply = try await client.send(request)
        return (200..<300).contains(reply.status) ? .accepted : .refused(reply.code)
    }

    // MARK: Versions

    /// Runs `body` with the version that readers get; once more with a fresh look where that version has gone.
    /// - Returns: nil where there is no version.
    private func withOldestVersion<Value: Sendable>(
        of key: ObjectKey, _ body: (String) async throws(ObjectError) -> Value?
    ) async throws(ObjectError) -> Value? {
        if let known = versions.withLock({ $0[key] }) {
            if let value = try await body(known) { return value }
            versions.withLock { _ = $0.removeValue(forKey: key) }
        }
        guard let oldest = try await oldestVersion(of: key) else { return nil }
        guard let value = try await body(oldest) else { return nil }
        remember(oldest, of: key)
        return value
    }

    private func remember(_ version: String, of key: ObjectKey) {
        versions.withLock { versions in
            if versions.count >= Self.versionsKeptMax { versions.removeAll(keepingCapacity: true) }
            versions[key] = version
        }
    }

    private func oldestVersion(of key: ObjectKey) async throws(ObjectError) -> String? {
        try await allVersions(of: key).last { !$0.isDeleteMarker }?.id
    }

    /// Newest first.
    private func allVersions(of key: ObjectKey) async throws(ObjectError) -> [S3VersionPage.Version] {
        let name = Self.name(key)
        var found: [S3VersionPage.Version] = []
        var marker: (key: String, version: String?)?
        // The key itself is the first of all that begin with it; few have more than one version.
        for page in 0..<20 {
            let answer = try await versionPage(prefix: name, after: marker, limit: page == 0 ? 4 : 1_000)
            found += answer.versions.filter { $0.key == name }
            guard let next = answer.next, answer.versions.allSatisfy({ $0.key == name }) else { return found }
            marker = (next.key, next.version)
        }
        throw .tooManyVersions(key)
    }

    private func versionPage(
        prefix: String, after marker: (key: String, version: String?)?, limit: Int
    ) async throws(ObjectError) -> S3VersionPage {
        var query = [("versions", ""), ("prefix", prefix), ("max-keys", "\(limit)"), ("encoding-type", "url")]
        if let marker {
            query.append(("key-marker", marker.key))
            if let version = marker.version { query.append(("version-id-marker", version)) }
        }
        return try S3VersionPage(Self.accepted(await client.send(S3Request(query: query))).document())
    }

    private static func name(_ key: ObjectKey) -> String { "objects/\(key)" }

    private static func accepted(_ reply: S3Reply) throws(ObjectError) -> S3Reply {
        guard (200..<300).contains(reply.status) else { throw refusal(reply) }
        return reply
    }

    private static func refusal(_ reply: S3Reply) -> ObjectError {
        reply.status == 403 ? .denied(reply.code) : .refused(status: reply.status, code: reply.code)
    }
}
