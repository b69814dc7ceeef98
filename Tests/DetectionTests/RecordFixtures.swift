import Catalog
import Glibc
import Hosts
import Model
import Testing

/// `MARTLET_RECORD=10.77.4.11 swift test --filter RecordFixtures` records every probe on that practice host.
@Suite struct RecordFixtures {
    private static let address = getenv("MARTLET_RECORD").map { String(cString: $0) }

    @Test(.enabled(if: RecordFixtures.address != nil)) func record() async throws {
        let lab = try await PracticeHosts.settings(instance: Int(Self.address!.split(separator: ".")[2])!)
        let host = try lab.host(Int(Self.address!.split(separator: ".")[3])! - 10)
        for probe in ProbeRegistry.all {
            let check = try #require(ShippedCatalog.checks.values.filter { $0.probe == probe.id }.min { $0.id < $1.id })
            let results = await host.run(probe.commands(ShippedCatalog.parameters(check)))
            try TextFile.write(
                Recording.text(results, from: "Recorded on a practice host (Debian 12) as it is after its first boot."),
                to: "\(Recording.folder)/debian12/\(probe.id).txt")
        }
        await host.disconnect()
    }
}
