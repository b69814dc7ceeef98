import Anchors
import Foundation
import Model
import Seal
import TestSupport
import Testing

extension LabTests {
    @Suite(.serialized) struct TimestampAuthorityTests {
        private let text = Array("example.test/log\n7\nroot\n\n".utf8)
        private var digest: Digest { Digest(of: text) }
        private let nonce: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]

        private func stamp(
            _ address: String, _ authorities: String, deadline: Duration = .seconds(20)
        ) async throws -> Result<TimestampAuthorityClient.Stamp, TimestampError> {
            let transport = try AnchorTransport(deadline: deadline)
            let client = TimestampAuthorityClient(
                address: address, verifier: try TimestampVerifier(authorities: authorities), transport: transport
            ) { [nonce] in nonce }
            let result: Result<TimestampAuthorityClient.Stamp, TimestampError>
            do throws(TimestampError) { result = .success(try await client.stamp(digest)) } catch { result = .failure(error) }
            await transport.close()
            return result
        }

        private func openssl(_ bytes: [UInt8], _ root: String) async -> Bool {
            guard let directory = try? TemporaryDirectory() else { return false }
            let (file, stamp) = (directory.file("data"), directory.file("stamp.tsr"))
            try? Data(text).write(to: URL(fileURLWithPath: file))
            try? Data(bytes).write(to: URL(fileURLWithPath: stamp))
            let arguments = ["-c", "openssl ts -verify -data '\(file)' -in '\(stamp)' -CAfile '\(root)' >/dev/null 2>&1"]
            return (try? await offTheTestsThreads { try runCommand("/bin/bash", arguments) }) != nil
        }

        @Test("Good stamps are taken, and openssl verifies the stored file")
        func takesGood() async throws {
            try await LabAuthority.run { lab in
                for profile in ["rsa", "ecdsa", "p384", "sha1id", "pss", "keyid"] {
                    let stamp = try await stamp(lab.url + profile, lab.pem("root")).get()
                    #expect(abs((stamp.verified.time - WallClock.system.now()).wholeSeconds) < 60, "\(profile)")
                    #expect(stamp.verified.digest == digest)
                    #expect(stamp.verified.authority.contains("lab \(profile)"))
                    // openssl 3.0 reads neither RSASSA-PSS nor signers named by key in `ts`; its `cms` made these two.
                    if profile != "pss", profile != "keyid" {
                        #expect(await openssl(stamp.bytes, lab.directory + "/root.pem"), "\(profile)")
                        #expect(await openssl(stamp.bytes, lab.directory + "/other.pem") == false, "\(profile)")
                    }
                    let verifier = try TimestampVerifier(authorities: lab.pem("root"))
                    #expect(try await verifier.verify(stamp.bytes, of: digest, nonce: nil) == stamp.verified)
                    await #expect(throws: TimestampError.wrongImprint) { try await verifier.verify(stamp.bytes, of: .genesis, nonce: nil) }
                    await #expect(throws: TimestampError.wrongNonce) { try await verifier.verify(stamp.bytes, of: digest, nonce: nonce) }
                }
            }
        }

        @Test("Bad stamps are refused, each for its reason")
        func refusesBad() async throws {
            try await LabAuthority.run { lab in
                for (profile, code) in [
                    ("reject", "tsa.rejected"), ("othernonce", "tsa.nonce"), ("nononce", "tsa.nonce"), ("otherimprint", "tsa.imprint"),
                    ("nocert", "tsa.signer"), ("namesother", "tsa.signer"), ("misnamed", "tsa.signer"), ("flipped", "tsa.signature"),
                    ("sha1", "tsa.algorithm"), ("expired", "tsa.untrusted"), ("future", "tsa.untrusted"), ("nousage", "tsa.usage"),
                    ("loose", "tsa.usage"), ("double", "tsa.usage"), ("keyusage", "tsa.usage"), ("oldmiddle", "tsa.untrusted"),
                    ("leafmiddle", "tsa.untrusted"), ("clientmiddle", "tsa.untrusted"), ("stranger", "tsa.untrusted"),
                    ("missing", "anchor.refused"),
                ] {
                    switch try await stamp(lab.url + profile, lab.pem("root")) {
                    case .success: Issue.record("\(profile) was taken")
                    case .failure(let error): #expect(error.code == code, "\(profile): \(error)")
                    }
                }
                // The same stamp under the authority that made it, and not under another.
                #expect(try await stamp(lab.url + "stranger", lab.pem("other")).get().verified.digest == digest)
                let wrongAuthority = try await stamp(lab.url + "ecdsa", lab.pem("other"))
                #expect(throws: TimestampError.self) { try wrongAuthority.get() }
            }
        }

