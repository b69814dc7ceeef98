package import Catalog
import Hosts
package import Model
package import Seal

/// What systemd says of a unit.
private struct UnitState {
    let load: String
    let active: String
    let file: String

    var isActive: Bool { ["active", "reloading", "activating"].contains(active) }

    static func read(_ unit: String, _ hands: Hands) async throws(StepError) -> UnitState {
        let result = try await hands.require(
            ["systemctl", "show", "--property=LoadState,ActiveState,UnitFileState", "--", unit], code: "service.unreadable")
        var values: [Substring: Substring] = [:]
        for line in result.text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { values[parts[0]] = parts[1] }
        }
        let state = UnitState(
            load: String(values["LoadState"] ?? ""), active: String(values["ActiveState"] ?? ""),
            file: String(values["UnitFileState"] ?? ""))
        if state.load == "masked" || state.file.hasPrefix("masked") { throw StepError("service.masked", unit) }
        guard state.load == "loaded" else { throw StepError("service.not_found", unit) }
        return state
    }

    var json: JSONValue { ["active": .string(active), "file": .string(file)] }
}

extension VerbArguments {
    /// A target or one of these takes the machine down, or opens a root shell on its console: no order and no catalog may.
    private static let refusedUnits: Set<String> = [
        "console-shell", "debug-shell", "emergency", "rescue", "systemd-factory-reset", "systemd-halt", "systemd-hibernate",
        "systemd-hybrid-sleep", "systemd-kexec", "systemd-poweroff", "systemd-reboot", "systemd-soft-reboot", "systemd-suspend",
        "systemd-suspend-then-hibernate",
    ]
    private static let refusedKinds: Set<String> = ["automount", "device", "mount", "scope", "slice", "swap", "target"]

    /// Whatever the catalog's pattern lets through: one unit's name, no option, path or glob.
    static func requireOrdinary(_ unit: String) throws(StepError) {
        let isName = unit.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || "@._-:\\".utf8.contains($0)
        }
        let kind = unit.split(separator: ".").last.map(String.init) ?? ""
        let stem = unit.hasSuffix(".service") ? String(unit.dropLast(8)) : unit
        guard isName, (1...256).contains(unit.utf8.count), !unit.hasPrefix("-"), !refusedKinds.contains(kind), !refusedUnits.contains(stem)
        else { throw StepError("service.refused", unit) }
    }

    fileprivate var units: [String] { texts("units") }

    /// What `systemd` says of each unit, by its name.
    fileprivate func captureUnits(_ hands: Hands) async throws(StepError) -> JSONValue {
        var states: [String: JSONValue] = [:]
        for unit in units {
            states[unit] = try await UnitState.read(unit, hands).json
        }
        return .object(states)
    }

    fileprivate func restoreActivity(_ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        for unit in units.reversed() {
            let wasActive = ["active", "reloading", "activating"].contains(captured[unit]?["active"]?.string ?? "")
            let state = try await UnitState.read(unit, hands)
            // A start that failed leaves a unit that goes on trying by itself: stop ends that too.
            guard wasActive != state.isActive || (!wasActive && state.active != "inactive") else { continue }
            try await hands.require(
                ["systemctl", wasActive ? "start" : "stop", "--", unit], atMost: .seconds(120), code: "service.not_restored")
        }
    }
}

/// Starts those of the units that are not active. Restored by stopping them again; one that had failed is then stopped.
package struct ServiceStart: Verb {
    package let name = "service.start"
    package let signature = VerbSignature(required: ["units": .strings])
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { arguments.units.joined(separator: " ") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        for unit in arguments.units { try VerbArguments.requireOrdinary(unit) }
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        return try await arguments.captureUnits(hands)
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        var effect = StepEffect.unchanged
        for unit in arguments.units where try await !UnitState.read(unit, hands).isActive {
            try await hands.require(["systemctl", "start", "--", unit], atMost: .seconds(120), code: "service.not_started")
            guard try await UnitState.read(unit, hands).isActive else { throw StepError("service.not_active", unit) }
            effect = .changed
        }
        return effect
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        try await arguments.restoreActivity(captured, hands)
    }
}

/// Restarts units. Restored by making each active or inactive as it was.
package struct ServiceRestart: Verb {
    package let name = "service.restart"
    package let signature = VerbSignature(required: ["units": .strings])
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { arguments.units.joined(separator: " ") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        for unit in arguments.units { try VerbArguments.requireOrdinary(unit) }
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        return try await arguments.captureUnits(hands)
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        for unit in arguments.units {
            try await hands.require(["systemctl", "restart", "--", unit], atMost: .seconds(120), code: "service.not_started")
            guard try await UnitState.read(unit, hands).isActive else { throw StepError("service.not_active", unit) }
        }
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        try await arguments.restoreActivity(captured, hands)
    }
}

/// Makes units start with the machine. One without an install section (`static`) has nothing to enable.
package struct ServiceEnable: Verb {
    package let name = "service.enable"
    package let signature = VerbSignature(required: ["units": .strings])
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { arguments.units.joined(separator: " ") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        for unit in arguments.units { try VerbArguments.requireOrdinary(unit) }
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        return try await arguments.captureUnits(hands)
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        var effect = StepEffect.unchanged
        for unit in arguments.units where try await UnitState.read(unit, hands).file == "disabled" {
            try await hands.require(["systemctl", "--quiet", "enable", "--", unit], code: "service.not_enabled")
            effect = .changed
        }
        return effect
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        for unit in arguments.units.reversed() where captured[unit]?["file"]?.string == "disabled" {
            guard try await UnitState.read(unit, hands).file != "disabled" else { continue }
            try await hands.require(["systemctl", "--quiet", "disable", "--", unit], code: "service.not_restored")
        }
    }
}
