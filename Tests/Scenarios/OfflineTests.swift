import Appliance
import Central
import Database
import Evidence
import Foundation
import Model
import TestSupport
import Testing

@Suite struct OfflineTests {
    @Test("After 30 days without Central everything goes out in order, and every bundle has its receipt")
    func thirtyDays() async throws {
        let clock = TestClock()
        // By the machine's clock: TLS looks at that one when Central's new certificate is judged.
        let central = try LabCentral()
        try await central.start()
        let site = try await central.site()
        let appliance = try await LabAppliance(central, site, clock: clock.clock)
        let context = appliance.process.context
        let push = PushService(context)
        try await context.journal.append([context.drafts.system(.observed, note: "before")])
        _ = await push.turn()
        #expect(try await appliance.queued() == 0)

        await context.central.close()
        try await central.stop()
        for day in 0..<30 {
            try await context.journal.append((0..<24).map { context.drafts.system(.observed, note: "day \(day) hour \($0)") })
            clock.advance(by: .seconds(86_400))
            let pause = await push.turn()
            #expect(pause <= .seconds(900))
        }
        #expect(try await appliance.queued() == 720)

        try await central.start()
        try await eventually("flushed", moving: clock) {
            clock.advance(by: .seconds(900))
            _ = await push.turn()
            return try await appliance.queued() == 0
        }
        let (ours, held) = (try await appliance.stored(), try await central.evidence(of: site))
        #expect(held.count == 721 && isChain(held) && held.map(\.digest) == ours.map(\.digest))
        let receipted = try await context.database.read {
            try $0.query("SELECT sum(last_sequence - first_sequence + 1) FROM receipt")[0].integer(0)
        }
        #expect(receipted == 721)
        await appliance.process.close()
        try await central.stop()
    }

    @Test("Receipts of another key settle nothing: an alert, and everything stays in the queue")
    func foreignReceiptKey() async throws {
        let clock = TestClock()
        let central = try LabCentral(clock: clock.clock)
        try await central.start()
        let appliance = try await LabAppliance(central, try await central.site(), clock: clock.clock)
        let context = appliance.process.context
        try await central.stop()
        unlink(central.directory.file("receipt.key"))
        try await central.remakeKeys()
        try await central.start()

        let push = PushService(context)
        try await context.journal.append([context.drafts.system(.observed, note: "one")])
        _ = await push.turn()
        // The bundle, and the alert about it.
        #expect(try await appliance.queued() == 2)
        #expect(try await context.database.read { try AlertTable.all(in: $0) }.map(\.code) == ["central.receipt_invalid"])
        #expect(isChain(try await appliance.stored()))
        await appliance.process.close()
        try await central.stop()
    }

    @Test("A Central that lost what it had given receipts for gets it again, and that is an alert")
    func centralRestoredFromBackup() async throws {
        let clock = TestClock()
        let central = try LabCentral(clock: clock.clock)
        try await central.start()
        let site = try await central.site()
        let appliance = try await LabAppliance(central, site, clock: clock.clock)
        let context = appliance.process.context
        let push = PushService(context)
        try await context.journal.append([context.drafts.system(.observed, note: "kept by both")])
        _ = await push.turn()
        await context.central.close()
        try await central.stop()
        let backup = central.directory.file("backup.db")
        try runCommand("/usr/bin/sqlite3", [central.directory.file("central.db"), "VACUUM INTO '\(backup)'"])
        try await central.start()
        try await context.journal.append((0..<5).map { context.drafts.system(.observed, note: "lost by Central \($0)") })
        clock.advance(by: .seconds(60))
        _ = await push.turn()
        #expect(try await appliance.queued() == 0)
        await context.central.close()
        try await central.stop()
        for suffix in ["", "-wal", "-shm"] { unlink(central.directory.file("central.db\(suffix)")) }
        try FileManager.default.moveItem(atPath: backup, toPath: central.directory.file("central.db"))
        try await central.start()

        try await context.journal.append([context.drafts.system(.observed, note: "after")])
        try await eventually("sent again", moving: clock) {
            clock.advance(by: .seconds(900))
            _ = await push.turn()
            return try await appliance.queued() == 0
        }
        let (ours, held) = (try await appliance.stored(), try await central.evidence(of: site))
        #expect(isChain(held) && held.map(\.digest) == ours.map(\.digest))
        #expect(ours.contains { $0.record.outcome.code == "central.lost_evidence" })
        await appliance.process.close()
        try await central.stop()
    }
}
