import Central
import Database
import Documents
import Evidence
import Foundation
import Logging
import Model
import Objects
import Reports
import Seal
import TestSupport
import Testing
import Wire

@Suite struct ArchiveTests {
    @Test(
        "Accepted evidence is archived once, in its organization's own place, and reads back as it was signed",
        arguments: ObjectPlace.allCases)
    func archives(place: ObjectPlace) async throws {
        let objects = try await place.configuration()
        try await CentralUnderTest.run(
            place == .s3 ? .postgres : .sqlite,
            change: {
                $0.objects = objects
                // A server of S3 does not take requests of another hour.
                $0.archiveDelay = .seconds(600)
            }, hasRecurringWork: false
        ) { central in
            let (lakeside, hillside) = (try await central.makeTenant(), try await central.makeTenant("Hillside Clinic"))
            var (first, second) = (try await enrolledBox(at: central, lakeside), try await enrolledBox(at: central, hillside))
            let sent = try first.makeBundles(7, at: central.clock.now)
            let others = try second.makeBundles(3, at: central.clock.now)
            #expect(try await first.submit(sent, to: central).refusal == nil)
            #expect(try await second.submit(others, to: central).refusal == nil)

            let archive = central.services.archive
            // Young evidence waits for more; ten minutes old it does not.
            #expect(try await archive.pass() == EvidenceArchive.Summary())
            central.clock.advance(by: .seconds(599))
            #expect(try await archive.pass().chunks == 0)
            central.clock.advance(by: .seconds(1))
            #expect(try await archive.pass().bundles == 10)
            #expect(try await archive.pass() == EvidenceArchive.Summary())

            for (box, tenant, bundles) in [(first, lakeside, sent), (second, hillside, others)] {
                let chunk = try #require(await archive.chunks(of: box.grant!.appliance).first)
                #expect(chunk.organization == tenant.scope.organization)
                let keys = EvidenceArchive.keys(of: chunk)
                let store = central.services.objects.store(of: tenant.scope.organization)
                let lines = try await store.read(keys.lines, bytesMax: KitChunk.bytesMax)
                let signatures = try await store.read(keys.signatures, bytesMax: KitChunk.bytesMax)
                #expect(KitChunk.bundles(lines: lines, signatures: signatures) == bundles)
                let record = try #require(await store.record(of: keys.lines))
                #expect(record.retention.covers(.days(2_190, from: chunk.newest)))
                #expect(!record.isHeld)
                // The other organization's place has nothing of it.
                let other = tenant.site == lakeside.site ? hillside : lakeside
                let elsewhere = central.services.objects.store(of: other.scope.organization)
                #expect(try await elsewhere.record(of: keys.lines) == nil)
            }
        }
    }

    @Test("A thousand bundles never wait, and the rest makes the next chunk")
    func full() async throws {
        try await CentralUnderTest.run(.sqlite, hasRecurringWork: false) { central in
            var box = try await enrolledBox(at: central)
            for _ in 0..<3 { _ = try await box.submit(box.makeBundles(400, at: central.clock.now), to: central) }
            #expect(try await central.services.archive.pass() == .init(chunks: 1, bundles: 1_000))
            central.clock.advance(by: .seconds(3_600))
            #expect(try await central.services.archive.pass() == .init(chunks: 1, bundles: 200))
            let chunks = try await central.services.archive.chunks(of: box.grant!.appliance)
            #expect(chunks.map(\.sequences) == [0...999, 1_000...1_199])
        }
    }

    @Test(
        "Killed at any of its steps, the archive goes on with the same objects", arguments: TestEngine.allCases,
        [CentralDurableStep.archiveAfterPlan, .archiveAfterObjects, .archiveAfterRecord])
    func killed(engine: TestEngine, step: CentralDurableStep) async throws {
        try await CentralUnderTest.run(engine, hasRecurringWork: false) { central in
            var box = try await enrolledBox(at: central)
            _ = try await box.submit(box.makeBundles(4, at: central.clock.now), to: central)
            let program = MartletProgram(central.configuration)
            #expect(try await program.run("central", "archive", "store", "--crash-at", step.rawValue).wasKilled)
            // What has come meanwhile is not in the chunk that was begun.
            _ = try await box.submit(box.makeBundles(2, at: central.clock.now), to: central)
            let again = try await program.run("central", "archive", "store")
            #expect(again.status == 0, "\(again.errors)")
            let chunks = try await central.services.archive.chunks(of: box.grant!.appliance)
            #expect(chunks.map(\.sequences) == [0...3, 4...5])
            #expect(chunks.allSatisfy { $0.retainedUntil != nil })
        }
    }

