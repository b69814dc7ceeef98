import Catalog
import Healing
import Hosts
import Model
import Testing

/// The rules, runbooks and baseline that are shipped.
@Suite struct ShippedCatalogTests {
    static let catalog = Result {
        try CatalogLoader.load(
            directory: String(#filePath.dropLast("Tests/HealingTests/ShippedCatalogTests.swift".utf8.count)) + "Catalog",
            schema: .code(), version: 1)
    }

    /// Loaded into a network namespace of its own and read back as the probe reads it.
    @Test func theBaselinesDigestIsThatOfItsRuleset() async throws {
        let baseline = try #require(try Self.catalog.get().baselines["default"])
        let document = try #require(baseline.documents["nftables.ruleset"])
        let path = "/tmp/martlet-baseline-\(PlanID(at: WallClock.system.now())).nft"
        let host = LocalHost(id: "here")
        try #require(try await host.run(HostCommand(["dd", "of=\(path)", "status=none"], input: Array(document.utf8))).succeeded)
        let listing = try await host.run(
            HostCommand(["unshare", "-rn", "sh", "-c", "nft -f \"$0\" && nft -j list ruleset; s=$?; rm -f \"$0\"; exit $s", path]))
        try #require(listing.succeeded, "\(String(decoding: listing.errorOutput, as: UTF8.self))")
        let facts = try FirewallProbe().parse([.success(listing), .failure(.timedOut)], [:], at: Timestamp(milliseconds: 0))
        #expect(facts["nft.ruleset_digest"] == baseline.parameters["linux.firewall.ruleset"]?["rulesetDigest"])
        #expect(facts["nft.input_policy"] == .string("drop"))
    }

    @Test func everyRunbookIsUsedByARuleOrNeedsAPerson() throws {
        let catalog = try Self.catalog.get()
        let used = Set(catalog.rules.compactMap(\.runbook))
        #expect(catalog.runbooks.keys.filter { !used.contains($0) && catalog.runbooks[$0]?.needsApproval == false } == [])
    }
}
