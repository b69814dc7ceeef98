import Model

/// States of systemd units, from `systemctl show`.
enum ServiceStates {
    struct State: Hashable {
        /// As it was asked for.
        let id: String
        let isLoaded: Bool
        let isActive: Bool
        /// Starts at boot: enabled, or started by something that is.
        let isEnabled: Bool
        let isMasked: Bool
        let restarts: Int64
    }

    /// `systemctl show` without units would describe systemd itself, so an empty list asks for a unit that never exists.
    static func command(_ units: [String]) -> HostCommand {
        HostCommand(
            ["systemctl", "show", "-p", "LoadState,ActiveState,UnitFileState,NRestarts", "--"]
                + (units.isEmpty ? ["martlet-none.service"] : units))
    }

    static func read(_ outputs: CommandOutputs, _ index: Int, asked: [String]) throws(ProbeError) -> [State] {
        let text = try outputs.text(index)
        guard text.utf8.last == UInt8(ascii: "\n") else { throw ProbeError("probe.truncated", "systemctl was cut off") }
        if asked.isEmpty { return [] }
        let blocks = text.split(separator: "\n\n")
        // One block per unit, in the order asked: names come back resolved (sshd.service becomes ssh.service).
        guard blocks.count == asked.count else {
            throw ProbeError("probe.unparseable", "\(blocks.count) units answered, \(asked.count) asked")
        }
        var states: [State] = []
        for (unit, block) in zip(asked, blocks) {
            let values = Dictionary(
                block.split(separator: "\n").compactMap { $0.pair("=") }.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
            guard let load = values["LoadState"], let active = values["ActiveState"] else {
                throw ProbeError("probe.unparseable", "no state of \(unit)")
            }
            let file = values["UnitFileState"] ?? ""
            states.append(
                State(
                    id: unit, isLoaded: load == "loaded", isActive: active == "active" || active == "reloading",
                    isEnabled: ["enabled", "enabled-runtime", "static", "indirect", "generated", "alias", "linked"].contains(file),
                    isMasked: load == "masked" || file.hasPrefix("masked"), restarts: values["NRestarts"].flatMap { Int64($0) } ?? 0))
        }
        return states
    }
}
