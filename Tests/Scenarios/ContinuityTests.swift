import Catalog
import Compliance
import Database
import Evidence
import Foundation
import Hosts
import Model
import Seal
import TestSupport
import Testing

@testable import Appliance

/// What an appliance says of the times in which it could look and in which it could not, and what follows from it.
@Suite struct ContinuityTests {
    /// An appliance with one check on this machine, its state in memory, its clock moved by the test.
    final class Site {
        let clock: TestClock
        let central: LabCentral
        let directory: TemporaryDirectory
        let configuration: ApplianceConfiguration
        /// At Central.
        let owner: LabSite
        var process: ApplianceProcess
        private var restarts = 0
        var file: String { directory.path + "/watched" }

        init(at instant: Timestamp, interval: Duration, in parent: String = "/dev/shm") async throws {
            clock = TestClock(at: instant)
            central = try LabCentral(clock: clock.clock, clientCertificateLifetime: .seconds(500 * 86_400))
            try await central.start()
            let site = try await central.site()
            owner = site
            directory = try TemporaryDirectory(in: parent)
            var configuration = ApplianceConfiguration(directory: StateDirectory(directory.path + "/state"))
            configuration.hosts = [.init(access: HostAccess(id: "here", address: .local))]
            configuration.timeServers = []
            configuration.heartbeat = .seconds(86_400)
            self.configuration = configuration
            try await LabAppliance.enroll(configuration, central, site.code, clock.clock)
            process = try await LabAppliance.build(configuration, clock.clock, .none)
            FileManager.default.createFile(
                atPath: directory.path + "/watched", contents: Data("x".utf8), attributes: [.posixPermissions: 0o640])
            try await central.publish(LabCatalog.make(version: 1, file: file, interval: interval))
            await process.continuity.start()
            try await fetchCatalog()
        }

        /// As the poll does it; with real TLS only as long as the certificates are in date.
        func fetchCatalog() async throws {
            let poll = PollService(
                process.context, clockService: ClockService(process.context),
                beforeSwitch: { [process] in await process.detect.attestWaiting() })
            _ = await poll.turn()
        }

        /// Found compliant; how the machine is asked is other tests' matter.
        func look() async throws {
            let loaded = try #require(try await process.context.catalog.current())
            let now = clock.now
            let seen = Observation(
                host: "here", check: LabCatalog.check, verdict: .compliant, facts: Facts(), started: now, ended: now)
            await process.detect.record([seen], loaded)
        }

        /// Stopped in good order, and started again.
        func restart(hosts: [ApplianceConfiguration.HostEntry]? = nil, after span: Duration) async throws {
            await process.detect.attestWaiting()
            await process.close()
            clock.advance(by: span)
            // A lock on the state lasts as long as the process: what comes up is another one, on a copy.
            restarts += 1
            let copy = directory.path + "/state-\(restarts)"
            try FileManager.default.copyItem(atPath: process.context.configuration.directory.path, toPath: copy)
            var changed = configuration
            changed.directory = StateDirectory(copy)
            if let hosts { changed.hosts = hosts }
            process = try await LabAppliance.build(changed, clock.clock, .none)
            await process.continuity.start()
        }

        func records() async throws -> [BundleRecord] {
            try await process.context.database.read { try EvidenceTable.all(in: $0) }.map { stored in
                try BundleRecord(reading: ObjectReader(JSONValue(parsing: stored.signed.bytes, limits: JSONLimits(bytesMax: 1 << 18))))
            }
        }

        func coverage(from: Timestamp, days: Int) async throws -> Coverage {
            let records = try await records()
            let period = try #require(CoveragePeriod(from: from, until: from + .seconds(86_400 * days), horizon: clock.now))
            var builder = CoverageBuilder(site: process.context.identity.site, period: period)
            for record in records { try builder.add(ChainEntry(record, received: record.ended, enrolled: from)) }
            return builder.finish()
        }

        func stop() async throws {
            await process.close()
            try await central.stop()
        }
    }

