import Central
import Crypto
import Database
import Foundation
import Model
import Seal
import TestSupport
import Testing
import Wire

@Suite struct RecoveryTests {
    static let nonce = "00112233445566778899aabbccddeeff"

    func recovery(
        of box: Box, at made: Timestamp, by key: SigningKey? = nil, as appliance: ApplianceID? = nil, nonce: String = nonce,
        signingRequest: String? = nil, tlsKey: P256.Signing.PrivateKey? = nil
    ) throws -> [UInt8] {
        let request = RecoveryRequest(
            appliance: try appliance ?? #require(box.grant?.appliance), signingRequest: try signingRequest ?? box.signingRequest(tlsKey),
            made: made, nonce: nonce)
        return SignedRecovery(signing: request, with: key ?? box.evidenceKey).body
    }

    func ask(_ central: CentralUnderTest, _ body: [UInt8]) async throws -> Answer {
        try await central.send("POST", "/v1/certificate/recover", to: .web, body: body)
    }

    func refusals(_ central: CentralUnderTest) async throws -> [RecordedRefusal] {
        try await central.services.refusals.list(for: CentralUnderTest.person, limit: 50).filter {
            $0.code.description.hasPrefix("recovery.")
        }
    }

    @Test("The evidence key gets a certificate that works, long after the old one ended", arguments: TestEngine.allCases)
    func recovers(engine: TestEngine) async throws {
        // Begins in the past, so that the old certificate is past its time for TLS too.
        let start = WallClock.system.now() - .seconds(31 * 86_400)
        try await CentralUnderTest.run(
            engine, clock: TestClock(at: start), change: { $0.serverCertificateLifetime = .seconds(300 * 86_400) }
        ) { central in
            let box = try await enrolledBox(at: central)
            central.clock.advance(by: .seconds(31 * 86_400))
            await #expect(throws: (any Error).self) { try await box.checkin(at: central) }
            let key = P256.Signing.PrivateKey()
            let answer = try await ask(central, recovery(of: box, at: central.clock.now, tlsKey: key))
            #expect(answer.status == 200)
            let grant = try CertificateGrant(body: answer.body)
            let body = CertificateRequest(signingRequest: try box.signingRequest(key)).body
            let renewed = try await central.send(
                "POST", "/v1/certificate", to: .appliances, body: body, as: BoxIdentity(key: key, pem: grant.certificate))
            #expect(renewed.status == 200)
            #expect(try await refusals(central).isEmpty)
        }
    }

