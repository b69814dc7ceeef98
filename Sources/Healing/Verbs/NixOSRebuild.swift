package import Catalog
import Hosts
package import Model
package import Seal

/// Builds the system that the host's own configuration declares, and switches to it. Goes back to the generation that was the
/// declared one before.
package struct NixOSRebuild: Verb {
    package let name = "nixos.rebuild"
    /// `upgrade`: with the newest packages of the host's channel.
    package let signature = VerbSignature(required: ["upgrade": .boolean])
    private static let profile = "/nix/var/nix/profiles/system"
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { "system" }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        [
            "declared": .string(try await real(Self.profile, hands)), "running": .string(try await real("/run/current-system", hands)),
        ]
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        let upgrade = arguments.flag("upgrade") ? ["--upgrade"] : []
        try await hands.require(["nixos-rebuild", "switch"] + upgrade, atMost: .seconds(10_800), code: "nixos.not_rebuilt")
        let (declared, running) = (try await real(Self.profile, hands), try await real("/run/current-system", hands))
        guard declared == running else { throw StepError("nixos.not_switched", running) }
        // A system that nobody can reach is not the one that was declared, whatever it says of itself.
        guard await hands.reconnects(within: .seconds(60)) else { throw StepError("nixos.cut_off", "a new connection was refused") }
        return declared == captured["declared"]?.string && running == captured["running"]?.string ? .unchanged : .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        guard let declared = captured["declared"]?.string, let running = captured["running"]?.string, Self.isStore(declared),
            Self.isStore(running)
        else { throw StepError("step.captured_unreadable", "nixos.rebuild") }
        if try await real(Self.profile, hands) != declared {
            try await hands.require(
                ["nix-env", "--profile", Self.profile, "--set", declared], atMost: .seconds(120), code: "nixos.not_restored")
        }
        if try await real("/run/current-system", hands) != running {
            // What ran may not be what was declared: it runs again, and the next boot takes the declared one, as before.
            try await hands.require(
                ["\(running)/bin/switch-to-configuration", running == declared ? "switch" : "test"], atMost: .seconds(600),
                code: "nixos.not_restored")
        }
    }

    private func real(_ path: String, _ hands: Hands) async throws(StepError) -> String {
        let text = try await hands.require(["readlink", "-e", "--", path], code: "nixos.not_there").text
        let system = String(text.split(separator: "\n").first ?? "")
        guard Self.isStore(system) else { throw StepError("nixos.not_there", path) }
        return system
    }

    private static func isStore(_ path: String) -> Bool { path.hasPrefix("/nix/store/") && !path.contains("..") && !path.contains(" ") }
}
