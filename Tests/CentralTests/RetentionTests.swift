import Central
import Database
import Documents
import Evidence
import Foundation
import Model
import Objects
import Reports
import Seal
import TestSupport
import Testing
import TransparencyLog
import Wire

@Suite struct RetentionTests {
    private static let days: Int64 = 2_190

    private struct Place {
        let tenant: CentralUnderTest.Tenant
        let box: Box
        var appliance: ApplianceID { box.grant!.appliance }
    }

    /// A site with six archived bundles in two chunks, and their checkpoint.
    private func filled(_ central: CentralUnderTest, _ name: String = "Lakeside Clinic") async throws -> Place {
        let tenant = try await central.makeTenant(name)
        var box = try await enrolledBox(at: central, tenant)
        for count in [4, 2] {
            _ = try await box.submit(box.makeBundles(count, at: central.clock.now), to: central)
            _ = try await central.services.archive.pass(isImmediate: true)
            try await central.process.integrateLog()
        }
        return Place(tenant: tenant, box: box)
    }

    private func held(_ place: Place, _ central: CentralUnderTest) async throws -> [Int64] {
        try await central.services.evidence.page(of: place.tenant.site, in: place.tenant.scope, limit: 100).map(\.sequence)
    }

    @Test(
        "Six years later to the millisecond evidence is pruned; digests, links and log stay, and the statement says so",
        arguments: TestEngine.allCases)
    func prunes(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine, hasRecurringWork: false) { central in
            let place = try await filled(central)
            let before = try await central.services.log(central.configuration).newest()
            let leaves = try await rows(place, central)
            central.clock.advance(by: .seconds(Int(Self.days) * 86_400) - .milliseconds(1))
            #expect(try await central.services.retention.pass() == EvidenceRetention.Summary())
            #expect(try await held(place, central) == [0, 1, 2, 3, 4, 5])
            central.clock.advance(by: .milliseconds(1))
            #expect(try await central.services.retention.pass() == .init(bundles: 6, kept: 0))
            #expect(try await central.services.retention.pass() == EvidenceRetention.Summary())

            #expect(try await held(place, central) == [])
            #expect(try await rows(place, central) == leaves)
            let pruned = try await central.services.evidence.pruned(of: place.tenant.site, in: place.tenant.scope)
            #expect(pruned.map(\.appliance) == [place.appliance])
            #expect(pruned.map(\.sequences) == [0...5])
            let store = central.services.objects.store(of: place.tenant.scope.organization)
            for chunk in try await central.services.archive.chunks(of: place.appliance) {
                #expect(chunk.pruned == central.clock.now)
                #expect(try await store.record(of: EvidenceArchive.keys(of: chunk).lines) == nil)
            }
            let statements = try await central.services.statements.list(
                of: place.tenant.site, in: place.tenant.scope, kinds: [.pruned])
            #expect(statements.count == 2)
            let payload = try statements[0].payload(schema: "martlet.pruned/v1", keys: [central.services.keys.receipts.verifyingKey])
            #expect(payload["firstSequence"]?.integer == 0)
            #expect(payload["lastSequence"]?.integer == 3)

            // The log still proves each of them, and goes on.
            try await central.process.integrateLog()
            let log = try central.services.log(central.configuration)
            let trust = LogTrust(logKeys: [try NoteVerifier(name: "localhost/log", key: central.services.keys.log.verifyingKey)])
            for row in leaves {
                let leaf = LogEntry(document: row.digest, signer: place.box.evidenceKey.verifyingKey).leafHash
                #expect(try await log.proof(of: row.index).verify(leaf: leaf, trust: trust).index == row.index)
            }
            let old = try Checkpoint(text: try #require(before).text)
            let newest = try Checkpoint(text: try await newestText(log))
            #expect(newest.size > old.size)
            try await log.consistency(from: old.size).proof.verify(
                oldSize: old.size, oldRoot: old.root, newSize: newest.size, newRoot: newest.root)
        }
    }