    @Test("Ten minutes off is taken, more is refused with Central's time, either way", arguments: [-1, 1])
    func judgesTime(direction: Int) async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            let box = try await enrolledBox(at: central)
            let now = central.clock.now
            let edge = now + .milliseconds(direction * 600_000)
            #expect(try await ask(central, recovery(of: box, at: edge)).status == 200)
            let answer = try await ask(
                central, recovery(of: box, at: edge + .milliseconds(direction), nonce: String(repeating: "1", count: 32)))
            #expect(answer.status == 403 && answer.code == "recovery.clock")
            #expect(answer.json?["detail"]?.string?.contains(now.description) == true)
            #expect(answer.json?["centralTime"]?.string == now.description)
            let refusal = try #require(try await refusals(central).first)
            #expect(refusal.source == box.grant?.appliance.description && refusal.site == box.grant?.site)
        }
    }

    @Test(
        "Wrong key, another's id, no such appliance, replayed, garbage: refused, recorded, nothing issued", arguments: TestEngine.allCases)
    func refuses(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let box = try await enrolledBox(at: central, tenant)
            let other = try await enrolledBox(at: central, tenant)
            let now = central.clock.now
            let otherID = try #require(other.grant?.appliance)
            func certificates() async throws -> Int64 {
                try await central.services.database.read { try $0.query("SELECT COUNT(*) FROM certificate").first!.integer(0) }
            }
            let before = try await certificates()
            var forged = try recovery(of: box, at: now)
            forged.replaceSubrange(forged.count - 20..<forged.count - 16, with: Array("AAAA".utf8))
            let stolenName = try SignedEnvelope(
                signing: RecoveryRequest(appliance: otherID, signingRequest: box.signingRequest(), made: now, nonce: Self.nonce).json,
                with: box.evidenceKey)
            let otherKeyName = SignedEnvelope(keyID: other.evidenceKey.id, payload: stolenName.payload, signature: stolenName.signature)
            for body in [
                try recovery(of: box, at: now, by: SigningKey()), try recovery(of: box, at: now, as: otherID),
                try recovery(of: box, at: now, as: ApplianceID(at: now)), forged, Array(otherKeyName.text.utf8),
            ] {
                let answer = try await ask(central, body)
                #expect(answer.status == 403 && answer.code == "recovery.signature")
            }
            #expect(try await ask(central, Array("{}".utf8)).code == "recovery.malformed")
            #expect(try await ask(central, [UInt8](repeating: 0x20, count: SignedRecovery.bytesMax + 1)).status == 413)
            #expect(try await certificates() == before)

            #expect(try await ask(central, recovery(of: box, at: now)).status == 200)
            let replayed = try await ask(central, recovery(of: box, at: now))
            #expect(replayed.status == 403 && replayed.code == "recovery.replayed")
            // The same nonce of another appliance is another nonce.
            #expect(try await ask(central, recovery(of: other, at: now)).status == 200)
            #expect(try await certificates() == before + 2)

            let recorded = try await refusals(central)
            #expect(Set(recorded.map(\.code)) == ["recovery.signature", "recovery.malformed", "recovery.replayed"])
            let signature = try #require(recorded.first { $0.code == "recovery.signature" })
            // Whose refusal it is was not proven: it stands under the address.
            #expect(signature.times == 5 && signature.source == "127.0.0.1" && signature.site == nil)
            let all = try await central.services.refusals.list(for: CentralUnderTest.person, limit: 50)
            #expect(all.contains { $0.code == "body.too_large" })
        }
    }

    @Test("A revoked appliance gets nothing, and that is recorded as its own", arguments: TestEngine.allCases)
    func revoked(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let box = try await enrolledBox(at: central, tenant)
            let appliance = try #require(box.grant?.appliance)
            try await central.services.appliances.revoke(appliance, in: tenant.scope)
            let answer = try await ask(central, recovery(of: box, at: central.clock.now))
            #expect(answer.status == 403 && answer.code == "recovery.revoked")
            #expect(try await refusals(central).map(\.source) == [appliance.description])
        }
    }

    @Test("A signing request that no certificate can be made for is refused and recorded")
    func badSigningRequest() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            let box = try await enrolledBox(at: central)
            let answer = try await ask(central, recovery(of: box, at: central.clock.now, signingRequest: "garbage"))
            #expect(answer.status == 400 && answer.code == "enroll.signing_request")
            let all = try await central.services.refusals.list(for: CentralUnderTest.person, limit: 50)
            #expect(all.map(\.code) == ["enroll.signing_request"])
        }
    }

    @Test("Ten refusals lock the address out, good requests included, until the window is over", arguments: TestEngine.allCases)
    func locksOut(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let box = try await enrolledBox(at: central)
            for _ in 0..<10 {
                #expect(try await ask(central, recovery(of: box, at: central.clock.now, by: SigningKey())).code == "recovery.signature")
            }
            let locked = try await ask(central, recovery(of: box, at: central.clock.now))
            #expect(locked.status == 429 && locked.code == "recovery.locked")
            central.clock.advance(by: .milliseconds(899_999))
            #expect(try await ask(central, recovery(of: box, at: central.clock.now)).code == "recovery.locked")
            central.clock.advance(by: .milliseconds(1))
            #expect(try await ask(central, recovery(of: box, at: central.clock.now)).status == 200)
            #expect(try await refusals(central).contains { $0.code == "recovery.locked" && $0.source == "recovery" && $0.times == 2 })
        }
    }
}
