import Central
import Foundation
import Model
import Reports
import Seal
import TestSupport
import Testing
import Wire

@Suite struct PacketTests {
    @Test("A packet holds everything received, verifies offline, and is the same twice", arguments: TestEngine.allCases)
    func writes(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let other = try await central.makeTenant("Other")
            var (first, second, stranger) = (
                try await enrolledBox(at: central, tenant), try await enrolledBox(at: central, tenant),
                try await enrolledBox(at: central, other)
            )
            _ = try await first.submit(first.makeBundles(7, at: central.clock.now), to: central)
            _ = try await first.submit(first.makeBundles(2, at: central.clock.now), to: central)
            _ = try await second.submit(second.makeBundles(3, at: central.clock.now), to: central)
            _ = try await stranger.submit(stranger.makeBundles(1, at: central.clock.now), to: central)

            let directory = try TemporaryDirectory()
            let packets = PacketService(central.services, central.configuration)
            let summary = try await packets.write(tenant.site, to: directory.file("a.zip"), for: CentralUnderTest.person)
            #expect(summary.bundles == 12)
            _ = try await packets.write(tenant.site, to: directory.file("b.zip"), for: CentralUnderTest.person)
            #expect(FileManager.default.contentsEqual(atPath: directory.file("a.zip"), andPath: directory.file("b.zip")))

            let report = await KitVerifier(trust: .keyID(central.services.keys.kits.verifyingKey.id), workers: 2).verify(
                directory.file("a.zip"))
            #expect(report.findings == [])
            #expect(report.appliances.map(\.verified).reduce(0, +) == 12)
        }
    }

    @Test(
        "A revoked appliance's key ends in the packet when it was revoked, and one that sent nothing is named",
        arguments: TestEngine.allCases)
    func namesRevokedAndSilent(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            var (honest, late) = (try await enrolledBox(at: central, tenant), try await enrolledBox(at: central, tenant))
            let silent = try await enrolledBox(at: central, tenant)
            _ = try await honest.submit(honest.makeBundles(2, at: central.clock.now), to: central)
            // Dated later than the revocation that follows: its clock is wrong, or somebody wants it to seem so.
            let future = central.clock.now + .seconds(301)
            _ = try await late.submit(late.makeBundles(1, at: central.clock.now) + late.makeBundles(1, at: future), to: central)
            for box in [honest, late] {
                try await central.services.appliances.revoke(try #require(box.grant?.appliance), in: tenant.scope)
            }
            let directory = try TemporaryDirectory()
            let summary = try await PacketService(central.services, central.configuration).write(
                tenant.site, to: directory.file("a.zip"), for: CentralUnderTest.person)
            #expect(summary.bundles == 4)

            let report = await KitVerifier(trust: .none, workers: 2).verify(directory.file("a.zip"))
            #expect(report.findings.map(\.code) == ["bundle.key_not_valid"])
            let lateID = try #require(late.grant?.appliance.description)
            #expect(report.findings.first?.subject == "bundles/\(lateID)/000000000001")
            let silentID = try #require(silent.grant?.appliance)
            #expect(report.appliances.map(\.verified).sorted() == [0, 1, 2])
            #expect(report.appliances.filter { $0.sequences == nil }.map(\.appliance) == [silentID])
        }
    }

    @Test(
        "A packet of a period holds what came then, the provider's statements, and what was expected before",
        arguments: TestEngine.allCases)
    func writesAPeriod(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine, change: { $0.clientCertificateLifetime = .seconds(20 * 86_400) }) { central in
            let tenant = try await central.makeTenant()
            var box = try await enrolledBox(at: central, tenant)
            _ = try await box.submit(box.makeBundles(3, at: central.clock.now), to: central)
            let day: Int64 = 86_400_000
            let begin = Timestamp(milliseconds: (central.clock.now.milliseconds / day + 2) * day)
            central.clock.advance(by: .milliseconds(begin.milliseconds - central.clock.now.milliseconds + 3_600_000))
            _ = try await box.submit(box.makeBundles(4, at: central.clock.now), to: central)
            _ = try await central.services.statements.append(
                ["schema": "martlet.drill/v1", "result": "done"], kind: .drill, about: .site(tenant.site, tenant.scope))
            let directory = try TemporaryDirectory()
            let packets = PacketService(central.services, central.configuration)
            let days = try #require(PacketService.Days(from: begin, until: begin + .seconds(86_400)))
            let path = directory.file("a.zip")
            let summary = try await packets.write(tenant.site, days: days, to: path, for: CentralUnderTest.person)
            #expect(summary.bundles == 4 && summary.from == begin && summary.until == begin + .seconds(86_400))
            let report = await KitVerifier(trust: .none, workers: 2).verify(path)
            #expect(report.findings == [] && report.figures != nil)
            // Central may have drilled, or told of silence, when its clock went on.
            #expect(report.statements >= 1)
            #expect(report.appliances.map(\.sequences) == [3...6])
            #expect(report.log.map { $0.size >= 8 } == true)

            let later = try #require(PacketService.Days(from: begin + .seconds(86_400 * 3), until: nil))
            await #expect(throws: CentralError.self) {
                try await packets.write(tenant.site, days: later, to: directory.file("b.zip"), for: CentralUnderTest.person)
            }
        }
    }

    @Test("A site that never sent, and one that is not there, give no packet")
    func refuses() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            let tenant = try await central.makeTenant()
            let directory = try TemporaryDirectory()
            for (site, code) in [(tenant.site, "evidence.none"), (SiteID(at: central.clock.now), "not_found")] {
                let error = await #expect(throws: CentralError.self) {
                    try await PacketService(central.services, central.configuration).write(
                        site, to: directory.file("a.zip"), for: CentralUnderTest.person)
                }
                #expect(error?.code.description == code)
            }
            #expect(!FileManager.default.fileExists(atPath: directory.file("a.zip")))
        }
    }
}
