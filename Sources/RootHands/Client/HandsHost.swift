package import Healing
package import Hosts
package import Model
package import Seal

/// This machine, as a process without privileges sees it: every look and every step goes through `martlet-hands`.
package struct HandsHost: FactHost, ActingHost {
    /// The catalog in force, as `martlet-hands` has to hold it too.
    package struct Catalog: Sendable {
        let digest: @Sendable () -> Digest
        /// The signed pack; nil while there is none.
        let pack: @Sendable () async -> [UInt8]?

        package init(digest: @escaping @Sendable () -> Digest, pack: @escaping @Sendable () async -> [UInt8]?) {
            self.digest = digest
            self.pack = pack
        }
    }

    package let id: HostID
    private let client: HandsClient
    private let baseline: String
    private let catalog: Catalog

    /// How long a helper that is being started again is waited for where something has to be put back.
    private static let restartMax: Duration = .seconds(15)

    package init(id: HostID, socket: String, baseline: String, catalog: Catalog) {
        self.id = id
        client = HandsClient(socket: socket)
        self.baseline = baseline
        self.catalog = catalog
    }

    /// Takes no commands, whatever they are.
    package func run(_ command: HostCommand) async throws(HostError) -> CommandResult {
        throw .notPermitted("\(command.arguments.first ?? "") (martlet-hands takes no commands)")
    }

    package func disconnect() async {}

    // MARK: Looking

    package func kind() async -> Result<Facts, ProbeError> {
        await looks(of: .kind, count: 1, within: .seconds(30))[0]
    }

    package func facts(_ requests: [ProbeRequest]) async -> [Result<Facts, ProbeError>] {
        let checks = requests.map(\.check)
        var results: [Result<Facts, ProbeError>] = []
        for start in stride(from: 0, to: checks.count, by: HandsProtocol.checksMax) {
            let some = Array(checks[start..<min(start + HandsProtocol.checksMax, checks.count)])
            results += await looks(
                of: .look(checks: some, catalog: catalog.digest(), baseline: baseline), count: some.count, within: HandsProtocol.lookMax)
        }
        return results
    }

    /// No answer makes every look unknown, and the code says why.
    private func looks(of request: HandsRequest, count: Int, within span: Duration) async -> [Result<Facts, ProbeError>] {
        func none(_ code: Code, _ detail: String) -> [Result<Facts, ProbeError>] {
            Array(repeating: .failure(ProbeError(code, detail)), count: count)
        }
        do throws(HandsClient.Failure) {
            switch try await ask(request, within: span) {
            case .looks(let looks) where looks.count == count:
                return looks.map { look in look.mapError { ProbeError($0.code, "") } }
            case .refused(let code, let message): return none(code, message)
            case .failed(let error): return none(error.code, error.detail)
            default: return none("hands.answer_malformed", "not what was asked for")
            }
        } catch {
            return none(error.code, error.detail)
        }
    }

    // MARK: Acting

    package func capture(_ call: StepCall) async throws(StepError) -> JSONValue {
        guard case .captured(let bytes) = try await act(.capture, call, nil) else { throw Self.unasked }
        return ["sealed": .string(bytes.base64)]
    }

    package func apply(_ call: StepCall, _ captured: JSONValue) async throws(StepError) -> StepEffect {
        guard case .effect(let effect) = try await act(.apply, call, captured) else { throw Self.unasked }
        return effect
    }

    package func restore(_ call: StepCall, _ captured: JSONValue) async throws(StepError) {
        guard case .done = try await act(.restore, call, captured) else { throw Self.unasked }
    }

    package func settle(_ call: StepCall, _ captured: JSONValue) async throws(StepError) {
        guard case .done = try await act(.settle, call, captured) else { throw Self.unasked }
    }

    package func isThere() async -> Bool {
        if case .success = await kind() { return true }
        return false
    }

    private static let unasked = StepError("hands.answer_malformed", "not what was asked for")

    private func act(
        _ part: HandsRequest.Act.Part, _ call: StepCall, _ captured: JSONValue?
    ) async throws(StepError) -> HandsAnswer {
        let rest = call.deadline.rest
        guard rest.wholeMilliseconds > 0 else { throw StepError("step.timed_out", call.step.verb) }
        var sealed: [UInt8]?
        if let captured {
            guard let bytes = captured["sealed"]?.string.flatMap({ [UInt8](base64: $0) }) else {
                throw StepError("step.captured_unreadable", call.step.verb)
            }
            sealed = bytes
        }
        let within = min(rest, HandsProtocol.actMax)
        let request = HandsRequest.act(
            HandsRequest.Act(
                part: part, plan: call.plan, number: call.number, step: call.step, catalog: catalog.digest(), baseline: baseline,
                captured: sealed, within: within))
        let answer: HandsAnswer
        do throws(HandsClient.Failure) {
            answer = try await ask(request, within: within, retrying: part == .capture || part == .apply ? .zero : Self.restartMax)
        } catch {
            throw StepError(error.code, error.detail, isOfHost: true)
        }
        switch answer {
        // Somebody else's turn: what became of the step before is not known yet.
        case .refused(let code, let message): throw StepError(code, message, isOfHost: code == HandsRefusal.busy.code)
        case .failed(let error): throw error
        default: return answer
        }
    }

    /// Hands the pack over where it is not held there yet, and asks once more.
    private func ask(
        _ request: HandsRequest, within span: Duration, retrying: Duration = .zero
    ) async throws(HandsClient.Failure) -> HandsAnswer {
        let answer = try await client.ask(request, within: span, retrying: retrying)
        guard case .refused(let code, _) = answer, code == "hands.catalog_differs" || code == "hands.catalog_missing",
            let pack = await catalog.pack()
        else { return answer }
        let taken = try await client.ask(.catalog(pack), within: HandsProtocol.frameDeadline)
        guard case .done = taken else { return taken }
        return try await client.ask(request, within: span, retrying: retrying)
    }
}
