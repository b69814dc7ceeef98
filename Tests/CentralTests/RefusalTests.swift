import Central
import Evidence
import Model
import Seal
import TestSupport
import Testing
import Wire

/// Whoever is refused cannot fill Central's disk, and what is no longer kept one by one is still counted.
@Suite struct RefusalTests {
    @Test("Of one appliance 200 refusals are kept; a row counts the older ones, and others' rows stay")
    func boundsTheirNumber() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            let tenant = try await central.makeTenant()
            let box = try await enrolledBox(at: central, tenant)
            let neighbour = try await enrolledBox(at: central, tenant)
            let appliance = try #require(box.grant?.appliance)
            func refuse(_ number: Int, _ box: Box) async throws {
                let alone = try box.seal("\(number)", at: ChainLink(sequence: 7, previous: .genesis), central.clock.now)
                #expect(try await box.submit([alone.signed], to: central).refusal?.code == "chain.gap")
            }
            try await refuse(0, neighbour)
            for number in 0..<205 {
                central.clock.advance(by: .milliseconds(1))
                try await refuse(number, box)
            }
            let all = try await central.services.refusals.list(for: CentralUnderTest.person, limit: 1_000)
            let ours = all.filter { $0.source == appliance.description }
            #expect(all.count == ours.count + 1 && ours.count == 201)
            let dropped = try #require(ours.first { $0.code == "refusal.dropped" })
            #expect(dropped.times == 5 && dropped.site == tenant.site)
            #expect(ours.map(\.times).reduce(0, +) == 205)
        }
    }

    @Test("A refusal of more than 400 days ago is dropped and counted at the next one, exactly 400 is kept", arguments: TestEngine.allCases)
    func boundsTheirAge(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine, change: { $0.serverCertificateLifetime = .seconds(2_000 * 86_400) }) { central in
            let code = try await central.makeClaim(central.makeTenant())
            var (first, second) = (Box(), Box())
            #expect(try await first.enroll(at: central, code).status == 200)
            #expect(try await second.enroll(at: central, code).code == "claim.used")
            func codes() async throws -> [Code: Int64] {
                let all = try await central.services.refusals.list(for: CentralUnderTest.person, limit: 10)
                return Dictionary(all.map { ($0.code, $0.times) }, uniquingKeysWith: +)
            }
            central.clock.advance(by: .seconds(400 * 86_400))
            #expect(try await second.enroll(at: central, ClaimCode(authority: .genesis)).code == "claim.unknown")
            #expect(try await codes() == ["claim.used": 1, "claim.unknown": 1])
            central.clock.advance(by: .milliseconds(1))
            #expect(try await second.enroll(at: central, ClaimCode(authority: .genesis)).code == "claim.unknown")
            #expect(try await codes() == ["refusal.dropped": 1, "claim.unknown": 2])
        }
    }
}
