import Appliance
import Central
import Evidence
import Foundation
import Model
import TestSupport
import Testing

/// The daemon as a whole, its state on a small file system of its own. Needs root, to mount that.
@Suite(.enabled(if: geteuid() == 0)) struct FullDiskTests {
    @Test("On a full disk the daemon runs on, repairs and acknowledges nothing, and goes on by itself when there is room")
    func fullDisk() async throws {
        let mount = try TemporaryDirectory()
        try runCommand("/bin/mount", ["-t", "tmpfs", "-o", "size=8m,mode=0700", "martlet-test", mount.path])
        defer { _ = try? runCommand("/bin/umount", ["-l", mount.path]) }
        let central = try LabCentral()
        try await central.start()
        let site = try await central.site()
        let lab = try await DaemonLab(central, site, state: mount.file("state"))
        try await central.publish(LabCatalog.make(version: 1, file: lab.file))
        let daemon = try LabDaemon(lab.configurationPath)
        try await eventually("looked", every: .milliseconds(200)) {
            try await central.evidence(of: site).contains { $0.record.verdict == .compliant }
        }

        let ballast = mount.file("ballast")
        try? runCommand("/bin/dd", ["if=/dev/zero", "of=\(ballast)", "bs=4k", "status=none"])
        lab.makeDrift()
        let order = try await central.order(
            OrderDraft(appliance: lab.identity.appliance, kind: .check, requester: "alice@msp.example", reason: "look again"), site)
        try await eventually("could not record, nor take the order in", every: .milliseconds(300)) {
            daemon.hangUp()
            return daemon.log.contains("observations not recorded")
                && (daemon.log.contains("order not taken in") || daemon.log.contains("check-in failed"))
        }
        #expect(daemon.isRunning && lab.mode == 0o666, "no action without evidence")
        let summaries = try await central.services.orders.list(appliance: nil, for: central.credential, limit: 1)
        #expect(["created", "delivered"].contains(summaries[0].state))
        let (held, stored) = (try await central.evidence(of: site), try await lab.stored())
        #expect(held.count <= stored.count && !(held + stored).contains { $0.record.kind == .healing })

        try FileManager.default.removeItem(atPath: ballast)
        try await eventually("repaired and carried out the order", every: .milliseconds(300)) {
            daemon.hangUp()
            let held = try await central.evidence(of: site)
            return lab.mode == 0o640 && held.contains { $0.record.order == order.id }
                && held.contains { $0.record.kind == .healing && $0.record.outcome.word == "success" }
        }
        #expect(try await daemon.stop() < LabDaemon.stopMax)
        let (ours, all) = (try await lab.stored(), try await central.evidence(of: site))
        #expect(isChain(ours) && isChain(all) && Array(ours.map(\.digest).prefix(all.count)) == all.map(\.digest))
        #expect(ours.count { $0.record.order == order.id } == 1)
        try await central.stop()
    }
}
