import Central
import Crypto
import Foundation
import Model
import Seal
import SwiftASN1
import TestSupport
import Testing
import Wire
import X509

@Suite struct EnrollmentTests {
    @Test("A claim code gives an identity, once, and the identity works at once", arguments: TestEngine.allCases)
    func enrolls(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let code = try await central.makeClaim(tenant)
            let authority = try await central.send("GET", "/v1/ca", to: .web)
            let certificate = try Certificate(pemEncoded: String(decoding: authority.body, as: UTF8.self))
            var serializer = DER.Serializer()
            try serializer.serialize(certificate)
            #expect(code.matches(authority: Model.Digest(of: serializer.serializedBytes)))

            var box = Box()
            #expect(try await box.enroll(at: central, code).status == 200)
            let grant = try #require(box.grant)
            #expect(grant.site == tenant.site)
            #expect(grant.orderKey == central.services.keys.orders.verifyingKey.bytes)
            #expect(grant.applianceURL == "https://localhost:\(central.appliancePort)")
            let reply = try await box.checkin(at: central)
            // It named no witness, and is told the log's key.
            #expect(
                reply
                    == CheckinReply(
                        received: central.clock.now, catalogVersion: 0, orders: [], acknowledgedSequence: -1, renewCertificate: false,
                        logKey: try #require(reply.logKey)))
            let listed = try await central.services.appliances.list(for: CentralUnderTest.person)
            #expect(listed.map(\.id) == [grant.appliance])
            #expect(listed[0].lastCheckin == central.clock.now)

            var other = Box()
            #expect(try await other.enroll(at: central, code).code == "claim.used")
        }
    }

