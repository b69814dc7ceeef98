import Appliance
import Database
import Foundation
import Model
import TestSupport
import Testing

/// Needs root, to mount a small file system.
@Suite(.enabled(if: geteuid() == 0)) struct DiskFullTests {
    @Test("On a full disk nothing is acknowledged, and with room again the chain goes on without a gap")
    func diskFull() async throws {
        let mount = try TemporaryDirectory()
        try runCommand("/bin/mount", ["-t", "tmpfs", "-o", "size=2m,mode=0700", "martlet-test", mount.path])
        defer { _ = try? runCommand("/bin/umount", ["-l", mount.path]) }
        let bench = try await Workbench(at: mount.path)
        let journal = try await bench.journal()
        var acknowledged: [EvidenceJournal.Place] = []
        let ballast = mount.file("ballast")
        FileManager.default.createFile(atPath: ballast, contents: Data(count: 1 << 20))

        var refusals = 0
        while refusals < 3 {
            do {
                acknowledged += try await journal.append((0..<50).map { bench.bundle("\($0)" + String(repeating: "x", count: 500)) })
            } catch let error as DatabaseError {
                guard case .full = error else { throw error }
                refusals += 1
            }
            #expect(acknowledged.count < 5_000, "a disk of 2 MiB cannot hold this")
            if acknowledged.count >= 5_000 { return }
        }
        #expect(await journal.end.sequence == Int64(acknowledged.count) - 1)

        try FileManager.default.removeItem(atPath: ballast)
        acknowledged += try await journal.append([bench.bundle("room again")])
        let stored = try await bench.stored()
        #expect(stored.map(\.digest) == acknowledged.map(\.digest))
        try expectUnbroken(stored, key: bench.key)
        await bench.database.close()
    }
}
