package import Catalog
import Hosts
package import Model
package import Seal

/// Names the host's time servers and waits until the clock follows one: in chrony where that is installed, otherwise in
/// systemd-timesyncd.
package struct TimeSetSources: Verb {
    package let name = "time.set_sources"
    package let signature = VerbSignature(required: ["servers": .strings])
    /// How long a clock may take to follow: chrony wants some samples first.
    package static let patience: Duration = .seconds(60)
    static let serversMax = 8
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { arguments.texts("servers").joined(separator: " ") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        guard case .strings(let servers)? = arguments.values["servers"] else { return }
        guard (1...Self.serversMax).contains(servers.count), servers.allSatisfy(Self.isServer) else {
            throw StepError("time.servers_refused", target(arguments))
        }
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        for service in Service.all {
            guard let state = try await service.state(hands) else { continue }
            return [
                "unit": .string(service.unit), "active": .boolean(state.isActive), "enabled": .boolean(state.isEnabled),
                "file": try await hands.read(service.file).json,
            ]
        }
        throw StepError("time.no_service", "neither chrony nor systemd-timesyncd is installed")
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        let service = try Service(captured)
        let before = try HostFile(json: captured["file"] ?? .null)
        let wanted = HostFile.Content(bytes: Array(service.text(arguments.texts("servers")).utf8), mode: 0o644, owner: 0, group: 0)
        let isRunning = captured["active"]?.boolean == true
        if before.content == wanted, isRunning, captured["enabled"]?.boolean == true, try await service.isSynchronized(hands) {
            return .unchanged
        }
        try await hands.makeDirectory(of: service.file)
        try await hands.write(wanted, to: service.file)
        if captured["enabled"]?.boolean == false {
            try await hands.require(["systemctl", "--quiet", "enable", "--", service.unit], code: "time.not_enabled")
        }
        try await hands.require(["systemctl", isRunning ? "restart" : "start", "--", service.unit], code: "time.not_started")
        let end = Deadline(in: Self.patience, by: hands.clock)
        while try await !service.isSynchronized(hands) {
            guard !end.isOver, (try? await hands.clock.sleep(.milliseconds(500))) != nil else {
                throw StepError("time.not_synchronized", target(arguments))
            }
        }
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        let service = try Service(captured)
        let hasChanged = try await hands.restore(HostFile(json: captured["file"] ?? .null))
        guard let state = try await service.state(hands) else { return }
        if captured["enabled"]?.boolean == false, state.isEnabled {
            try await hands.require(["systemctl", "--quiet", "disable", "--", service.unit], code: "time.not_restored")
        }
        if captured["active"]?.boolean == false, state.isActive {
            try await hands.require(["systemctl", "stop", "--", service.unit], code: "time.not_restored")
        } else if captured["active"]?.boolean == true, hasChanged || !state.isActive {
            try await hands.require(["systemctl", "restart", "--", service.unit], code: "time.not_restored")
        }
    }

    private static func isServer(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count) && !text.hasPrefix("-")
            && text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || ".:-".utf8.contains($0)
            }
    }

    private struct Service {
        let unit: String
        let file: String

        static let all = [
            Service(unit: "chrony.service", file: "/etc/chrony/sources.d/martlet.sources"),
            Service(unit: "systemd-timesyncd.service", file: "/etc/systemd/timesyncd.conf.d/50-martlet.conf"),
        ]

        private init(unit: String, file: String) {
            self.unit = unit
            self.file = file
        }

        init(_ captured: JSONValue) throws(StepError) {
            guard let service = Self.all.first(where: { $0.unit == captured["unit"]?.string }) else {
                throw StepError("step.captured_unreadable", "time.set_sources")
            }
            self = service
        }

        /// nil where there is no such unit.
        func state(_ hands: Hands) async throws(StepError) -> (isActive: Bool, isEnabled: Bool)? {
            let result = try await hands.require(
                ["systemctl", "show", "--property=LoadState,ActiveState,UnitFileState", "--", unit], code: "time.unreadable")
            let lines = Set(result.text.split(separator: "\n"))
            guard lines.contains("LoadState=loaded") else { return nil }
            return (lines.contains("ActiveState=active"), lines.contains("UnitFileState=enabled"))
        }

        func text(_ servers: [String]) -> String {
            unit == "chrony.service"
                ? "# Kept by Martlet.\n" + servers.map { "server \($0) iburst\n" }.joined()
                : "# Kept by Martlet.\n[Time]\nNTP=\(servers.joined(separator: " "))\n"
        }

        func isSynchronized(_ hands: Hands) async throws(StepError) -> Bool {
            if unit == "chrony.service" {
                let tracking = try await hands.run(["chronyc", "-c", "-n", "tracking"])
                return tracking.succeeded && !tracking.text.contains("Not synchronised")
            }
            return try await hands.run(["timedatectl", "show", "--property=NTPSynchronized"]).text == "NTPSynchronized=yes\n"
        }
    }
}

/// Sets a clock that is far off at once instead of slewing it for hours. A jump of the clock cannot be taken back.
package struct TimeStep: Verb {
    package let name = "time.step"
    package let signature = VerbSignature(required: [:])
    package var canRestore: Bool { false }
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { "clock" }
    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue { .object([:]) }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        try await hands.require(["chronyc", "-n", "burst", "2/4"], code: "time.no_source")
        // Status 1 when no source has answered by then: nothing to step to.
        try await hands.require(["chronyc", "-n", "waitsync", "12", "0", "0", "5"], atMost: .seconds(70), code: "time.not_synchronized")
        try await hands.require(["chronyc", "-n", "makestep"], code: "time.not_stepped")
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {}
}
