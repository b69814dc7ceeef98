import Appliance
import Central
import Database
import Evidence
import Foundation
import Model
import TestSupport
import Testing
import Wire

/// SPEC: at least 30 days without Central. The client certificate lives one day; the evidence key lasts.
@Suite struct LongOfflineTests {
    static let offline: Duration = .seconds(31 * 86_400)

    /// Enrolled a month ago: the certificate is past its time on every clock, TLS's own included.
    func monthOld(
        _ body: (LabCentral, LabSite, LabAppliance, TestClock) async throws -> Void
    ) async throws {
        let clock = TestClock(at: WallClock.system.now() - Self.offline)
        let central = try LabCentral(clock: clock.clock, clientCertificateLifetime: .seconds(86_400))
        try await central.start()
        let site = try await central.site()
        let appliance = try await LabAppliance(central, site, clock: clock.clock)
        do {
            try await body(central, site, appliance, clock)
        } catch {
            await appliance.process.close()
            try await central.stop()
            throw error
        }
        await appliance.process.close()
        try await central.stop()
    }

    @Test("Back after a month, an appliance gets a new certificate by itself and sends what it kept")
    func comesBack() async throws {
        try await monthOld { central, site, appliance, clock in
            let context = appliance.process.context
            try await context.journal.append([context.drafts.system(.observed, note: "written while offline")])
            clock.advance(by: Self.offline)
            let poll = PollService(context, clockService: ClockService(context))
            _ = await poll.turn()
            #expect(try await context.central.isExpired() == false)
            _ = await PushService(context).turn()
            #expect(try await appliance.queued() == 0)
            let held = try await central.evidence(of: site)
            #expect(held.contains { $0.record.note == "written while offline" } && isChain(held))
        }
    }

    @Test("An appliance whose own clock stands still learns from the refusal that its certificate is over, and what time it is")
    func slowClock() async throws {
        try await monthOld { central, site, appliance, clock in
            clock.advance(by: Self.offline)
            let slow = TestClock(at: clock.now - Self.offline)
            let link = try await appliance.link(clock: slow.clock)
            #expect(try await link.isExpired() == false)
            await #expect(throws: CentralLinkError.clocksDiffer(central: clock.now)) { try await link.recover() }
            // Refused just now: nothing is asked for five minutes, so that a site's address is not locked out.
            #expect(try await link.recover() == false)
            slow.advance(by: .seconds(300))
            await #expect(throws: CentralLinkError.clocksDiffer(central: clock.now)) { try await link.recover() }
            #expect(try await central.services.refusals.list(for: central.credential, limit: 9).map(\.code) == ["recovery.clock"])
            await link.close()
        }
    }

    @Test("A revoked appliance does not come back")
    func revoked() async throws {
        try await monthOld { central, site, appliance, clock in
            try await central.services.appliances.revoke(appliance.identity.appliance, in: site.scope)
            clock.advance(by: Self.offline)
            await #expect(throws: CentralLinkError.refused(status: 403, code: "recovery.revoked")) {
                try await appliance.process.context.central.recover()
            }
            #expect(try await appliance.process.context.central.isExpired())
            #expect(try await central.evidence(of: site).isEmpty)
            #expect(try await central.services.refusals.list(for: central.credential, limit: 9).map(\.code) == ["recovery.revoked"])
        }
    }

    @Test("What a refused certificate looks like to us is taken for one")
    func refusedInTheHandshake() async throws {
        try await monthOld { central, site, appliance, clock in
            clock.advance(by: Self.offline)
            let context = appliance.process.context
            do {
                try await context.journal.append([context.drafts.system(.observed, note: "x")])
                let batch = try await context.database.read { try EvidenceTable.waiting(count: 1, bytesMax: 100_000, in: $0) }
                _ = try await context.central.client().submit(.init(bundles: batch.map(\.signed)))
                Issue.record("taken")
            } catch let error as CentralLinkError {
                #expect(error.mayBeOurCertificate)
            }
        }
    }
}
