import Central
import Crypto
import Foundation
import Model
import Seal
import TestSupport
import Testing
import Wire
import X509

@Suite struct IdentityTests {
    @Test("No certificate, and one of another authority, never get past TLS")
    func refusedInTheHandshake() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            await #expect(throws: (any Error).self) { try await central.send("POST", "/v1/checkin", to: .appliances, body: []) }
            try await CentralUnderTest.run(.sqlite) { other in
                let stranger = try await enrolledBox(at: other)
                await #expect(throws: (any Error).self) {
                    try await central.send("POST", "/v1/checkin", to: .appliances, body: [], as: stranger.identity)
                }
            }
        }
    }

    @Test("A revoked appliance is refused at its next request, and cannot renew", arguments: TestEngine.allCases)
    func revoked(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let box = try await enrolledBox(at: central, tenant)
            _ = try await box.checkin(at: central)
            let appliance = try #require(box.grant?.appliance)
            let other = try await central.makeTenant("Other")
            await #expect(throws: CentralError.notFound("appliance")) {
                try await central.services.appliances.revoke(appliance, in: other.scope)
            }
            try await central.services.appliances.revoke(appliance, in: tenant.scope)
            for path in ["/v1/checkin", "/v1/evidence", "/v1/certificate"] {
                let answer = try await central.send("POST", path, to: .appliances, body: [], as: box.identity)
                #expect(answer.code == "certificate.revoked")
                #expect(answer.status == 403)
            }
            let refusals = try await central.services.refusals.list(for: CentralUnderTest.person, limit: 9)
            #expect(refusals.map(\.code) == ["certificate.revoked"] && refusals[0].times == 3)
            #expect(refusals[0].source == appliance.description && refusals[0].site == tenant.site)
        }
    }

    @Test("A certificate past its time is refused, by the clock and by TLS", arguments: TestEngine.allCases)
    func expired(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let box = try await enrolledBox(at: central)
            central.clock.advance(by: .milliseconds(86_399_999))
            #expect(try await box.checkin(at: central).renewCertificate)
            central.clock.advance(by: .milliseconds(1))
            let answer = try await central.send("POST", "/v1/checkin", to: .appliances, body: [], as: box.identity)
            #expect(answer.code == "certificate.expired")
        }
        // Made a day and an hour ago by the system's clock, which is the one that TLS goes by.
        try await CentralUnderTest.run(engine, clock: TestClock(at: WallClock.system.now() - .seconds(90_000))) { central in
            let box = try await enrolledBox(at: central)
            await #expect(throws: (any Error).self) {
                try await central.send("POST", "/v1/checkin", to: .appliances, body: [], as: box.identity)
            }
        }
    }

    @Test("A certificate is renewed over the old one from two thirds of its life, and both work until their ends")
    func renews() async throws {
        // In the past, so that what is issued after the clock has moved is valid for TLS, which goes by the system's clock.
        try await CentralUnderTest.run(.sqlite, clock: TestClock(at: WallClock.system.now() - .seconds(60_000))) { central in
            var box = try await enrolledBox(at: central)
            let old = box
            central.clock.advance(by: .milliseconds(57_599_999))
            #expect(try await !box.checkin(at: central).renewCertificate)
            central.clock.advance(by: .milliseconds(1))
            #expect(try await box.checkin(at: central).renewCertificate)
            try await box.renew(at: central)
            #expect(try await !box.checkin(at: central).renewCertificate)
            #expect(box.identity?.pem != old.identity?.pem)
            _ = try await old.checkin(at: central)
        }
    }

    @Test("Central's own certificate is exchanged while it runs")
    func serverCertificateRenews() async throws {
        // The first certificate ended ten minutes ago by the system's clock, which is the one that TLS goes by.
        let clock = TestClock(at: WallClock.system.now() - .seconds(1_200))
        try await CentralUnderTest.run(.sqlite, clock: clock, change: { $0.serverCertificateLifetime = .seconds(600) }) { central in
            await #expect(throws: (any Error).self) { try await central.send("GET", "/v1/ca", to: .web) }
            for _ in 0..<20 {
                await clock.someoneSleeps()
                clock.advance(by: .seconds(60))
            }
            try await eventually("a certificate of now is shown") {
                (try? await central.send("GET", "/v1/ca", to: .web))?.status == 200
            }
        }
    }
}
