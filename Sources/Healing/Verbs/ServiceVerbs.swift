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

/// Starts a unit that is not active. Restored by stopping it again; a unit that had failed is then stopped, not failed.
package struct ServiceStart: Verb {
    package let name = "service.start"
    package let parameters: [String: ValueType] = ["unit": .string]
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { arguments.text("unit") }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try await UnitState.read(arguments.text("unit"), hands).json
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        let unit = arguments.text("unit")
        if try await UnitState.read(unit, hands).isActive { return .unchanged }
        try await hands.require(["systemctl", "start", "--", unit], atMost: .seconds(120), code: "service.not_started")
        guard try await UnitState.read(unit, hands).isActive else { throw StepError("service.not_active", unit) }
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        try await ServiceRestart().restore(arguments, captured, hands)
    }
}

/// Restarts a unit. Restored by making it active or inactive as it was.
package struct ServiceRestart: Verb {
    package let name = "service.restart"
    package let parameters: [String: ValueType] = ["unit": .string]
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { arguments.text("unit") }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try await UnitState.read(arguments.text("unit"), hands).json
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        let unit = arguments.text("unit")
        try await hands.require(["systemctl", "restart", "--", unit], atMost: .seconds(120), code: "service.not_started")
        guard try await UnitState.read(unit, hands).isActive else { throw StepError("service.not_active", unit) }
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        let unit = arguments.text("unit")
        let wasActive = ["active", "reloading", "activating"].contains(captured["active"]?.string ?? "")
        let state = try await UnitState.read(unit, hands)
        // A start that failed leaves a unit that goes on trying by itself: stop ends that too.
        if wasActive != state.isActive || (!wasActive && state.active != "inactive") {
            try await hands.require(
                ["systemctl", wasActive ? "start" : "stop", "--", unit], atMost: .seconds(120), code: "service.not_restored")
        }
    }
}

/// Makes a unit start with the machine. A unit without an install section (`static`) has nothing to enable.
package struct ServiceEnable: Verb {
    package let name = "service.enable"
    package let parameters: [String: ValueType] = ["unit": .string]
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { arguments.text("unit") }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try await UnitState.read(arguments.text("unit"), hands).json
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        let unit = arguments.text("unit")
        guard try await UnitState.read(unit, hands).file == "disabled" else { return .unchanged }
        try await hands.require(["systemctl", "--quiet", "enable", "--", unit], code: "service.not_enabled")
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        let unit = arguments.text("unit")
        guard captured["file"]?.string == "disabled", try await UnitState.read(unit, hands).file != "disabled" else { return }
        try await hands.require(["systemctl", "--quiet", "disable", "--", unit], code: "service.not_restored")
    }
}
