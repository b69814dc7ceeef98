import Foundation
import Seal
import TestSupport
import Testing

/// `martlet lab --real` in its small form: as somebody would run it, with hosts, Central and box of its own.
@Suite(.enabled(if: LabInstance.obstacle == nil, "this machine cannot run practice hosts"))
struct RealLabTests {
    @Test func whatCanBeHealedIsHealedWhatMustNotIsLeftAloneAndNothingIsHarmed() async throws {
        let output = try await runCommandAside(
            binaries.appendingPathComponent("martlet").path,
            [
                "lab", "--real", "--json", "--instance", LabInstance.number, "--repository", repositoryRoot, "--scenario",
                "firewall.flushed",
                "account.second_root", "service.clinical",
            ])
        let report = try JSONValue(parsing: Array(output.utf8), limits: JSONLimits(bytesMax: 1 << 20))
        #expect(report["harm"] == .integer(0))
        #expect(report["failed"] == .integer(0))
        #expect((report["bundles"]?.integer ?? 0) > 20)
        let scenarios = report["scenarios"]?.array ?? []
        #expect(scenarios.map { $0["id"]?.string } == ["firewall.flushed", "service.clinical", "account.second_root"])
        #expect(scenarios.first?["healedMilliseconds"]?.integer != nil)
        // No host stays.
        #expect(throws: CommandFailed.self) {
            try runCommand(LabInstance.script, ["status"], environment: ["LAB_INSTANCE": LabInstance.number])
        }
    }
}

private enum LabInstance {
    static let script = repositoryRoot + "/scripts/lab/hosts"
    /// Beside the hosts of other tests, which take `LAB_INSTANCE` itself.
    static let number = "\((ProcessInfo.processInfo.environment["LAB_INSTANCE"].flatMap { Int($0) } ?? 8) + 100)"
    static let obstacle: String? = (try? runCommand(script, ["possible"])) == nil ? "no hosts" : nil
}