    @Test("A box whose answer was lost may ask again until it has spoken; nobody else may", arguments: TestEngine.allCases)
    func lostAnswer(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let code = try await central.makeClaim(central.makeTenant())
            var box = Box()
            try await box.enroll(at: central, code)
            let first = try #require(box.grant)
            #expect(try await box.enroll(at: central, code).status == 200)
            #expect(box.grant?.appliance == first.appliance)
            _ = try await box.checkin(at: central)
            #expect(try await box.enroll(at: central, code).code == "claim.used")
        }
    }

    @Test("Wrong, expired: refused with their codes, recorded, and the code in time still works", arguments: TestEngine.allCases)
    func refusesCodes(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let code = try await central.makeClaim(tenant, lifetime: .seconds(600))
            var box = Box()
            #expect(try await box.enroll(at: central, ClaimCode(authority: .genesis)).code == "claim.unknown")
            central.clock.advance(by: .milliseconds(599_999))
            var inTime = Box()
            #expect(try await inTime.enroll(at: central, code).status == 200)
            let second = try await central.makeClaim(tenant, lifetime: .seconds(600))
            central.clock.advance(by: .seconds(600))
            #expect(try await box.enroll(at: central, second).code == "claim.expired")
            let refusals = try await central.services.refusals.list(for: CentralUnderTest.person, limit: 10)
            #expect(Set(refusals.map(\.code)) == ["claim.unknown", "claim.expired"])
        }
    }

    @Test("Guessing locks the address out, the right code included, until the window is over", arguments: TestEngine.allCases)
    func locksOut(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let code = try await central.makeClaim(central.makeTenant(), lifetime: .seconds(86_400))
            var box = Box()
            for _ in 0..<10 { #expect(try await box.enroll(at: central, ClaimCode(authority: .genesis)).code == "claim.unknown") }
            #expect(try await box.enroll(at: central, code).code == "claim.locked")
            central.clock.advance(by: .milliseconds(899_999))
            #expect(try await box.enroll(at: central, code).code == "claim.locked")
            central.clock.advance(by: .milliseconds(1))
            #expect(try await box.enroll(at: central, code).status == 200)
        }
    }

    @Test(
        "However many guess, only wrong codes are told to wait, and they are counted: a right one is taken", arguments: TestEngine.allCases)
    func slowsGuessing(engine: TestEngine) async throws {
        try await CentralUnderTest.run(
            engine,
            change: {
                $0.claimLimits.failuresPerSource = 1_000
                $0.claimLimits.failuresAtOnce = 3
                $0.claimLimits.failuresPerSecond = 0.5
            }
        ) { central in
            let code = try await central.makeClaim(central.makeTenant())
            var box = Box()
            for expected in ["claim.unknown", "claim.unknown", "claim.unknown", "claim.busy", "claim.busy"] {
                let answer = try await box.enroll(at: central, ClaimCode(authority: .genesis))
                #expect(answer.code == expected && answer.status == (expected == "claim.busy" ? 429 : 403))
            }
            #expect(try await box.enroll(at: central, code).status == 200)
            central.clock.advance(by: .milliseconds(1_999))
            #expect(try await box.enroll(at: central, ClaimCode(authority: .genesis)).code == "claim.busy")
            central.clock.advance(by: .milliseconds(1))
            #expect(try await box.enroll(at: central, ClaimCode(authority: .genesis)).code == "claim.unknown")
            let refusals = try await central.services.refusals.list(for: CentralUnderTest.person, limit: 10)
            #expect(refusals.first { $0.code == "claim.busy" }?.times == 3)
            #expect(refusals.first { $0.code == "claim.unknown" }?.times == 4)
        }
    }

    @Test("Who does not hold the evidence key, or signed another request, gets nothing, and the code stays", arguments: TestEngine.allCases)
    func provesTheEvidenceKey(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let code = try await central.makeClaim(tenant)
            let other = try await central.makeClaim(tenant)
            var box = Box()
            let good = try box.enrollment(code.secret)
            func request(
                secret: String = code.secret, signingRequest: String = good.signingRequest, evidenceKey: [UInt8] = good.evidenceKey,
                sealingKey: [UInt8] = good.sealingKey, proof: [UInt8] = good.proof
            ) -> EnrollmentRequest {
                EnrollmentRequest(
                    claimSecret: secret, signingRequest: signingRequest, evidenceKey: evidenceKey, sealingKey: sealingKey, hostname: "x",
                    softwareVersion: "1", proof: proof)
            }
            for bad in [
                request(evidenceKey: SigningKey().verifyingKey.bytes), request(secret: other.secret),
                try request(signingRequest: Box().signingRequest()), request(sealingKey: [UInt8](repeating: 8, count: 32)),
                request(proof: SigningKey().sign([1])), request(proof: [UInt8](repeating: 0, count: 64)),
            ] {
                let answer = try await central.send("POST", "/v1/enroll", to: .web, body: bad.body)
                #expect(answer.status == 400 && answer.code == "enroll.proof")
            }
            let refusals = try await central.services.refusals.list(for: CentralUnderTest.person, limit: 10)
            #expect(refusals.map(\.code) == ["enroll.proof"] && refusals[0].times == 6)
            #expect(try await central.send("POST", "/v1/enroll", to: .web, body: request().body).status == 200)
            #expect(try await box.enroll(at: central, other).code == "enroll.key_taken")
        }
    }

    @Test("A request that no certificate can be made for does not cost the code")
    func badSigningRequest() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            let code = try await central.makeClaim(central.makeTenant())
            var box = Box()
            let good = try box.enrollment(code.secret)
            let ed25519 = try CertificateSigningRequest(
                version: .v1, subject: DistinguishedName { CommonName("x") }, privateKey: .init(Curve25519.Signing.PrivateKey()),
                attributes: .init(), signatureAlgorithm: .ed25519
            ).serializeAsPEM().pemString
            for bad in ["", "garbage", ed25519, good.signingRequest.replacingOccurrences(of: "M", with: "N")] {
                let request = EnrollmentRequest(
                    claimSecret: code.secret, signingRequest: bad, evidenceKey: box.evidenceKey, sealingKey: good.sealingKey,
                    hostname: "x", softwareVersion: "1")
                #expect(try await central.send("POST", "/v1/enroll", to: .web, body: request.body).code == "enroll.signing_request")
            }
            #expect(try await box.enroll(at: central, code).status == 200)
        }
    }
}
