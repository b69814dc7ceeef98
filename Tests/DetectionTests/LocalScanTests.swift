import Catalog
import Glibc
import Hosts
import Model
import Testing

@testable import Detection

/// This machine, as whoever runs the tests.
@Suite struct LocalScanTests {
    private func scan(_ host: any Host) async -> [CheckID: Observation] {
        // The log check writes a line into this machine's log, and the others that read packages take seconds.
        let checks = ShippedCatalog.checks.values.filter { !["log", "integrity", "patch", "persistence"].contains("\($0.probe)") }
        let scanner = Scanner(parameters: { ShippedCatalog.parameters($0) }, clock: .system)
        let observations = await scanner.scan(Scanner.Request(host: host, checks: checks))
        return Dictionary(uniqueKeysWithValues: observations.map { ($0.check, $0) })
    }

    @Test func everyCheckGivesOneObservationWithOnlyItsOwnFacts() async throws {
        let seen = await scan(LocalHost(id: "here"))
        #expect(seen.count == ShippedCatalog.checks.count - 4)
        for (id, observation) in seen {
            let names = try ShippedCatalog.check(id).facts
            #expect(Set(observation.facts.values.keys).union(observation.facts.unknowns.keys).isSubset(of: names), "\(id)")
        }
    }

    @Test(.enabled(if: geteuid() == 0)) func withoutRootWhatOnlyRootMaySeeIsUnknown() async throws {
        let seen = await scan(UnprivilegedHost())
        for id in ["linux.accounts.integrity", "linux.accounts.password_policy", "linux.firewall.ruleset"]
            as [CheckID]
        {
            let verdict = try #require(seen[id]).verdict
            #expect(verdict == .unknown("host.not_permitted") || verdict == .unknown("host.command_missing"), "\(id) is \(verdict)")
        }
        #expect(seen["host.os.supported"]?.verdict.word != "unknown")
    }

    /// The same commands, as `nobody`.
    private struct UnprivilegedHost: Host {
        let id: HostID = "here"
        func run(_ command: HostCommand) async throws(HostError) -> CommandResult {
            try await LocalHost(id: id).run(
                HostCommand(
                    ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] + command.arguments, deadline: command.deadline))
        }
        func disconnect() async {}
    }
}