    @Test(
        "Killed wherever a longer term or a hold is brought to what is archived, the next pass brings it to all of it",
        arguments: ObjectPlace.allCases,
        [
            (CentralDurableStep.archiveAfterTerm, 1), (.archiveAfterTerm, 2), (.archiveAfterHold, 1), (.archiveAfterHold, 2),
            (.archiveBeforeChange, 1), (.archiveAfterChange, 1),
        ])
    func killedAtAChange(place: ObjectPlace, end: (step: CentralDurableStep, count: Int)) async throws {
        let objects = try await place.configuration()
        try await CentralUnderTest.run(.sqlite, change: { $0.objects = objects }, hasRecurringWork: false) { central in
            let tenant = try await central.makeTenant()
            var box = try await enrolledBox(at: central, tenant)
            _ = try await box.submit(box.makeBundles(2, at: central.clock.now), to: central)
            _ = try await central.services.archive.pass(isImmediate: true)
            try await central.services.tenants.retain(3_000, in: tenant.scope)
            _ = try await central.services.holds.change(true, tenant.scope, reason: "test", by: CentralUnderTest.person)
            // Of what is held, what comes now is held from its first minute.
            _ = try await box.submit(box.makeBundles(2, at: central.clock.now), to: central)

            let program = MartletProgram(central.configuration)
            #expect(try await program.run("central", "archive", "store", "--crash-at", "\(end.step.rawValue):\(end.count)").wasKilled)
            let again = try await program.run("central", "archive", "store")
            #expect(again.status == 0, "\(again.errors)")
            let chunks = try await central.services.archive.chunks(of: try #require(box.grant).appliance)
            #expect(chunks.map(\.sequences) == [0...1, 2...3] && chunks.allSatisfy(\.isHeld))
            let store = central.services.objects.store(of: tenant.scope.organization)
            for chunk in chunks {
                let keys = EvidenceArchive.keys(of: chunk)
                for key in [keys.lines, keys.signatures] {
                    let record = try #require(await store.record(of: key))
                    #expect(record.isHeld && record.retention.covers(.days(3_000, from: chunk.newest)), "\(key)")
                }
            }
            #expect(try await central.services.archive.pass() == EvidenceArchive.Summary())
        }
    }

    @Test("Evidence that was changed in the database is not archived as evidence; other organizations' is")
    func changedBehindOurBack() async throws {
        try await CentralUnderTest.run(.sqlite, hasRecurringWork: false) { central in
            let (bad, good) = (try await central.makeTenant(), try await central.makeTenant("Hillside Clinic"))
            var (first, second) = (try await enrolledBox(at: central, bad), try await enrolledBox(at: central, good))
            _ = try await first.submit(first.makeBundles(2, at: central.clock.now), to: central)
            _ = try await second.submit(second.makeBundles(2, at: central.clock.now), to: central)
            let appliance = try #require(first.grant).appliance
            try await central.services.database.write { transaction in
                let row = try transaction.query(
                    "SELECT bytes FROM evidence WHERE appliance_id = \(appliance.description) AND sequence = 1")[0]
                var bytes = try row.blob(0)
                bytes[20] ^= 1
                try transaction.execute(
                    "UPDATE evidence SET bytes = \(bytes) WHERE appliance_id = \(appliance.description) AND sequence = 1")
            }
            await #expect(throws: ArchiveError.evidenceChanged(appliance, 0...1)) {
                try await central.services.archive.pass(isImmediate: true)
            }
            let stored = try await central.services.archive.chunks(of: try #require(second.grant).appliance)
            #expect(stored.map { $0.retainedUntil != nil } == [true])
        }
    }

    @Test("An object that stands there with other bytes is a fault, and nothing is replaced")
    func otherBytes() async throws {
        try await CentralUnderTest.run(.sqlite, hasRecurringWork: false) { central in
            let tenant = try await central.makeTenant()
            var box = try await enrolledBox(at: central, tenant)
            _ = try await box.submit(box.makeBundles(2, at: central.clock.now), to: central)
            let organization = tenant.scope.organization
            let key = ObjectKey("evidence/\(organization)/\(try #require(box.grant).appliance)/000000000000.jsonl")!
            let store = central.services.objects.store(of: organization)
            try await store.create(key, [1, 2, 3], retention: .none)
            await #expect(throws: ObjectError.existsDifferent(key)) { try await central.services.archive.pass(isImmediate: true) }
            #expect(try await store.read(key, bytesMax: 100) == [1, 2, 3])
        }
    }

    @Test("While S3 is away evidence is taken in, the stalled archive is an alert, and when it is back all is archived")
    func away() async throws {
        let lab = try await LabS3.shared()
        let isAway = Shared(false)
        let proxy = try HostileProxy(before: lab.port) { _ in isAway.current ? .reset : .pass }
        defer { proxy.stop() }
        let objects = S3Away.configuration(lab, proxy)
        // A server of S3 takes requests of a quarter of an hour before and after: half an hour for the clock to move.
        let clock = TestClock(at: WallClock.system.now() - .seconds(780))
        try await CentralUnderTest.run(
            .sqlite, clock: clock,
            change: {
                $0.objects = objects
                $0.archiveDelay = .seconds(60)
            }
        ) { central in
            var box = try await enrolledBox(at: central)
            let appliance = try #require(box.grant).appliance
            isAway.withLock { $0 = true }
            _ = try await box.submit(box.makeBundles(3, at: central.clock.now), to: central)
            func codes() async throws -> Set<String> { Set(try await central.services.status.alerts().map(\.code)) }
            try await eventually("the archive is an alert", moving: central.clock) { try await codes().contains("archive.stalled") }
            let alert = try #require(await central.services.status.alerts().first { $0.code == "archive.stalled" })
            #expect(alert.sentence.contains("object.unavailable"))
            #expect(try await box.submit(box.makeBundles(3, at: central.clock.now), to: central).refusal == nil)
            isAway.withLock { $0 = false }
            try await eventually("all is archived", moving: central.clock) {
                let chunks = try await central.services.archive.chunks(of: appliance)
                guard chunks.last?.sequences.upperBound == 5, chunks.allSatisfy({ $0.retainedUntil != nil }) else { return false }
                return try await !codes().contains("archive.stalled")
            }
        }
    }

    @Test(
        "Started while S3 is away, Central says so, takes evidence in, and archives and publishes it when S3 is back",
        arguments: [Absence.broken, .silent])
    func startsWithout(absence: Absence) async throws {
        let lab = try await LabS3.shared()
        let isAway = Shared(true)
        let proxy = try HostileProxy(before: lab.port) { _ in isAway.current ? (absence == .broken ? .reset : .hang) : .pass }
        defer { proxy.stop() }
        let clock = TestClock(at: WallClock.system.now() - .seconds(780))
        let began = clock.now
        // Central waits by the test's clock, which somebody must move before there is a Central.
        let moving = Task {
            while !Task.isCancelled { clock.advance(by: .milliseconds(500)); try await Task.sleep(for: .milliseconds(20)) }
        }
        defer { moving.cancel() }
        try await CentralUnderTest.run(
            .sqlite, clock: clock,
            change: {
                $0.objects = S3Away.configuration(lab, proxy)
                $0.archiveDelay = .seconds(60)
            }
        ) { central in
            moving.cancel()
            #expect(clock.now - began < .seconds(60), "a start is not held up")
            var box = try await enrolledBox(at: central)
            let appliance = try #require(box.grant).appliance
            #expect(try await box.submit(box.makeBundles(3, at: central.clock.now), to: central).refusal == nil)
            // A stop is not held up by a silent server either: the end of this test.
            guard absence == .broken else { return }
            func codes() async throws -> Set<String> { Set(try await central.services.status.alerts().map(\.code)) }
            try await eventually("archive and log are alerts", moving: central.clock) {
                try await codes().isSuperset(of: ["archive.stalled", "log.stalled"])
            }
            #expect(try await box.submit(box.makeBundles(2, at: central.clock.now), to: central).refusal == nil)
            isAway.withLock { $0 = false }
            try await eventually("all is archived and published", moving: central.clock) {
                let chunks = try await central.services.archive.chunks(of: appliance)
                guard chunks.last?.sequences.upperBound == 4, chunks.allSatisfy({ $0.retainedUntil != nil }) else { return false }
                return try await codes().isDisjoint(with: ["archive.stalled", "log.stalled"])
            }
            let published = try await central.send("GET", "/log/checkpoint", to: .web)
            #expect(published.status == 200)
        }
    }

    enum Absence: Sendable { case broken, silent }

    @Test("A bucket that does not lock is refused at the start")
    func withoutLock() async throws {
        let lab = try await LabS3.shared()
        let bucket = "t-open-" + (0..<6).map { _ in UInt8.random(in: 0...255) }.hexadecimal
        _ = try lab.boto("s3.create_bucket(Bucket=args[0])", [bucket])
        let directory = try TemporaryDirectory()
        var configuration = CentralConfiguration(dataDirectory: directory.path)
        configuration.objects = ObjectsConfiguration(
            place: .s3(
                .init(
                    endpoint: S3Endpoint(lab.endpoint)!, region: lab.region, buckets: BucketTemplate(bucket)!,
                    credentialsPath: lab.credentials)),
            retentionDays: 2_190)
        _ = try CentralKeys.create(in: directory.path, at: TestClock().now)
        await #expect(throws: ObjectError.bucketWithoutLock(bucket)) {
            try await CentralProcess.build(configuration, clock: TestClock().clock, logger: Logger(label: "test"))
        }
    }
}
