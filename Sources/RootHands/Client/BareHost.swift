package import Healing
package import Hosts
package import Model
package import Seal

/// This machine where our process is not root and has no `martlet-hands`: what everybody may read is read, everything else is unknown,
/// and nothing is changed.
package struct BareHost: FactHost, ActingHost {
    package static let code: Code = "hands.not_configured"
    package let id: HostID
    private let machine: LocalHost
    private let clock: WallClock

    package init(id: HostID, clock: WallClock) {
        self.id = id
        machine = LocalHost(id: id)
        self.clock = clock
    }

    package func run(_ command: HostCommand) async throws(HostError) -> CommandResult {
        throw .notPermitted("\(command.arguments.first ?? "") (not root, and no `hands.socket`)")
    }

    package func disconnect() async {}

    package func kind() async -> Result<Facts, ProbeError> { await read(OperatingSystemProbe(), [:]) }

    package func facts(_ requests: [ProbeRequest]) async -> [Result<Facts, ProbeError>] {
        var results: [Result<Facts, ProbeError>] = []
        for request in requests {
            if let probe = ProbeRegistry.byID[request.probe], !probe.needsRoot {
                results.append(await read(probe, request.parameters))
            } else {
                results.append(.failure(ProbeError(Self.code, "\(request.probe)")))
            }
        }
        return results
    }

    private func read(_ probe: any Probe, _ parameters: [String: TypedValue]) async -> Result<Facts, ProbeError> {
        let results = await machine.run(probe.commands(parameters))
        return Result { () throws(ProbeError) in try probe.parse(results, parameters, at: clock.now()) }
    }

    package func capture(_ call: StepCall) async throws(StepError) -> JSONValue { throw refusal(call) }
    package func apply(_ call: StepCall, _ captured: JSONValue) async throws(StepError) -> StepEffect { throw refusal(call) }
    package func restore(_ call: StepCall, _ captured: JSONValue) async throws(StepError) { throw refusal(call) }
    package func settle(_ call: StepCall, _ captured: JSONValue) async throws(StepError) { throw refusal(call) }
    package func isThere() async -> Bool { false }

    private func refusal(_ call: StepCall) -> StepError { StepError(Self.code, call.step.verb, isOfHost: true) }
}
