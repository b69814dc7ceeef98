import Central
import Database
import Evidence
import Model
import Seal
import TestSupport
import Testing
import Wire

@Suite struct EvidenceIntakeTests {
    @Test("A chain is accepted in pieces, each with a signed receipt for what is held", arguments: TestEngine.allCases)
    func accepts(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            var box = try await enrolledBox(at: central, tenant)
            let receiptKey = central.services.keys.receipts.verifyingKey
            var sent: [SignedBundle] = []
            for (count, last) in [(1, 0), (120, 120), (2, 122)] {
                let bundles = try box.makeBundles(count, at: central.clock.now)
                sent += bundles
                let reply = try await box.submit(bundles, to: central)
                #expect(reply.refusal == nil)
                #expect(reply.acknowledgedSequence == Int64(last))
                let receipt = try SignedReceipt(opening: try #require(reply.receipt), keys: [receiptKey]).receipt
                #expect(
                    receipt
                        == Receipt(
                            site: tenant.site, appliance: try #require(box.grant?.appliance), firstSequence: Int64(last - count + 1),
                            lastSequence: Int64(last), head: box.head, received: central.clock.now,
                            logged: [LogRun(sequence: Int64(last - count + 1), index: Int64(last - count + 1), count: Int64(count))]))
            }
            let held = try await central.services.evidence.page(of: tenant.site, in: tenant.scope, limit: 1_000)
            #expect(held.map(\.bundle) == sent)
            #expect(try await box.checkin(at: central).acknowledgedSequence == 122)

            let other = try await central.makeTenant("Other")
            #expect(try await central.services.evidence.page(of: tenant.site, in: other.scope, limit: 10).isEmpty)
        }
    }

    @Test(
        "An identical duplicate is acknowledged again; a changed one is refused and recorded, and what is held stays",
        arguments: TestEngine.allCases)
    func duplicates(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            var box = try await enrolledBox(at: central, tenant)
            let bundles = try box.makeBundles(3, at: central.clock.now)
            _ = try await box.submit(bundles, to: central)
            let again = try await box.submit(Array(bundles[1...]), to: central)
            #expect(again.refusal == nil && again.acknowledgedSequence == 2)
            let receipt = try SignedReceipt(opening: try #require(again.receipt), keys: [central.services.keys.receipts.verifyingKey])
                .receipt
            #expect((receipt.firstSequence, receipt.lastSequence, receipt.head) == (1, 2, box.head))
            // Half old, half new: a push whose answer was lost.
            let more = try box.makeBundles(2, at: central.clock.now)
            #expect(try await box.submit([bundles[2]] + more, to: central).acknowledgedSequence == 4)

            let first = try box.seal("changed", at: ChainLink(sequence: 0, previous: .genesis), central.clock.now)
            let refused = try await box.submit([first.signed], to: central)
            #expect(refused.receipt == nil)
            #expect(refused.refusal?.code == "chain.fork")
            #expect(refused.acknowledgedSequence == 4)
            let held = try await central.services.evidence.page(of: tenant.site, in: tenant.scope, limit: 10)
            #expect(held.map(\.bundle) == bundles + more)
            _ = try await box.submit([first.signed], to: central)
            let recorded = try await central.services.refusals.list(for: CentralUnderTest.person, limit: 10)
            #expect(recorded.map(\.code) == ["chain.fork"])
            #expect(recorded[0].times == 2)
            #expect(recorded[0].sequence == 0)
        }
    }

    @Test(
        "Gap, false predecessor, bad signature, strange key, other site and other appliance: refused, recorded, nothing stored",
        arguments: TestEngine.allCases)
    func refuses(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            var box = try await enrolledBox(at: central, tenant)
            let neighbour = try await enrolledBox(at: central, tenant)
            _ = try await box.submit(box.makeBundles(2, at: central.clock.now), to: central)
            let now = central.clock.now
            let link = ChainLink(sequence: 2, previous: box.head)
            let good = try box.seal("", at: link, now).signed
            let neighbourID = try #require(neighbour.grant?.appliance)
            let cases: [(SignedBundle, Code)] = [
                (try box.seal("", at: ChainLink(sequence: 3, previous: box.head), now).signed, "chain.gap"),
                (try box.seal("", at: ChainLink(sequence: 2, previous: .genesis), now).signed, "chain.wrong_previous"),
                (SignedBundle(bytes: good.bytes, signature: [UInt8](repeating: 1, count: 64)), "bundle.bad_signature"),
                (SignedBundle(bytes: good.bytes.dropLast() + [0x20], signature: good.signature), "bundle.bad_signature"),
                (try box.seal("", at: link, now, by: SigningKey()).signed, "bundle.bad_signature"),
                (try box.seal("", at: link, now, site: SiteID(at: now)).signed, "chain.wrong_site"),
                (try box.seal("", at: link, now, appliance: neighbourID).signed, "chain.wrong_appliance"),
                (SignedBundle(bytes: [1, 2], signature: box.evidenceKey.sign([1, 2])), "bundle.not_json"),
            ]
            for (bundle, code) in cases {
                let reply = try await box.submit([bundle], to: central)
                #expect(reply.refusal?.code == code)
                #expect(reply.receipt == nil)
                #expect(reply.acknowledgedSequence == 1)
            }
            // What stands before the first refusal is taken, what stands after it is not.
            let mixed = try await box.submit([good, cases[3].0, good], to: central)
            #expect(mixed.acknowledgedSequence == 2)
            #expect(mixed.receipt != nil)
            #expect(mixed.refusal?.code == "bundle.bad_signature")
            let recorded = try await central.services.refusals.list(for: CentralUnderTest.person, limit: 100)
            #expect(Set(recorded.map(\.code)) == Set(cases.map(\.1)))
            #expect(recorded.allSatisfy { $0.source == box.grant?.appliance.description && $0.site == tenant.site })
            #expect(try await central.services.evidence.page(of: tenant.site, in: tenant.scope, limit: 10).count == 3)
        }
    }

    @Test("Senders that race leave one chain, and everything receipted is in it", arguments: TestEngine.allCases)
    func concurrentSenders(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            var first = try await enrolledBox(at: central, tenant)
            let second = try await enrolledBox(at: central, tenant)
            let shared = first
            let chain = try first.makeBundles(40, at: central.clock.now)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for sender in 0..<4 {
                    group.addTask {
                        // The same bundles in pieces of different size, against each other and a box of the same site.
                        for start in stride(from: 0, to: 40, by: sender + 3) {
                            _ = try await shared.submit(Array(chain[start..<min(start + sender + 3, 40)]), to: central)
                        }
                    }
                }
                group.addTask {
                    var second = second
                    for _ in 0..<6 { _ = try await second.submit(second.makeBundles(3, at: central.clock.now), to: central) }
                }
                try await group.waitForAll()
            }
            _ = try await shared.submit(chain, to: central)
            let held = try await central.services.evidence.page(of: tenant.site, in: tenant.scope, limit: 100)
            let firstID = try #require(shared.grant?.appliance)
            #expect(held.filter { $0.appliance == firstID }.map(\.bundle) == chain)
            #expect(held.filter { $0.appliance != firstID }.map(\.sequence) == Array(0..<18))
        }
    }

    @Test("Everything is there after a restart, and the chain goes on", arguments: TestEngine.allCases)
    func restarts(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            var box = try await enrolledBox(at: central, tenant)
            _ = try await box.submit(box.makeBundles(5, at: central.clock.now), to: central)
            let again = try await central.again()
            do {
                #expect(try await box.checkin(at: again).acknowledgedSequence == 4)
                #expect(try await box.submit(box.makeBundles(1, at: central.clock.now), to: again).acknowledgedSequence == 5)
                #expect(try await again.services.evidence.receipts(of: tenant.site, in: tenant.scope).count == 2)
            } catch {
                try await again.stop()
                throw error
            }
            try await again.stop()
        }
    }
}
