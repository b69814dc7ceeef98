import Anchors
import Foundation
import Model
import Seal
import TestSupport
import Testing

extension LabTests {
    @Suite(.serialized) struct CalendarTests {
        private let text = Array("example.test/log\n7\nroot\n\n".utf8)
        private var digest: Digest { Digest(of: text) }
        /// Nobody listens there.
        private let dead = "http://127.0.0.1:9"

        private func withTransport<Result: Sendable>(
            deadline: Duration = .seconds(20), _ body: (AnchorTransport) async throws -> Result
        ) async throws -> Result {
            let transport = try AnchorTransport(deadline: deadline)
            do {
                let result = try await body(transport)
                await transport.close()
                return result
            } catch {
                await transport.close()
                throw error
            }
        }

        private func client(_ calendars: [String], needed: Int = 1, _ transport: AnchorTransport) throws -> CalendarClient {
            let policy = try #require(CalendarPolicy(calendars: calendars, needed: needed))
            return CalendarClient(policy: policy, transport: transport) { Array(100..<116) }
        }

        @Test("A stamp goes from pending to a checked block, and the public client agrees at each step")
        func fullLife() async throws {
            try await LabTimestamps.run { lab in
                try await withTransport { transport in
                    let node = BitcoinNode(address: lab.node, login: lab.login, confirmations: 1, transport: transport)
                    let calendars = try client(lab.calendars, needed: 2, transport)
                    let directory = try TemporaryDirectory()
                    let (file, ots) = (directory.file("checkpoint"), directory.file("checkpoint.ots"))
                    try Data(text).write(to: URL(fileURLWithPath: file))

                    let stamp = await calendars.stamp(digest)
                    #expect(stamp.failures.isEmpty)
                    let pending = try #require(stamp.proof)
                    try Data(pending.bytes).write(to: URL(fileURLWithPath: ots))
                    #expect(await pending.check(with: node).state == .pending(calendars: lab.calendars))
                    #expect(await pending.check(with: node).state.isProven == false)
                    #expect(try await lab.client("info", ots).contains("PendingAttestation('\(lab.calendars[1])')"))
                    let waiting = await calendars.upgrade(pending)
                    #expect(waiting.proof == pending)
                    #expect(waiting.failures.isEmpty)

                    let height = try await lab.mine()
                    let upgrade = await calendars.upgrade(pending)
                    #expect(upgrade.failures.isEmpty)
                    let proof = upgrade.proof
                    try Data(proof.bytes).write(to: URL(fileURLWithPath: ots + "2"))
                    let check = await proof.check(with: node)
                    guard case .attested(let block, let time?) = check.state else {
                        Issue.record("not proven: \(check)")
                        return
                    }
                    #expect(block <= height)
                    #expect(check.refuted.isEmpty)
                    #expect(abs((time - WallClock.system.now()).wholeSeconds) < 3_600)
                    #expect(await proof.check(with: nil).state == .attested(height: block, blockTime: nil))
                    #expect(try await lab.client("verify", "-f", file, ots + "2").contains("Success! Bitcoin block \(block)"))

                    // What the public client makes of the pending file is byte for byte what we made of it.
                    try await lab.client("upgrade", ots)
                    let theirs = Array(try Data(contentsOf: URL(fileURLWithPath: ots)))
                    #expect(theirs == proof.bytes)
                    #expect(try OpenTimestampsProof(parsing: theirs, about: digest) == proof)
                }
            }
        }

