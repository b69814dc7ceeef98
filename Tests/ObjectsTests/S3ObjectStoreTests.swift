import Documents
import Foundation
import Model
import Objects
import Seal
import TestSupport
import Testing

/// What only S3 can do or suffer, against Ceph, and against Ceph behind a proxy that misbehaves.
@Suite struct S3ObjectStoreTests {
    let clock = TestClock()
    let bucket = newBucketName()
    var aDay: Retention { .days(1, from: clock.now) }

    /// The bucket through a proxy, whose treatment begins once the store is open.
    func withProxy(
        patience: S3Patience = S3Patience(), slept: Shared<[Duration]> = Shared([]),
        _ treat: @escaping @Sendable (HostileProxy.Request) -> HostileProxy.Treatment,
        _ body: (S3ObjectStore, HostileProxy) async throws -> Void
    ) async throws {
        let isHostile = Shared(false)
        let proxy = try HostileProxy(before: try await LabS3.shared().port) { isHostile.current ? treat($0) : .pass }
        defer { proxy.stop() }
        let store = try await openBucket(bucket, port: proxy.port, clock: clock, patience: patience, slept: slept)
        isHostile.withLock { $0 = true }
        do {
            try await body(store, proxy)
            await store.close()
        } catch {
            await store.close()
            throw error
        }
    }

    // MARK: The bucket

    @Test func aBucketWithoutLockOrNoneAtAllIsRefused() async throws {
        _ = try await LabS3.shared().boto("s3.create_bucket(Bucket=args[0])", [bucket])
        #expect(await code { _ = try await openBucket(bucket) } == "object.bucket_without_lock")
        #expect(await code { _ = try await openBucket(newBucketName(), makesBucket: false) } == "object.bucket_missing")
    }

    @Test func wrongCredentialsAreRefusedAtOnce() async throws {
        let lab = try await LabS3.shared()
        let proxy = try HostileProxy(before: lab.port) { _ in .pass }
        defer { proxy.stop() }
        let location = S3Location(endpoint: S3Endpoint("http://127.0.0.1:\(proxy.port)")!, region: lab.region, bucket: bucket)
        let wrong = S3Credentials(accessKey: "lab", secretKey: Secret("not it"))
        #expect(await code { _ = try await S3ObjectStore.open(location, wrong, clock: restless(clock)) } == "object.denied")
        #expect(proxy.requests.count == 1)
    }

    @Test("A wrong clock is a refusal, not a reason to try again") func aWrongClockIsDenied() async throws {
        clock.advance(by: .seconds(3_600))
        #expect(await code { _ = try await openBucket(bucket, clock: clock, makesBucket: false) } == "object.denied")
    }

    // MARK: What others see, and do