    @Test("A longer term of the organization counts, here and in the archive, and is never made shorter")
    func longerTerm() async throws {
        try await CentralUnderTest.run(.sqlite, hasRecurringWork: false) { central in
            let (long, usual) = (try await filled(central), try await filled(central, "Hillside Clinic"))
            try await central.services.tenants.retain(3_000, in: long.tenant.scope)
            await #expect(throws: CentralError.retentionShorter(3_000)) {
                try await central.services.tenants.retain(2_999, in: long.tenant.scope)
            }
            await #expect(throws: CentralError.self) { try await central.services.tenants.retain(2_189, in: usual.tenant.scope) }
            #expect(try await central.services.archive.pass().changed == 2)
            central.clock.advance(by: .seconds(2_999 * 86_400))
            #expect(try await central.services.retention.pass().bundles == 6)
            #expect(try await held(long, central).count == 6)
            #expect(try await held(usual, central) == [])
            central.clock.advance(by: .seconds(86_400))
            #expect(try await central.services.retention.pass().bundles == 6)
        }
    }

    @Test("A held organization is never pruned; released, it is", arguments: TestEngine.allCases)
    func hold(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine, hasRecurringWork: false) { central in
            let place = try await filled(central)
            let hold = try await central.services.holds.change(
                true, place.tenant.scope, reason: "Doe v. Lakeside", by: CentralUnderTest.person)
            // Before the archive's objects follow, the hold counts already.
            central.clock.advance(by: .seconds(10 * 365 * 86_400))
            #expect(try await central.services.retention.pass() == .init(bundles: 0, kept: 1))
            #expect(try await central.services.archive.pass().changed == 2)
            #expect(try await central.services.retention.pass() == .init(bundles: 0, kept: 1))
            #expect(try await held(place, central).count == 6)
            await #expect(throws: CentralError.holdUnchanged(true)) {
                try await central.services.holds.change(true, place.tenant.scope, reason: "again", by: CentralUnderTest.person)
            }
            _ = try await central.services.holds.change(false, place.tenant.scope, reason: "settled", by: CentralUnderTest.person)
            // The objects are held still: first the archive follows.
            #expect(try await central.services.retention.pass() == .init(bundles: 0, kept: 1))
            #expect(try await central.services.archive.pass().changed == 2)
            #expect(try await central.services.retention.pass().bundles == 6)
            let history = try await central.services.holds.history(for: CentralUnderTest.person)
            #expect(history.map(\.isSet) == [true, false])
            #expect(history[0] == hold)
            let statements = try await central.services.statements.list(of: place.tenant.site, in: place.tenant.scope, kinds: [.hold])
            #expect(statements.map(\.logIndex) == history.map(\.logIndex))
        }
    }

    @Test("A held organization's objects are held at the S3 server, new ones too, and released there")
    func holdOnS3() async throws {
        let objects = try await ObjectPlace.s3.configuration()
        try await CentralUnderTest.run(.sqlite, change: { $0.objects = objects }, hasRecurringWork: false) { central in
            let place = try await filled(central)
            let store = central.services.objects.store(of: place.tenant.scope.organization)
            func areHeld() async throws -> [Bool] {
                var answers: [Bool] = []
                for chunk in try await central.services.archive.chunks(of: place.appliance) {
                    let keys = EvidenceArchive.keys(of: chunk)
                    for key in [keys.lines, keys.signatures] { answers.append(try #require(await store.record(of: key)).isHeld) }
                }
                return answers
            }
            let program = MartletProgram(central.configuration)
            _ = program
            _ = try await central.services.holds.change(true, place.tenant.scope, reason: "Doe", by: CentralUnderTest.person)
            #expect(try await central.services.archive.pass().changed == 2)
            #expect(try await areHeld() == [true, true, true, true])
            var box = place.box
            _ = try await box.submit(box.makeBundles(1, at: central.clock.now), to: central)
            _ = try await central.services.archive.pass(isImmediate: true)
            #expect(try await areHeld() == [true, true, true, true, true, true])
            _ = try await central.services.holds.change(false, place.tenant.scope, reason: "settled", by: CentralUnderTest.person)
            #expect(try await central.services.archive.pass().changed == 3)
            #expect(try await areHeld().contains(true) == false)
        }
    }

    @Test(
        "At the S3 server what is past its lock is deleted with all its versions; what is locked or held there stays, whatever our clock says"
    )
    func prunesOnS3() async throws {
        let lab = try await LabS3.shared()
        let name = "t-prune-" + (0..<6).map { _ in UInt8.random(in: 0...255) }.hexadecimal
        // One bucket, in which only the server's lock tells the organizations apart.
        let objects = ObjectsConfiguration(
            place: .s3(
                .init(
                    endpoint: S3Endpoint(lab.endpoint)!, region: lab.region, buckets: BucketTemplate(name)!,
                    credentialsPath: lab.credentials, makesBuckets: true)),
            retentionDays: 2_190)
        try await CentralUnderTest.run(.sqlite, change: { $0.objects = objects }, hasRecurringWork: false) { central in
            // Long enough that the archive gets to it on a busy machine: an object cannot be locked until a time that is over.
            let lock: Duration = .seconds(20)
            /// Received so long ago that the lock of what is archived now ends in seconds.
            func aged(_ name: String, by span: Duration) async throws -> Place {
                let tenant = try await central.makeTenant(name)
                var box = try await enrolledBox(at: central, tenant)
                let now = WallClock.system.now()
                _ = try await box.submit(box.makeBundles(2, at: central.clock.now), to: central)
                let (received, appliance) = ((now - span).milliseconds, try #require(box.grant).appliance.description)
                try await central.services.database.write {
                    try $0.execute("UPDATE evidence SET received_at = \(received) WHERE appliance_id = \(appliance)")
                }
                _ = try await central.services.archive.pass(isImmediate: true)
                return Place(tenant: tenant, box: box)
            }
            func versions(_ place: Place) async throws -> Int {
                let script = "print(len(s3.list_object_versions(Bucket=args[0], Prefix=args[1]).get('Versions', [])))"
                let answer = try lab.boto(script, [name, "objects/evidence/\(place.tenant.scope.organization)/"])
                return Int(answer.trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1
            }
            let nearly = Duration.seconds(Self.days * 86_400) - lock
            let (young, held) = (try await aged("Young", by: .seconds(86_400)), try await aged("Held", by: nearly))
            // By hand, at the server: nothing of it stands in our database.
            _ = try await lab.boto(
                "s3.put_object_legal_hold(Bucket=args[0], Key=args[1], LegalHold={'Status': 'ON'})",
                [name, try await object(held, central)])
            let over = try await aged("Over", by: nearly)
            _ = try await lab.boto("s3.put_object(Bucket=args[0], Key=args[1], Body=b'forged')", [name, try await object(over, central)])
            let until = try #require(await central.services.archive.chunks(of: over.appliance).first?.retainedUntil)

            // Our clock is past the terms of two of the three, the server's is not yet.
            // The test's clock stood still since it was made, however long all this took.
            central.clock.advance(by: WallClock.system.now() - central.clock.now + .seconds(60))
            var pruned: Int64 = 0
            try await eventually("the server lets go") {
                pruned += try await central.services.retention.pass().bundles
                let left = try await versions(over)
                let now = WallClock.system.now()
                // The stranger's version has no lock.
                #expect(left >= 2 || now >= until, "\(left) at \(now), locked until \(until)")
                return left == 0
            }
            #expect(pruned == 2)
            #expect(try await self.held(over, central) == [])
            #expect(try await self.held(held, central) == [0, 1])
            #expect(try await self.held(young, central) == [0, 1])
            #expect(try await versions(held) == 2)
            #expect(try await versions(young) == 2)
            #expect(try await central.services.retention.pass() == .init(bundles: 0, kept: 1))
        }
    }

    /// The lines of the only chunk, as the bucket names them.
    private func object(_ place: Place, _ central: CentralUnderTest) async throws -> String {
        let chunk = try #require(await central.services.archive.chunks(of: place.appliance).first)
        return "objects/\(EvidenceArchive.keys(of: chunk).lines)"
    }

    @Test("Evidence whose archived copy is gone, or was never made, is not pruned")
    func withoutArchive() async throws {
        try await CentralUnderTest.run(.sqlite, hasRecurringWork: false) { central in
            var place = try await filled(central)
            var box = place.box
            _ = try await box.submit(box.makeBundles(1, at: central.clock.now), to: central)
            place = Place(tenant: place.tenant, box: box)
            central.clock.advance(by: .seconds(3_000 * 86_400))
            #expect(try await central.services.retention.pass().bundles == 6)
            #expect(try await held(place, central) == [6])
            _ = try await central.services.archive.pass(isImmediate: true)
            let chunk = try #require(await central.services.archive.chunks(of: place.appliance).last)
            let key = EvidenceArchive.keys(of: chunk).lines
            try await central.services.objects.store(of: place.tenant.scope.organization).delete(key)
            await #expect(throws: ArchiveError.archiveMissing(key)) { try await central.services.retention.pass() }
            #expect(try await held(place, central) == [6])
        }
    }

    @Test(
        "Killed at any of its steps, pruning goes on, states each chunk once and leaves nothing",
        arguments: [CentralDurableStep.pruneBeforeCommit, .pruneAfterCommit, .pruneAfterRemove], [1, 2])
    func killed(step: CentralDurableStep, count: Int) async throws {
        try await CentralUnderTest.run(.sqlite, hasRecurringWork: false) { central in
            let tenant = try await central.makeTenant()
            var box = try await enrolledBox(at: central, tenant)
            for count in [3, 2] {
                _ = try await box.submit(box.makeBundles(count, at: central.clock.now), to: central)
                // The command line has no clock but the machine's: what was received is seven years old.
                let past = (central.clock.now - .seconds(2_600 * 86_400)).milliseconds
                try await central.services.database.write { try $0.execute("UPDATE evidence SET received_at = \(past)") }
                _ = try await central.services.archive.pass(isImmediate: true)
            }
            let place = Place(tenant: tenant, box: box)
            let program = MartletProgram(central.configuration)
            #expect(try await program.run("central", "archive", "prune", "--crash-at", "\(step.rawValue):\(count)").wasKilled)
            let again = try await program.run("central", "archive", "prune")
            #expect(again.status == 0, "\(again.errors)")
            #expect(try await held(place, central) == [])
            #expect(
                try await central.services.statements.list(of: tenant.site, in: tenant.scope, kinds: [.pruned]).count == 2)
            let store = central.services.objects.store(of: tenant.scope.organization)
            #expect(try await store.list(.all, after: nil, limit: 100).keys == [])
            // The chain goes on after what is gone.
            #expect(try await box.submit(box.makeBundles(1, at: central.clock.now), to: central).refusal == nil)
        }
    }

    @Test("A kit over a site whose beginning was pruned holds the rest and still verifies")
    func kit() async throws {
        try await CentralUnderTest.run(.sqlite, hasRecurringWork: false) { central in
            var place = try await filled(central)
            central.clock.advance(by: .seconds(3_600))
            var box = place.box
            // Certificates are valid for a day; what comes years later is received by another road than TLS.
            let late = try box.makeBundles(2, at: central.clock.now)
            _ = try await box.submit(late, to: central)
            _ = try await central.services.archive.pass(isImmediate: true)
            place = Place(tenant: place.tenant, box: box)
            central.clock.advance(by: .seconds(Int(Self.days) * 86_400 - 1_800))
            #expect(try await central.services.retention.pass().bundles == 6)
            let directory = try TemporaryDirectory()
            let summary = try await PacketService(central.services, central.configuration).write(
                place.tenant.site, to: directory.file("kit.zip"), for: CentralUnderTest.person)
            #expect(summary.bundles == 2)
            let program = MartletProgram(central.configuration)
            let verdict = try await program.run("verify", directory.file("kit.zip"))
            #expect(verdict.status == 0, "\(verdict.output) \(verdict.errors)")
        }
    }

    private func newestText(_ log: LogReader) async throws -> String {
        let note = try await log.newest()
        return try #require(note).text
    }

    private struct Kept: Hashable { let digest: Model.Digest, previous: Model.Digest, index: Int64 }

    private func rows(_ place: Place, _ central: CentralUnderTest) async throws -> [Kept] {
        let appliance = place.appliance.description
        return try await central.services.database.read { transaction in
            try transaction.query(
                "SELECT digest, previous, log_index FROM evidence WHERE appliance_id = \(appliance) ORDER BY sequence"
            ).map {
                let (digest, previous) = (Model.Digest(bytes: try $0.blob(0)), Model.Digest(bytes: try $0.blob(1)))
                return Kept(digest: try #require(digest), previous: try #require(previous), index: try $0.integer(2))
            }
        }
    }
}
