package import Catalog
import Hosts
package import Model
package import Seal

/// Restarts the host and waits until it has come back. Cannot be taken back.
///
/// Of this machine itself nobody is left to wait: recovery at the next start looks whether the check passes.
package struct HostReboot: Verb {
    package let name = "host.reboot"
    package let signature = VerbSignature(required: [:])
    package var canRestore: Bool { false }
    private static let bootID = "/proc/sys/kernel/random/boot_id"
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { "host" }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        // Half-installed packages may not boot.
        if try await hands.run(["pgrep", "-x", "dpkg|apt-get|rpm|dnf|nixos-rebuild"]).succeeded {
            throw StepError("reboot.packages_busy", "a package manager is at work")
        }
        return ["boot": .string(try await hands.require(["cat", Self.bootID], code: "reboot.unreadable").text)]
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        let before = captured["boot"]?.string ?? ""
        // A retry after the connection broke must not restart it twice.
        if try await boot(hands) == before {
            // From a timer, so that this session ends in order before the machine does.
            try await hands.require(
                ["systemd-run", "--quiet", "--on-active=1s", "--timer-property=AccuracySec=100ms", "--", "systemctl", "reboot"],
                code: "reboot.not_begun")
        }
        while !hands.deadline.isOver {
            guard (try? await hands.clock.sleep(.seconds(1))) != nil else { throw StepError("step.interrupted", "reboot") }
            await hands.host.disconnect()
            guard let now = try? await boot(hands), !now.isEmpty, now != before else { continue }
            // Until its units have had their chance; "degraded" is what the other checks are for.
            _ = try? await hands.run(["systemctl", "is-system-running", "--wait"], atMost: .seconds(180))
            return .changed
        }
        throw StepError("reboot.not_back", "the host did not come back in time")
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {}

    private func boot(_ hands: Hands) async throws(StepError) -> String {
        try await hands.require(["cat", Self.bootID], atMost: .seconds(10), code: "reboot.unreadable").text
    }
}
