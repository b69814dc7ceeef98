import Hosts
import Model

/// Commands that the host carries out by itself unless they are called off: what brings back a host that a change has
/// cut off. A transient systemd timer; it does not outlive a reboot, which does not need it for live firewall rules.
struct TimedUndo: Sendable {
    /// Where a run keeps what its undo needs; root's, gone with a reboot.
    static let directory = "/run/martlet"

    let hands: Hands

    var unit: String { "martlet-undo-\(hands.plan)" }

    /// A path in `directory` that belongs to this run.
    func path(_ name: String) -> String { "\(Self.directory)/\(hands.plan).\(name)" }

    func keep(_ bytes: [UInt8], as name: String) async throws(StepError) {
        try await hands.require(["install", "-d", "-m", "0700", "--", Self.directory])
        try await hands.write(.init(bytes: bytes, mode: 0o600, owner: 0, group: 0), to: path(name))
    }

    /// - Parameter commands: in order; the words hold nothing that a systemd unit would expand or split.
    func arm(_ commands: [[String]], after span: Duration) async throws(StepError) {
        try await callOff()
        try await forget([])
        var arguments = [
            "systemd-run", "--quiet", "--unit=\(unit)", "--on-active=\(max(span.wholeSeconds, 1))s",
            "--timer-property=AccuracySec=100ms", "--service-type=oneshot",
        ]
        for command in [["touch", path("undone")]] + commands.dropLast() {
            arguments += ["-p", "ExecStartPre=\(command.joined(separator: " "))"]
        }
        try await hands.require(arguments + ["--"] + commands[commands.count - 1], code: "undo.not_armed")
    }

    /// Whether the change may stand: a new connection got in, and the undo had not been at work by then.
    ///
    /// Returns only when nothing is left that acts by itself. A daemon that reloads refuses connections for a moment, so
    /// there are several tries; when all fail, the undo is awaited.
    func stands(for span: Duration) async throws(StepError) -> Bool {
        let isIn = await hands.reconnects(within: span / 2)
        if !isIn { _ = await hands.reconnects(within: span + .seconds(30)) }
        try await callOff()
        let isUndone = try await hands.run(["test", "-e", path("undone")]).succeeded
        return isIn && !isUndone
    }

    /// Idempotent. When the undo is already at work it is awaited, since stopping it half-way would leave neither state.
    func callOff() async throws(StepError) {
        _ = try await hands.run(["systemctl", "stop", "\(unit).timer"])
        while try await hands.run(["systemctl", "is-active", "\(unit).service"]).text.hasPrefix("activating") {
            guard (try? await hands.clock.sleep(.milliseconds(200))) != nil else { throw StepError("step.interrupted", unit) }
        }
        _ = try await hands.run(["systemctl", "reset-failed", "\(unit).service"])
        let timer = try await hands.run(["systemctl", "is-active", "\(unit).timer"])
        guard !timer.text.hasPrefix("active") else { throw StepError("undo.not_called_off", unit) }
    }

    func forget(_ names: [String]) async throws(StepError) {
        try await hands.require(["rm", "-f", "--", path("undone")] + names.map(path))
    }
}
