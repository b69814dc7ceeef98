import Appliance
import Central
import Database
import Evidence
import Foundation
import Model
import Seal
import TestSupport
import Testing

/// Guardrail 1, at the door: what is not genuine, not for us, not in date or not new is discarded, leaves evidence once,
/// and runs nothing.
@Suite struct BadOrderTests {
    private func order(
        _ identity: Identity, at now: Timestamp, sequence: Int64 = 1, nonce: String = String(repeating: "0", count: 32),
        appliance: ApplianceID? = nil, ttl: Duration = .seconds(900)
    ) -> Order {
        Order(
            id: OrderID(at: now), site: identity.site, appliance: appliance ?? identity.appliance, host: nil, kind: .pause, runbook: nil,
            check: nil, parameters: [:], issued: now, expires: now + ttl, nonce: nonce, sequence: sequence, requester: "alice",
            reason: "test", approver: nil)
    }

    @Test("Forged, misaddressed, replayed and expired orders leave their word in evidence once, and nothing is accepted")
    func refusals() async throws {
        let clock = TestClock()
        let central = try LabCentral(clock: clock.clock)
        try await central.start()
        let site = try await central.site()
        let appliance = try await LabAppliance(central, site, clock: clock.clock)
        let context = appliance.process.context
        let inbox = OrderInbox(context)
        let key = await central.services.keys.orders
        let now = clock.now
        let other = String(repeating: "1", count: 32)

        let good = try SignedOrder(signing: order(appliance.identity, at: now, sequence: 5), with: key).text
        #expect(await inbox.receive([good]))
        #expect(await !inbox.receive([good]), "sent again, it is neither new nor refused")
        let bad: [(String, Code, String)] = [
            (
                try SignedOrder(signing: order(appliance.identity, at: now, sequence: 6, nonce: other), with: SigningKey()).text,
                "order.unknown_key", "rejected"
            ),
            (
                try SignedOrder(
                    signing: order(appliance.identity, at: now, sequence: 6, nonce: other, appliance: ApplianceID(at: now)), with: key
                ).text,
                "order.wrong_appliance", "rejected"
            ),
            (try SignedOrder(signing: order(appliance.identity, at: now, sequence: 6), with: key).text, "order.replayed_nonce", "rejected"),
            (
                try SignedOrder(signing: order(appliance.identity, at: now, sequence: 5, nonce: other), with: key).text,
                "order.replayed_sequence", "rejected"
            ),
            (
                try SignedOrder(signing: order(appliance.identity, at: now - .seconds(901), sequence: 7, nonce: other), with: key).text,
                "order.expired", "expired"
            ),
            (good.replacingOccurrences(of: "\"signature\":\"", with: "\"signature\":\"AAAA"), "order.malformed", "rejected"),
            ("{", "order.malformed", "rejected"),
        ]
        for (text, code, word) in bad {
            #expect(await !inbox.receive([text, text]))
            let refusals = try await appliance.stored().filter { $0.record.outcome.code == code }
            #expect(refusals.last?.record.outcome.word == word && refusals.last?.record.kind == .order, "\(code)")
        }
        #expect(try await appliance.stored().count { $0.record.kind == .order } == bad.count)
        let accepted = try await context.database.read { try $0.query("SELECT order_id FROM order_inbox").count }
        #expect(accepted == 1)
        #expect(isChain(try await appliance.stored()))
        await appliance.process.close()
        try await central.stop()
    }

    @Test("Pause and resume come as orders, are reported, and stop and start automatic repair")
    func pauseAndResume() async throws {
        let clock = TestClock()
        let central = try LabCentral(clock: clock.clock)
        try await central.start()
        let site = try await central.site()
        let appliance = try await LabAppliance(central, site, clock: clock.clock)
        try await central.publish(LabCatalog.make(version: 1, file: appliance.temporary.file("none")))
        let context = appliance.process.context
        let poll = PollService(context, clockService: ClockService(context))
        for (kind, isPaused) in [(Order.Kind.pause, true), (.resume, false)] {
            let order = try await central.order(
                OrderDraft(appliance: appliance.identity.appliance, kind: kind, requester: "alice", reason: "test"), site)
            _ = await poll.turn()
            _ = await appliance.process.heal.turn()
            _ = await poll.turn()
            #expect(try await context.database.read { try SettingTable.read(.isPaused, in: $0) } == (isPaused ? "1" : nil))
            let states = try await central.services.orders.list(appliance: nil, for: central.credential, limit: 10)
            #expect(states.first { $0.id == order.id }?.state == "completed")
        }
        await appliance.process.close()
        try await central.stop()
    }
}