        @Test("A file that the public client stamped is read, upgraded and checked by us")
        func theirStamp() async throws {
            try await LabTimestamps.run { lab in
                try await withTransport { transport in
                    let directory = try TemporaryDirectory()
                    let file = directory.file("a")
                    try Data(text).write(to: URL(fileURLWithPath: file))
                    try await lab.client("stamp", file)
                    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: file + ".ots")))
                    let proof = try OpenTimestampsProof(parsing: bytes, about: digest)
                    #expect(proof.bytes == bytes)
                    try await lab.mine()
                    let upgraded = try await client(lab.calendars, transport).upgrade(proof).proof
                    let node = BitcoinNode(address: lab.node, login: lab.login, confirmations: 1, transport: transport)
                    #expect(await upgraded.check(with: node).state.isProven)
                }
            }
        }

        @Test("A block that is not deep enough, or was replaced, proves nothing until the calendar has another")
        func reorganization() async throws {
            try await LabTimestamps.run { lab in
                try await withTransport { transport in
                    let node = BitcoinNode(address: lab.node, login: lab.login, confirmations: 10, transport: transport)
                    let calendars = try client(lab.calendars, transport)
                    var proof = try #require(await calendars.stamp(digest).proof)
                    let height = try await lab.mine()
                    proof = await calendars.upgrade(proof).proof
                    let early = await proof.check(with: node)
                    guard case .attested(let first, nil) = early.state else {
                        Issue.record("checked too early: \(early)")
                        return
                    }
                    #expect(first <= height)

                    try await lab.reorganize(Int(height - first + 1))
                    #expect(await proof.check(with: node).state == .attested(height: first, blockTime: nil))
                    // The digests wait again; empty blocks would leave the old place to others.
                    try await lab.mine(12)
                    let refuted = await proof.check(with: node)
                    #expect(!refuted.refuted.isEmpty)
                    #expect(!refuted.state.isProven)
                    proof.remove(refuted.refuted)
                    #expect(await proof.check(with: node).refuted.isEmpty)
                    proof = await calendars.upgrade(proof).proof
                    let again = await proof.check(with: node)
                    #expect(again.state.isProven)
                    #expect(again.refuted.isEmpty)
                    #expect(try OpenTimestampsProof(parsing: proof.bytes) == proof)
                }
            }
        }

        @Test("Dead, slow, endless, lying and foreign calendars cost their own answer only")
        func badCalendars() async throws {
            try await LabTimestamps.run { lab in
                try await withTransport(deadline: .seconds(2)) { transport in
                    let foreign = [0, 0x83, 0xdf, 0xe3, 0x0d, 0x2e, 0xf9, 0x0c, 0x8e, 17, 16] + Array("http://127.0.0.1".utf8)
                    try await withBadServers([
                        { _, _ in .silence }, { _, _ in .dribble }, { _, _ in .endless }, { _, _ in .hangUp },
                        { _, _ in .reply(200, Array("<html>".utf8)) }, { _, _ in .reply(503, []) }, { _, _ in .reply(200, []) },
                        { _, _ in .reply(200, foreign) }, { _, _ in .reply(302, []) },
                    ]) { bad in
                        let all = bad + [dead] + lab.calendars
                        let enough = try await client(all, needed: 2, transport).stamp(digest)
                        let proof = try #require(enough.proof)
                        #expect(await proof.check(with: nil).state == .pending(calendars: lab.calendars))
                        #expect(enough.failures.map(\.calendar) == bad + [dead])
                        #expect(
                            enough.failures.map(\.error.code) == [
                                "anchor.timed_out", "anchor.timed_out", "anchor.oversize", "anchor.unreachable", "anchor.malformed",
                                "anchor.refused", "anchor.malformed", "anchor.malformed", "anchor.refused", "anchor.unreachable",
                            ])
                        #expect(enough.failures[7].error == .malformed("calendar.foreign"))
                        let tooFew = try await client([dead] + lab.calendars, needed: 3, transport).stamp(digest)
                        #expect(tooFew.proof == nil)
                        #expect(tooFew.failures.count == 1)
                    }
                }
            }
        }

        @Test("A calendar that redeems its promise with another digest's block proves nothing and is found out")
        func wrongDigest() async throws {
            try await LabTimestamps.run { lab in
                try await withTransport { transport in
                    let node = BitcoinNode(address: lab.node, login: lab.login, confirmations: 1, transport: transport)
                    let other = try #require(try await client([lab.calendars[0]], transport).stamp(.genesis).proof)
                    try await lab.mine()
                    let redeemed = try await client([lab.calendars[0]], transport).upgrade(other).proof
                    #expect(await redeemed.check(with: node).state.isProven)
                    let height = try #require(
                        redeemed.attestations.compactMap { item -> Int64? in
                            guard case .bitcoin(let height) = item.attestation else { return nil }
                            return height
                        }.first)
                    let pending = Shared<[UInt8]>([])
                    try await withBadServers([
                        { path, _ in
                            guard path == "/digest" else {
                                let number = height < 128 ? [UInt8(height)] : [UInt8(height & 0x7f) | 0x80, UInt8(height >> 7)]
                                return .reply(200, [8, 0, 0x05, 0x88, 0x96, 0x0d, 0x73, 0xd7, 0x19, 0x01, UInt8(number.count)] + number)
                            }
                            return .reply(200, pending.current)
                        }
                    ]) { liars in
                        let liar = liars[0]
                        pending.withLock {
                            $0 =
                                [8, 0, 0x83, 0xdf, 0xe3, 0x0d, 0x2e, 0xf9, 0x0c, 0x8e, UInt8(liar.utf8.count + 1), UInt8(liar.utf8.count)]
                                + Array(liar.utf8)
                        }
                        let calendar = try client([liar], transport)
                        let stamp = try #require(await calendar.stamp(digest).proof)
                        let upgrade = await calendar.upgrade(stamp)
                        #expect(upgrade.failures.isEmpty)
                        #expect(await upgrade.proof.check(with: nil).state == .attested(height: height, blockTime: nil))
                        let check = await upgrade.proof.check(with: node)
                        #expect(check.state == .pending(calendars: [liar]))
                        #expect(check.refuted.count == 1)
                        var cleaned = upgrade.proof
                        cleaned.remove(check.refuted)
                        #expect(cleaned == stamp)
                    }
                }
            }
        }

        @Test("A node that is away, lies about a header or wants another log-in leaves the block unchecked")
        func badNodes() async throws {
            let proof = OpenTimestampsProof(digest: digest, tree: ProofTree([.attestation(.bitcoin(height: 0))]))
            try await LabTimestamps.run { lab in
                try await withTransport(deadline: .milliseconds(700)) { transport in
                    try await withBadServers([
                        { _, body in
                            String(decoding: body, as: UTF8.self).contains("count")
                                ? .reply(200, Array(#"{"error":null,"id":1,"result":9}"#.utf8))
                                : .reply(
                                    200, Array(("{\"error\":null,\"id\":1,\"result\":\"" + String(repeating: "00", count: 80) + "\"}").utf8)
                                )
                        },
                        { _, _ in .endless }, { _, _ in .silence }, { _, _ in .reply(200, Array("[]".utf8)) },
                    ]) { bad in
                        for (address, login, code) in [
                            (bad[0], lab.login, "anchor.malformed"), (bad[1], lab.login, "anchor.oversize"),
                            (bad[2], lab.login, "anchor.timed_out"),
                            (bad[3], lab.login, "anchor.refused"), (dead, lab.login, "anchor.unreachable"),
                            (lab.node, "other:login", "anchor.refused"),
                        ] {
                            let node = BitcoinNode(address: address, login: login, confirmations: 1, transport: transport)
                            let check = await proof.check(with: node)
                            #expect(check.state == .attested(height: 0, blockTime: nil), "\(code)")
                            #expect(check.failure?.code == code)
                            #expect(check.refuted.isEmpty)
                        }
                    }
                }
            }
        }

        @Test(
            "Only addresses of the policy are ever asked",
            arguments: [
                ("https://a.pool.example", true), ("https://a.pool.example/", true), ("http://a.pool.example", false),
                ("https://alice.calendar.example", true),
                ("https://x.alice.calendar.example", false), ("https://calendar.example", false), ("https://.calendar.example", false),
                ("https://alice.calendar.example:8443", false), ("https://alice.calendar.example/path", false),
                ("https://*.calendar.example", false),
                ("ftp://a.pool.example", false), ("https://", false), ("https://a.pool.example@evil", false),
            ])
        func permits(address: String, isPermitted: Bool) throws {
            let policy = try #require(
                CalendarPolicy(calendars: ["https://a.pool.example/"], needed: 1, redeemers: ["https://*.calendar.example"]))
            #expect(policy.permits(address) == isPermitted)
        }

        @Test("A policy that cannot be met or names no address is refused")
        func policies() {
            let one = "https://a.example"
            #expect(CalendarPolicy(calendars: [], needed: 1) == nil)
            #expect(CalendarPolicy(calendars: [one], needed: 0) == nil)
            #expect(CalendarPolicy(calendars: [one], needed: 2) == nil)
            #expect(CalendarPolicy(calendars: [one, one + "/"], needed: 1) == nil)
            #expect(CalendarPolicy(calendars: ["a.example"], needed: 1) == nil)
            #expect(CalendarPolicy(calendars: ["https://*.example"], needed: 1) == nil)
            #expect(CalendarPolicy(calendars: (0..<17).map { "https://c\($0).example" }, needed: 1) == nil)
            #expect(CalendarPolicy(calendars: [one], needed: 1) != nil)
        }
    }
}
