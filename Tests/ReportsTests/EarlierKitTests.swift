import Compliance
import Evidence
import Foundation
import Model
import Seal
import TestSupport
import Testing
import Wire

@testable import Reports

/// A kit beside one that somebody has kept: what a kit alone cannot show, `martlet verify --earlier` and `verify_kit.py --earlier` name,
/// in the same codes.
@Suite struct EarlierKitTests {
    let directory: TemporaryDirectory
    let sample: KitSample

    init() async throws {
        directory = try TemporaryDirectory()
        sample = try await KitSample(seed: 41)
    }

    /// Of the first half of each chain, made when that was all.
    var half: KitSample.Variant {
        var half = sample.whole
        half.count = 7
        half.statements = [0, 1]
        let receipts = sample.subject.receipts.filter { [6, 46].contains($0.receipt.lastSequence) }
        half.size = Int(receipts.flatMap(\.receipt.logged).map { $0.index + $0.count }.max() ?? 0) + 1
        half.horizon = receipts.map(\.receipt.received).max() ?? sample.now
        return half
    }

    /// Both say the same of `later`; each by itself is a kit without a finding.
    @discardableResult
    private func compare(
        _ later: KitSample.Variant, with earlier: KitSample.Variant, _ codes: [Code], isWhole: Bool = true
    ) async throws -> KitReport {
        let (old, new) = (directory.file("earlier.zip"), directory.file("later.zip"))
        for path in [old, new] { try? FileManager.default.removeItem(atPath: path) }
        try await sample.write(earlier, to: old)
        try await sample.write(later, to: new)
        let verifier = KitVerifier(KitPins(), workers: 2)
        if isWhole { #expect(await verifier.verify(new).findings == []) }
        let report = await verifier.verify(new, earlier: old)
        #expect(report.findings.map(\.code) == codes)
        let script = "\(repositoryRoot)/scripts/verify_kit.py"
        let printed = try runCommand("/bin/sh", ["-c", "python3 '\(script)' --json --earlier '\(old)' '\(new)'; test $? -lt 2"])
        let value = try JSONValue(parsing: printed, limits: JSONLimits(bytesMax: 1 << 20))
        let found = try #require(value["findings"]?.array).map { [$0["code"]?.string, $0["subject"]?.string] }
        #expect(found == report.findings.map { [$0.code.description, $0.subject] })
        #expect(value["earlier"] == report.json["earlier"] || (value["earlier"] ?? .null) == .null && report.earlier == nil)
        #expect(value["notChecked"] == report.json["notChecked"])
        return report
    }

    @Test("A kit goes on from itself, and from that of its first half; its log, too")
    func goesOn() async throws {
        let same = try await compare(sample.whole, with: sample.whole, [])
        #expect(same.earlier?.bundles == 24 && same.earlier?.isLogShown == true && same.earlier?.notes == [])
        let report = try await compare(sample.whole, with: half, [])
        #expect(report.earlier?.bundles == 14 && report.exitCode == 0 && report.earlier?.isLogShown == true)
        #expect(report.table.contains("14 bundles of the earlier kit are here, the same; the log goes on from its \(half.size) entries"))
        #expect(report.table.contains("whether something was left out that the earlier kit does not hold either"))
    }

    @Test("A box that is left out whole, or all of them, is missing")
    func namesBoxes() async throws {
        var later = sample.whole
        later.appliances = [sample.appliances[1]]
        let report = try await compare(later, with: half, ["earlier.appliance_missing", "earlier.population_shrunk"])
        #expect(report.findings.map(\.subject) == [sample.appliances[0].description, "front-desk \(KitSample.checks[2])"])
        later.appliances = []
        later.prior = []
        let shrunk = [Code](repeating: "earlier.population_shrunk", count: 3)
        try await compare(later, with: half, ["earlier.appliance_missing", "earlier.appliance_missing"] + shrunk)
    }

    @Test("A chain whose end is left out goes back; one whose begin is left out lacks bundles")
    func namesEnds() async throws {
        var later = sample.whole
        later.count = 7
        later.statements = Array(0...8)
        try await compare(later, with: sample.whole, ["earlier.chain_back", "earlier.chain_back"])
        var cut = sample.whole
        cut.skipped = 7
        cut.appliances = [sample.appliances[1]]
        var earlier = sample.whole
        earlier.appliances = [sample.appliances[1]]
        try await compare(cut, with: earlier, ["earlier.bundle_missing"])
        // Of a period that begins after those were received, they are not wanted.
        cut.days = 3..<4
        try await compare(cut, with: earlier, [])
    }

    @Test("A statement that is left out, such as the end of an exception, is missing")
    func namesStatements() async throws {
        var later = sample.whole
        later.statements = [0] + Array(2...8)
        let report = try await compare(later, with: half, ["earlier.statement_missing"])
        #expect(report.findings.map(\.subject) == ["statements/000000000002.json"])
    }

    @Test("Receipts that are left out, other dates of a key and fewer witnesses are found; other controls are told")
    func namesWords() async throws {
        var later = sample.whole
        later.hasReceipts = false
        let redated = try await compare(later, with: half, ["earlier.received_changed", "earlier.received_changed"])
        #expect(redated.findings[0].subject == "bundles/\(sample.appliances[0])/000000000000")
        later = sample.whole
        later.validFrom = sample.now - .seconds(60)
        try await compare(later, with: half, ["earlier.key_changed", "earlier.key_changed"])
        later = sample.whole
        later.quorum = 0
        try await compare(later, with: half, ["earlier.quorum_lower"])
        later = sample.whole
        later.controls[KitSample.checks[1]] = later.controls[KitSample.checks[2]]
        let diluted = try await compare(later, with: half, [])
        #expect(diluted.earlier?.notes == ["earlier.controls_changed"] && diluted.exitCode == 0)
    }

    @Test("A log with another entry in its past forks, also where the kit does not hold that entry")
    func namesForks() async throws {
        var later = sample.whole
        later.isForked = true
        var earlier = sample.whole
        earlier.size -= 1
        try await compare(later, with: sample.whole, ["earlier.log_forked"])
        earlier = half
        earlier.isForked = true
        try await compare(sample.whole, with: earlier, ["earlier.log_forked"])
    }

    @Test("What had to be looked at does not become less, and the horizon does not go back")
    func namesLess() async throws {
        var later = sample.whole
        later.prior = try sample.prior(interval: 20 * 86_400)
        let report = try await compare(later, with: sample.whole, ["earlier.population_shrunk", "earlier.population_shrunk"])
        #expect(Set(report.findings.map(\.subject)) == Set([KitSample.checks[0], KitSample.checks[1]].map { "records \($0)" }))
        later = sample.whole
        later.horizon = sample.subject.period.from + .seconds(78 * 3_600)
        try await compare(later, with: sample.whole, ["earlier.horizon_back"])
    }

    @Test("A kit of another site, and an earlier one that does not verify, are not compared")
    func refusesOthers() async throws {
        let (old, new) = (directory.file("old.zip"), directory.file("new.zip"))
        try sample.write(to: new)
        try await KitSample(seed: 42).write(to: old)
        let other = await KitVerifier(KitPins(), workers: 2).verify(new, earlier: old)
        #expect(other.findings.map(\.code) == ["earlier.other_site"] && other.exitCode == 1)
        try Data("no kit".utf8).write(to: URL(filePath: directory.file("none.zip")))
        let none = await KitVerifier(KitPins(), workers: 2).verify(new, earlier: directory.file("none.zip"))
        #expect(none.findings.map(\.code) == ["earlier.not_verified"] && none.earlier == nil)
        let script = "\(repositoryRoot)/scripts/verify_kit.py"
        for (path, code) in [(old, "earlier.other_site"), (directory.file("none.zip"), "earlier.not_verified")] {
            let printed = try runCommand("/bin/sh", ["-c", "python3 '\(script)' --earlier '\(path)' '\(new)'; test $? = 1"])
            #expect(printed.contains("finding   \(code)"))
        }
    }
}
