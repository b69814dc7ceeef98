import Model
import Testing

@testable import Appliance

@Suite struct OrderDeferralTests {
    let received = Timestamp(milliseconds: 1_795_000_000_000)
    let max = OrderTable.Entry.deferralMax

    private func order() -> Order {
        Order(
            id: OrderID(at: received), site: SiteID(at: received), appliance: ApplianceID(at: received), host: "front-desk", kind: .runbook,
            runbook: "linux.service.restart", check: "host.services.critical", parameters: [:], issued: received,
            expires: received + .seconds(900), nonce: String(repeating: "0", count: 32), sequence: 1, requester: "alice", reason: "test",
            approver: nil)
    }

    private func entry(_ order: Order, _ state: OrderTable.State = .accepted, deferred: Duration? = nil) -> OrderTable.Entry {
        OrderTable.Entry(
            order: order.id, envelope: "", sequence: 1, received: received, state: state, deferredUntil: deferred.map { received + $0 },
            deferCode: deferred.map { _ in "gate.outside_window" })
    }

    @Test("Without a deferral an order ends when it expires; one that has begun goes on")
    func expires() {
        let order = order()
        #expect(!entry(order).isOver(order, at: received + .milliseconds(899_999)))
        #expect(entry(order).isOver(order, at: received + .seconds(900)))
        #expect(!entry(order, .running).isOver(order, at: received + .seconds(900)))
    }

    @Test("A deferred order waits for a weekly window, but not for ever, however often it is deferred")
    func deferralEnds() {
        let order = order()
        for deferred in [Duration.seconds(300), .seconds(7 * 86_400), .seconds(400 * 86_400)] {
            #expect(!entry(order, deferred: deferred).isOver(order, at: received + .seconds(7 * 86_400)))
            #expect(!entry(order, deferred: deferred).isOver(order, at: received + max - .milliseconds(1)))
            #expect(entry(order, deferred: deferred).isOver(order, at: received + max))
        }
    }
}