    @Test("A stranger's client reads our lock back, cannot break it, and cannot change what we read")
    func aStrangerAgreesAndCannotInterfere() async throws {
        let store = try await openBucket(bucket, clock: clock)
        try await store.create(key("log/tile/0/000"), bytes("the first"), retention: .days(2_190, from: clock.now))
        try await store.create(key("log/tile/0/001"), bytes("another"), retention: .none)
        try await store.setLegalHold(key("log/tile/0/001"), true)
        let answer = try await LabS3.shared().boto(
            """
            b, k = args
            v = s3.list_object_versions(Bucket=b, Prefix=k)["Versions"][0]["VersionId"]
            r = s3.get_object_retention(Bucket=b, Key=k, VersionId=v)["Retention"]
            print(r["Mode"], r["RetainUntilDate"].timestamp())
            print(s3.get_object_legal_hold(Bucket=b, Key="objects/log/tile/0/001")["LegalHold"]["Status"])
            def refused(call):
                try: call(); return "accepted"
                except botocore.exceptions.ClientError as e: return e.response["Error"]["Code"]
            print(refused(lambda: s3.delete_object(Bucket=b, Key=k, VersionId=v, BypassGovernanceRetention=True)))
            for number in range(7): s3.put_object(Bucket=b, Key=k, Body=b"forged %d" % number)
            s3.delete_object(Bucket=b, Key=k)
            print(refused(lambda: s3.get_object(Bucket=b, Key=k)))
            """, [bucket, "objects/log/tile/0/000"]
        ).split(separator: "\n").map(String.init)
        let expected = (clock.now.milliseconds + 999) / 1_000 + 2_190 * 86_400
        #expect(answer == ["COMPLIANCE \(expected).0", "ON", "AccessDenied", "NoSuchKey"])

        // A store that has never seen the key.
        let fresh = try await openBucket(bucket, clock: clock)
        #expect(try await fresh.read(key("log/tile/0/000"), bytesMax: 100) == bytes("the first"))
        #expect(try await fresh.list(.all, after: nil, limit: 10).keys.map(\.description) == ["log/tile/0/000", "log/tile/0/001"])
        #expect(try await fresh.create(key("log/tile/0/000"), bytes("the first"), retention: .none) == .alreadyThere)
        #expect(
            await code { _ = try await fresh.create(key("log/tile/0/000"), bytes("forged 6"), retention: .none) }
                == "object.exists_different")
        await store.close()
        await fresh.close()
    }

    @Test func whatAStrangerPutUnderAKeyOfOursIsNoObjectOfOurs() async throws {
        let store = try await openBucket(bucket, clock: clock)
        _ = try await LabS3.shared().boto("s3.put_object(Bucket=args[0], Key='objects/a', Body=b'theirs')", [bucket])
        #expect(await code { _ = try await store.read(key("a"), bytesMax: 100) } == "object.corrupt")
        #expect(await code { _ = try await store.create(key("a"), bytes("theirs"), retention: .none) } == "object.exists_different")
        await store.close()
    }

    @Test func speaksTLSToTheGivenAuthorityOnly() async throws {
        let lab = try await LabS3.shared()
        let location = S3Location(endpoint: S3Endpoint(lab.tlsEndpoint)!, region: lab.region, bucket: bucket)
        let credentials = try S3Credentials(contentsOf: lab.credentials)
        let authority = try Array(Data(contentsOf: URL(fileURLWithPath: lab.authority)))
        let store = try await S3ObjectStore.open(
            location, credentials, authority: authority, makesBucket: true, clock: restless(clock))
        try await store.create(key("a"), bytes("over TLS"), retention: aDay)
        #expect(try await store.read(key("a"), bytesMax: 100) == bytes("over TLS"))
        await store.close()

        let slept = Shared<[Duration]>([])
        #expect(await code { _ = try await S3ObjectStore.open(location, credentials, clock: restless(clock, slept)) } == "object.untrusted")
        #expect(slept.current.isEmpty)
        #expect(
            await code { _ = try await S3ObjectStore.open(location, credentials, authority: bytes("no PEM"), clock: restless(clock)) }
                == "object.untrusted")
    }

    @Test func addressesTheBucketInTheHostsName() async throws {
        let lab = try await LabS3.shared()
        let location = S3Location(
            endpoint: S3Endpoint("http://localhost:\(lab.port)")!, region: lab.region, bucket: bucket, style: .virtual)
        let store = try await S3ObjectStore.open(
            location, S3Credentials(contentsOf: lab.credentials), makesBucket: true, clock: restless(clock),
            addresses: ["\(bucket).localhost": "127.0.0.1"])
        try await store.create(key("a/b"), bytes("x"), retention: aDay)
        #expect(try await store.list(.all, after: nil, limit: 10).keys == [key("a/b")])
        await store.close()
        // The same bucket by its path.
        let other = try await openBucket(bucket, clock: clock, makesBucket: false)
        #expect(try await other.read(key("a/b"), bytesMax: 1) == bytes("x"))
        await other.close()
    }

    // MARK: What passes

    @Test("Twice unavailable, then fine: done, with longer and longer pauses")
    func passingFaultsAreTriedAgain() async throws {
        let slept = Shared<[Duration]>([])
        let puts = Shared(0)
        try await withProxy(slept: slept) { request in
            guard request.isPut else { return .pass }
            switch puts.withLock({
                $0 += 1; return $0
            }) {
            case 1: return .status(503, code: "SlowDown")
            case 2: return .status(500, code: "InternalError")
            case 3: return .status(429, code: "TooManyRequests")
            case 4: return .reset
            default: return .pass
            }
        } _: { store, _ in
            #expect(try await store.create(key("a"), bytes("x"), retention: aDay) == .created)
            try await store.verifyRetention(key("a"), aDay)
        }
        let pauses = slept.current
        #expect(pauses.count == 4)
        for (index, pause) in pauses.enumerated() {
            let full = Duration.milliseconds(200 * (1 << index))
            #expect(pause >= full / 2 && pause <= full)
        }
    }

    @Test func triesAnEndTo() async throws {
        let slept = Shared<[Duration]>([])
        var patience = S3Patience()
        patience.attemptsMax = 12
        patience.pauseMax = .seconds(3)
        patience.jitter = { 1 }
        try await withProxy(patience: patience, slept: slept) { _ in
            .status(503, code: "SlowDown")
        } _: { store, proxy in
            let before = proxy.requests.count
            #expect(await code { _ = try await store.read(key("a"), bytesMax: 10) } == "object.unavailable")
            #expect(proxy.requests.count - before == 12)
        }
        #expect(slept.current.max() == .seconds(3))
        #expect(slept.current.count == 11)
    }

    @Test("A pause that the server asks for is kept, within a limit; a shorter one, and what is no number of seconds, changes nothing")
    func waitsAsAsked() async throws {
        let slept = Shared<[Duration]>([])
        var patience = S3Patience()
        patience.attemptsMax = 8
        patience.firstPause = .seconds(1)
        patience.pauseMax = .seconds(2)
        patience.jitter = { 1 }
        let puts = Shared(0)
        let asked = ["7", "30", "31", "999999999", "99999999999999999999", "-5", "0"]
        try await withProxy(patience: patience, slept: slept) { request in
            guard request.isPut else { return .pass }
            let number = puts.withLock {
                $0 += 1; return $0
            }
            guard number <= asked.count else { return .pass }
            let status = number % 2 == 0 ? "429 Too Many Requests" : "503 Slow Down"
            return .answer(
                Array("HTTP/1.1 \(status)\r\ncontent-length: 0\r\nretry-after: \(asked[number - 1])\r\nconnection: close\r\n\r\n".utf8))
        } _: { store, _ in
            let outcome = try await store.create(key("a"), bytes("x"), retention: aDay)
            #expect(outcome == .created)
        }
        #expect(slept.current == [7, 30, 30, 30, 2, 2, 2].map { .seconds($0) })
    }

    @Test func aServerThatDoesNotAnswerIsGivenUp() async throws {
        var patience = S3Patience()
        patience.attemptsMax = 2
        try await withProxy { _ in
            .pass
        } _: { store, _ in
            try await store.putMutable(key("m"), bytes("x"))
        }
        // Long enough for each attempt to arrive on a busy machine.
        patience.deadline = .seconds(2)
        let proxy = try HostileProxy(before: try await LabS3.shared().port) { _ in .hang }
        defer { proxy.stop() }
        let slept = Shared<[Duration]>([])
        #expect(
            await code { _ = try await openBucket(bucket, port: proxy.port, patience: patience, makesBucket: false, slept: slept) }
                == "object.unavailable")
        #expect(proxy.requests.count == 2)
    }

    @Test("403 and 400 are final", arguments: [(403, "AccessDenied", "object.denied"), (400, "BadDigest", "object.refused")])
    func finalAnswersAreNotTriedAgain(status: Int, name: String, expected: String) async throws {
        try await withProxy {
            $0.isPut ? .status(status, code: name) : .pass
        } _: { store, proxy in
            #expect(await code { try await store.create(key("a"), bytes("x"), retention: aDay) } == expected)
            #expect(proxy.requests.count(where: \.isPut) == 1)
        }
    }

    @Test("A write that was kept and reported lost is found again, not doubled into another content")
    func aLostAnswerIsNoLoss() async throws {
        let puts = Shared(0)
        try await withProxy { request in
            request.isPut
                && puts.withLock({
                    $0 += 1; return $0
                }) == 1 ? .passAndReset : .pass
        } _: { store, proxy in
            try await store.create(key("a"), bytes("x"), retention: aDay)
            #expect(proxy.requests.count(where: \.isPut) == 2)
            try await store.verifyRetention(key("a"), aDay)
            #expect(try await store.read(key("a"), bytesMax: 1) == bytes("x"))
        }
    }

    @Test(
        "Of every request of a create, lost before or after its effect: the next create ends with one locked object",
        arguments: 1...4, [false, true])
    func aCreateThatDiedIsFinishedByTheNext(at step: Int, isKept: Bool) async throws {
        var patience = S3Patience()
        patience.attemptsMax = 1
        let count = Shared(0)
        try await withProxy(patience: patience) { _ in
            count.withLock({
                $0 += 1; return $0
            }) == step ? (isKept ? .passAndReset : .reset) : .pass
        } _: { store, _ in
            #expect(await code { try await store.create(key("a"), bytes("x"), retention: aDay) } == "object.unavailable")
            try await store.create(key("a"), bytes("x"), retention: aDay)
            try await store.verifyRetention(key("a"), aDay)
            #expect(try await store.read(key("a"), bytesMax: 1) == bytes("x"))
            #expect(try await store.list(.all, after: nil, limit: 10).keys == [key("a")])
        }
    }

    @Test func anAnswerThatBreaksOffIsTriedAgain() async throws {
        let reads = Shared(0)
        try await withProxy { request in
            request.method == "GET" && !request.isVersionList
                && reads.withLock({
                    $0 += 1; return $0
                }) == 1 ? .cut(3) : .pass
        } _: { store, _ in
            try await store.create(key("a"), bytes("sixteen bytes .."), retention: .none)
            #expect(try await store.read(key("a"), bytesMax: 100) == bytes("sixteen bytes .."))
            #expect(reads.current == 2)
        }
    }

    // MARK: What must not pass for success

    @Test("A lock that is not what was asked does not count as stored", arguments: ["none", "GOVERNANCE", "shorter", "nonsense"])
    func aWrongLockIsRefused(lie: String) async throws {
        try await withProxy { request in
            guard request.method == "HEAD" else { return .pass }
            return .edit { reply in
                reply.head = reply.head.compactMap { line in
                    let name = line.lowercased().split(separator: ":").first.map(String.init) ?? ""
                    guard name.hasPrefix("x-amz-object-lock-") else { return line }
                    switch (lie, name) {
                    case ("none", _): return nil
                    case ("GOVERNANCE", "x-amz-object-lock-mode"): return "\(name): GOVERNANCE"
                    case ("shorter", "x-amz-object-lock-retain-until-date"): return "\(name): 2027-01-01T00:00:00Z"
                    case ("nonsense", "x-amz-object-lock-retain-until-date"): return "\(name): tomorrow"
                    default: return line
                    }
                }
            }
        } _: { store, _ in
            let found = await code { try await store.create(key("a"), bytes("x"), retention: .days(2_190, from: clock.now)) }
            #expect(found == (lie == "nonsense" ? "object.malformed" : "object.retention_not_applied"))
        }
    }

    @Test func anAnswerWithoutAVersionMeansTheBucketLostItsVersions() async throws {
        try await withProxy { request in
            guard request.isPut else { return .pass }
            return .edit { $0.head.removeAll { $0.lowercased().hasPrefix("x-amz-version-id") } }
        } _: { store, _ in
            #expect(await code { try await store.create(key("a"), bytes("x"), retention: aDay) } == "object.bucket_without_lock")
        }
    }

    @Test(
        "What is not S3 is refused",
        arguments: [
            "", "not XML", "<html><body>hello</body></html>", "<ListVersionsResult><IsTruncated>false</IsTruncated>",
            "<ListVersionsResult><IsTruncated>maybe</IsTruncated></ListVersionsResult>",
            "<ListVersionsResult><IsTruncated>true</IsTruncated></ListVersionsResult>",
            "<ListVersionsResult><IsTruncated>false</IsTruncated><Version><Key>objects/a</Key></Version></ListVersionsResult>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><ListVersionsResult><IsTruncated>&b;</IsTruncated></ListVersionsResult>",
        ])
    func garbageIsRefused(body: String) async throws {
        try await withProxy {
            $0.isVersionList ? .body(body) : .pass
        } _: { store, _ in
            #expect(await code { _ = try await store.list(.all, after: nil, limit: 10) } == "object.malformed")
            #expect(await code { try await store.create(key("a"), bytes("x"), retention: aDay) } == "object.malformed")
        }
    }

    @Test func aListWithoutEndIsGivenUp() async throws {
        let page =
            "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>objects/a</NextKeyMarker>"
            + "<NextVersionIdMarker>v</NextVersionIdMarker><Version><Key>objects/a</Key><VersionId>v</VersionId></Version>"
            + "</ListVersionsResult>"
        try await withProxy {
            $0.isVersionList ? .body(page) : .pass
        } _: { store, _ in
            #expect(await code { try await store.create(key("a"), bytes("x"), retention: aDay) } == "object.too_many_versions")
        }
    }

    @Test func aFloodIsCutOff() async throws {
        try await withProxy {
            $0.method == "GET" ? .flood : .pass
        } _: { store, _ in
            #expect(await code { _ = try await store.list(.all, after: nil, limit: 10) } == "object.malformed")
            #expect(await code { _ = try await store.readMutable(key("m"), bytesMax: 100) } == "object.too_large")
        }
    }

    @Test func changedBytesAreNoticed() async throws {
        try await withProxy { request in
            guard request.method == "GET", !request.isVersionList else { return .pass }
            return .edit { $0.body[0] ^= 1 }
        } _: { store, _ in
            try await store.create(key("a"), bytes("x"), retention: aDay)
            #expect(await code { _ = try await store.read(key("a"), bytesMax: 10) } == "object.corrupt")
        }
    }

    @Test func aCancelledTaskStopsTrying() async throws {
        try await withProxy { _ in
            .hang
        } _: { store, proxy in
            let before = proxy.requests.count
            let task = Task { await code { _ = try await store.read(key("a"), bytesMax: 10) } }
            while proxy.requests.count == before { await Task.yield() }
            task.cancel()
            #expect(await task.value == "object.cancelled")
        }
    }
}