    /// A midnight that lies so far back that certificates made then are still good.
    static let midnight = Timestamp(
        milliseconds: (WallClock.system.now().milliseconds / 86_400_000 - 390) * 86_400_000)

    @Test("A year in which nothing went wrong is whole, and what was missed while the box was off says so")
    func aYear() async throws {
        let site = try await Site(at: Self.midnight, interval: .seconds(23 * 3_600))
        for hour in 0..<(365 * 24) {
            if hour % 20 == 0 { try await site.look() }
            _ = await site.process.detect.turn()
            _ = await site.process.continuity.turn()
            site.clock.advance(by: .seconds(3_600))
        }
        await site.process.detect.attestWaiting()
        let year = try await site.coverage(from: Self.midnight, days: 365)
        #expect(year.total.required >= 379 && year.total.made == year.total.required)
        let records = try await site.records()
        #expect(records.count { $0.kind == .expectation } == 1 && !records.contains { $0.kind == .gap })
        // What is kept besides evidence does not grow with time.
        let rows = try await site.process.context.database.read { transaction in
            try transaction.query(
                """
                SELECT (SELECT count(*) FROM expectation), (SELECT count(*) FROM observation), (SELECT count(*) FROM attestation),
                    (SELECT count(*) FROM outage)
                """
            ).map { row in try (0..<4).map { try row.integer($0) } }.first
        }
        #expect(rows == [1, 1, 1, 0])

        let off = site.clock.now - .seconds(3_600)
        try await site.restart(after: .seconds(200 * 3_600))
        let gap = try #require(try await site.records().first { $0.kind == .gap })
        #expect(gap.host == "here" && gap.check == nil && gap.outcome.code == GapCause.down.code)
        #expect(gap.started == off && gap.ended == site.clock.now)
        let after = try await site.coverage(from: Self.midnight, days: 366)
        #expect(!after.total.missing.isEmpty && after.total.missing.keys.allSatisfy { $0 == GapCause.down.code })
        try await site.stop()
    }

    @Test("What has to be looked at is said when it changes, and only then")
    func expectations() async throws {
        let site = try await Site(at: WallClock.system.now(), interval: .seconds(900))
        func said() async throws -> [BundleRecord] { try await site.records().filter { $0.kind == .expectation } }
        let first = try await said()
        #expect(first.map(\.host) == ["here"] && first.map(\.origin.catalogVersion) == [1])
        #expect(first[0].expected == [ExpectedCheck(check: LabCatalog.check, intervalSeconds: 900, staleAfterSeconds: 86_400)])
        // Next to the bundle that says that the catalog is in force: neither is there without the other.
        let records = try await site.records()
        let place = try #require(records.firstIndex { $0.kind == .expectation })
        #expect(records[place - 1].note.hasPrefix("Catalog 1 is in force"))

        // Another number alone changes nothing that has to be looked at, and a restart that does not know the host's kind yet neither.
        try await site.central.publish(LabCatalog.make(version: 2, file: site.file, interval: .seconds(900)))
        try await site.fetchCatalog()
        #expect(site.process.context.catalog.stamp.version == 2)
        try await site.restart(after: .seconds(5))
        _ = await site.process.continuity.turn()
        #expect(try await said().count == 1)

        try await site.central.publish(LabCatalog.make(version: 3, file: site.file, interval: .seconds(1_800)))
        try await site.fetchCatalog()
        #expect(try await said().map { $0.expected.first?.intervalSeconds } == [900, 1_800])
        try await site.restart(hosts: [.init(access: HostAccess(id: "there", address: .local))], after: .seconds(5))
        let last = try await said().suffix(2)
        #expect(last.map(\.host) == ["there", "here"] && last.map(\.expected.count) == [1, 0])
        try await site.stop()
    }

    @Test("The last look of an hour is listed before another takes its place, though all is attested only once a day")
    func looksAreListed() async throws {
        let site = try await Site(at: Self.midnight, interval: .seconds(900))
        for _ in 0..<18 {
            try await site.look()
            site.clock.advance(by: .seconds(20 * 60))
        }
        try await site.look()
        let hours = Set(try await site.records().flatMap(\.attested).map(\.observed.hour))
        #expect(hours.isSuperset(of: (1...5).map { Self.midnight.hour + $0 }))
        try await site.stop()
    }