        @Test("No flipped bit of a stamp gives another time, digest or signer")
        func flippedBits() async throws {
            try await LabAuthority.run { lab in
                let stamp = try await stamp(lab.url + "ecdsa", lab.pem("root")).get()
                let verifier = try TimestampVerifier(authorities: lab.pem("root"))
                var taken = 0
                for place in stride(from: 0, to: stamp.bytes.count, by: 3) {
                    var bytes = stamp.bytes
                    bytes[place] ^= 1 << UInt8(place % 8)
                    guard let verified = try? await verifier.verify(bytes, of: digest, nonce: nil) else { continue }
                    // Outside the signature: the status, and what is said of algorithms twice.
                    taken += 1
                    #expect(verified == stamp.verified, "byte \(place)")
                }
                #expect(taken < 20)
                for count in stride(from: 0, to: stamp.bytes.count, by: 17) {
                    let part = Array(stamp.bytes.prefix(count))
                    await #expect(throws: TimestampError.self) { try await verifier.verify(part, of: digest, nonce: nil) }
                }
                await #expect(throws: TimestampError.self) { try await verifier.verify(stamp.bytes + [0], of: digest, nonce: nil) }
            }
        }

        @Test("Hostile authorities are left within the deadline and the limit")
        func hostile() async throws {
            let pem = try await LabAuthority.run { lab in try lab.pem("root") }
            try await withBadServers([
                { _, _ in .silence }, { _, _ in .dribble }, { _, _ in .endless }, { _, _ in .hangUp },
                { _, _ in .reply(200, [0x30, 0x80, 0, 0]) },
                { _, _ in .reply(200, [UInt8](repeating: 0x30, count: 60_000)) }, { _, body in .reply(200, body) },
                { _, _ in .reply(500, []) },
                { _, _ in .reply(200, [0x30, 3, 2, 1, 0]) }, { _, _ in .reply(200, [0x30, 5, 0x30, 3, 2, 1, 0]) },
            ]) { bad in
                for (address, code) in zip(
                    bad,
                    [
                        "anchor.timed_out", "anchor.timed_out", "anchor.oversize", "anchor.unreachable", "tsa.malformed", "tsa.malformed",
                        "tsa.malformed", "anchor.refused", "tsa.malformed", "tsa.malformed",
                    ])
                {
                    switch try await stamp(address, pem, deadline: .milliseconds(500)) {
                    case .success: Issue.record("\(code) was taken")
                    case .failure(let error): #expect(error.code == code)
                    }
                }
            }
        }

        @Test("Authorities must be readable certificates")
        func configuration() {
            #expect(throws: TimestampError.self) { try TimestampVerifier(authorities: "") }
            #expect(throws: TimestampError.self) {
                try TimestampVerifier(authorities: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
            }
        }

        @Test("openssl reads our request", arguments: [UInt8(0), 0x7f, 0x80, 0xff])
        func request(first: UInt8) async throws {
            let directory = try TemporaryDirectory()
            let request = TimestampRequest(digest: digest, random: [first, 2, 3, 4, 5, 6, 7, 8])
            try Data(request.bytes).write(to: URL(fileURLWithPath: directory.file("q")))
            let text = try await offTheTestsThreads {
                try runCommand("/usr/bin/openssl", ["ts", "-query", "-in", directory.file("q"), "-text"])
            }
            #expect(text.contains("Hash Algorithm: sha256"))
            #expect(text.contains("Nonce: 0x\(request.nonce.hexadecimal.uppercased())"))
            #expect(text.contains("Certificate required: yes"))
        }
    }
}
