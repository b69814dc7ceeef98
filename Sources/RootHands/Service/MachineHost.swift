package import Hosts
package import Model

/// This machine, as steps use it: with root's rights and without a network.
///
/// What installs software needs both the network and more privileges than the helper keeps. It is started by systemd, as a unit of its
/// own that ends with the step's time, whole; the helper itself stays as it is. Nobody outside chooses its words: verbs do.
package struct MachineHost: Host {
    private static let installers: Set<String> = ["apt-get", "dnf", "nixos-rebuild"]
    package let id: HostID
    private let machine: LocalHost

    package init(id: HostID) {
        self.id = id
        machine = LocalHost(id: id)
    }

    package func run(_ command: HostCommand) async throws(HostError) -> CommandResult { try await machine.run(Self.placed(command)) }

    package func disconnect() async {}

    /// The command as it is run: unchanged, or as a unit's.
    package static func placed(_ command: HostCommand) -> HostCommand {
        var words = command.arguments[...]
        if words.first == "env" { words = words.dropFirst().drop { $0.contains("=") } }
        guard let program = words.first, installers.contains(program) else { return command }
        let seconds = max(command.deadline.wholeSeconds, 1)
        return HostCommand(
            [
                "systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--service-type=exec", "--property=RuntimeMaxSec=\(seconds)s",
                "--property=KillMode=control-group", "--setenv=LC_ALL=C", "--setenv=TZ=UTC", "--",
            ] + command.arguments, input: command.input, deadline: command.deadline, outputBytesMax: command.outputBytesMax)
    }
}