    @Test("A wrong clock that is put right is a gap since it was last known to be right")
    func wrongClock() async throws {
        let site = try await Site(at: Self.midnight, interval: .seconds(900))
        let (process, clock) = (site.process, site.clock)
        func turn(offBy milliseconds: Int64) async {
            process.context.clockState.heard(servers: [milliseconds], at: clock.now)
            _ = await process.continuity.turn()
        }
        await turn(offBy: 0)
        clock.advance(by: .seconds(300))
        // Within the bound nothing is said, whatever repair may have to wait for.
        await turn(offBy: 900_000)
        let known = clock.now
        clock.advance(by: .seconds(300))
        await turn(offBy: 900_001)
        for _ in 0..<40 {
            clock.advance(by: .seconds(300))
            await turn(offBy: 7_200_000)
        }
        #expect(try await !site.records().contains { $0.kind == .gap })
        await turn(offBy: 10)
        await turn(offBy: 10)
        let gaps = try await site.records().filter { $0.kind == .gap }
        #expect(gaps.map(\.outcome.code) == [GapCause.clock.code] && gaps.map(\.started) == [known])
        try await site.stop()
    }

    @Test("A host that could not be reached for a whole slot is a gap when it answers again; for less it is none")
    func unreachable() async throws {
        let site = try await Site(at: Self.midnight, interval: .seconds(900))
        let recorder = ObservationRecorder(site.process.context)
        func record(_ verdict: Verdict, after minutes: Int) async throws {
            site.clock.advance(by: .seconds(60 * minutes))
            let now = site.clock.now
            try await recorder.record(
                [Observation(host: "here", check: LabCatalog.check, verdict: verdict, facts: Facts(), started: now, ended: now)],
                checks: [:])
        }
        func gaps() async throws -> [BundleRecord] { try await site.records().filter { $0.kind == .gap } }
        try await record(.compliant, after: 10)
        try await record(.unknown("host.unreachable"), after: 10)
        try await record(.compliant, after: 55)
        #expect(try await gaps().isEmpty)
        try await record(.unknown("host.timed_out"), after: 15)
        let since = site.clock.now
        try await record(.unknown("host.unreachable"), after: 50)
        // Answered, although not what was asked: the way to it is there.
        try await record(.unknown("probe.unparseable"), after: 80)
        let found = try await gaps()
        #expect(found.map(\.outcome.code) == [GapCause.network.code] && found.map(\.started) == [since])
        #expect(found.map(\.ended) == [site.clock.now])
        try await site.stop()
    }

    @Test("A full disk is a gap once there is room again", .enabled(if: geteuid() == 0))
    func fullDisk() async throws {
        let mount = try TemporaryDirectory()
        try runCommand("/bin/mount", ["-t", "tmpfs", "-o", "size=8m,mode=0700", "martlet-test", mount.path])
        defer { _ = try? runCommand("/bin/umount", ["-l", mount.path]) }
        let site = try await Site(at: Self.midnight, interval: .seconds(900), in: mount.path)
        let (process, clock) = (site.process, site.clock)
        _ = await process.continuity.turn()
        let since = clock.now
        let ballast = site.directory.path + "/ballast"
        _ = try? runCommand("/bin/dd", ["if=/dev/zero", "of=\(ballast)", "bs=4k", "status=none"])
        clock.advance(by: .seconds(2 * 3_600))
        // What room is left in the pages that the file has may take one more.
        for _ in 0..<3 { await process.context.alerts.raise("test", "test.alert", String(repeating: "x", count: 60_000)) }
        _ = await process.continuity.turn()
        try FileManager.default.removeItem(atPath: ballast)
        clock.advance(by: .seconds(300))
        _ = await process.continuity.turn()
        let gaps = try await site.records().filter { $0.kind == .gap }
        #expect(gaps.map(\.outcome.code) == [GapCause.disk.code] && gaps.map(\.started) == [since])
        try await site.stop()
    }
}
