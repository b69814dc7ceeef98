import Catalog
import Detection
import Glibc
package import Healing
import Hosts
package import Model
import Seal
import Synchronization

/// Answers requests for this machine: looks at what a check of the signed catalog looks at, and does what a step of a runbook of the
/// signed catalog does. It believes nothing that the request says of either.
///
/// One look and one act at a time: what waits is answered in turn, or refused after `HandsProtocol.queueMax`.
package final class HandsService: Sendable {
    private let configuration: HandsConfiguration
    private let keeper: CatalogKeeper
    private let seal: CaptureSeal
    private let verbs: VerbRegistry
    private let machine: LocalHost
    private let clock: WallClock
    private let log: @Sendable (String) -> Void
    private let looks = Lane()
    private let acts = Lane()
    private let session = Mutex<Session?>(nil)
    private let kind = Mutex<Set<String>?>(nil)

    /// How far the plan at work has come; gone with the process, so that a plan that we died in can only be put back.
    private struct Session {
        let plan: PlanID
        let digest: Digest
        /// An appliance that went away in the middle holds the machine no longer than its runbook may take.
        let end: Deadline
        var number = 0
        var isCaptured = false
        /// Of the step at work; the runbook says how many there may be.
        var failures = 0
        /// A step of it has begun to change the machine: until its end no other plan may.
        var hasBegun = false
    }

    package init(
        _ configuration: HandsConfiguration, keeper: CatalogKeeper, seal: CaptureSeal, verbs: VerbRegistry = VerbRegistry(),
        clock: WallClock = .system, log: @escaping @Sendable (String) -> Void
    ) {
        self.configuration = configuration
        self.keeper = keeper
        self.seal = seal
        self.verbs = verbs
        machine = LocalHost(id: configuration.host)
        self.clock = clock
        self.log = log
    }

    /// - Parameter frame: a request as it came.
    /// - Returns: the answer as it goes.
    package func answer(_ frame: [UInt8]) async -> [UInt8] {
        let answer: HandsAnswer
        do throws(HandsRefusal) {
            answer = try await self.answer(HandsRequest(json: HandsProtocol.parse(frame)))
        } catch {
            log("refused \(error.code): \(error.message)")
            answer = HandsAnswer(error)
        }
        return Self.bytes(answer)
    }

    static func bytes(_ answer: HandsAnswer) -> [UInt8] {
        if let bytes = try? answer.json.canonicalBytes(), bytes.count <= HandsProtocol.frameBytesMax { return bytes }
        let failure = HandsAnswer.failed(StepError("hands.answer_too_large", ""))
        return (try? failure.json.canonicalBytes()) ?? []
    }

    private func answer(_ request: HandsRequest) async throws(HandsRefusal) -> HandsAnswer {
        switch request {
        case .kind:
            return try await looks.pass(waiting: HandsProtocol.queueMax) { .looks([await self.readKind()]) }
        case .look(let checks, let digest, let baseline):
            return try await looks.pass(waiting: HandsProtocol.queueMax) { () async throws(HandsRefusal) in
                try await self.look(checks, digest, baseline)
            }
        case .catalog(let envelope):
            try keeper.take(envelope)
            log("catalog \(keeper.digest?.description ?? "") taken")
            return .done
        case .act(let act):
            // What has begun comes to its end, also when whoever asked is gone: half a change is the worst of all.
            let result = await Task { () async -> Result<HandsAnswer, HandsRefusal> in
                do throws(HandsRefusal) {
                    let waiting = min(HandsProtocol.queueMax, act.within)
                    return .success(
                        try await self.acts.pass(waiting: waiting) { () async throws(HandsRefusal) in try await self.act(act) })
                } catch {
                    return .failure(error)
                }
            }.value
            return try result.get()
        }
    }

    // MARK: Looking

    private func readKind() async -> Result<Facts, HandsAnswer.ProbeCode> {
        var results: [HostCommand: Result<CommandResult, HostError>] = [:]
        return await read(OperatingSystemProbe(), [:], &results, until: ContinuousClock.now + .seconds(30))
    }

    private func look(_ checks: [CheckID], _ digest: Digest, _ baseline: String) async throws(HandsRefusal) -> HandsAnswer {
        let catalog = try keeper.catalog(digest)
        let held = try self.baseline(baseline, in: catalog)
        var definitions: [CheckDefinition] = []
        for check in checks {
            guard let definition = catalog.checks[check] else { throw .unknownCheck(check) }
            definitions.append(definition)
        }
        let end = ContinuousClock.now + HandsProtocol.lookMax
        // Each command once, however many checks share it.
        var results: [HostCommand: Result<CommandResult, HostError>] = [:]
        var answers: [Result<Facts, HandsAnswer.ProbeCode>] = []
        for definition in definitions {
            guard let probe = ProbeRegistry.byID[definition.probe] else {
                answers.append(.failure(.init(code: "probe.missing")))
                continue
            }
            let facts = await read(probe, catalog.parameters(of: definition, baseline: held), &results, until: end)
            // What the check does not judge by is nobody's business outside.
            answers.append(facts.map { $0.keeping(definition.facts) })
        }
        return .looks(answers)
    }

    private func read(
        _ probe: any Probe, _ parameters: [String: TypedValue], _ known: inout [HostCommand: Result<CommandResult, HostError>],
        until end: ContinuousClock.Instant
    ) async -> Result<Facts, HandsAnswer.ProbeCode> {
        var results: [Result<CommandResult, HostError>] = []
        for command in probe.commands(parameters) {
            if let result = known[command] {
                results.append(result)
                continue
            }
            guard ContinuousClock.now < end, !Task.isCancelled else {
                results.append(.failure(.timedOut))
                continue
            }
            let result: Result<CommandResult, HostError>
            do throws(HostError) { result = .success(try await machine.run(command)) } catch { result = .failure(error) }
            known[command] = result
            results.append(result)
        }
        do throws(ProbeError) {
            return .success(try probe.parse(results, parameters, at: clock.now()))
        } catch {
            return .failure(.init(code: error.code))
        }
    }

    // MARK: Acting

    private func act(_ act: HandsRequest.Act) async throws(HandsRefusal) -> HandsAnswer {
        guard act.plan.host == configuration.host else { throw .wrongHost(act.plan.host) }
        if configuration.isClinical { throw .clinical }
        let answer: HandsAnswer
        switch act.part {
        case .capture, .apply:
            do throws(HandsRefusal) {
                answer = try await forward(act)
            } catch {
                // It goes no further, so it holds up no other.
                end(act.plan.id)
                throw error
            }
        case .restore, .settle: answer = try await back(act)
        }
        log("\(act.part.rawValue) \(act.plan.id) step \(act.number + 1) \(act.step.verb) by \(act.plan.runbook): \(answer.word)")
        return answer
    }

    private func forward(_ act: HandsRequest.Act) async throws(HandsRefusal) -> HandsAnswer {
        for path in configuration.pauseFiles where access(path, F_OK) == 0 { throw .paused(path) }
        let catalog = try keeper.catalog(act.catalog)
        let documents = try baseline(act.baseline, in: catalog).documents
        let runbook = try await runbook(of: act.plan, in: catalog)
        guard let steps = runbook.steps(act.plan.parameters, by: verbs), steps.indices.contains(act.number),
            steps[act.number] == act.step, let verb = verbs[act.step.verb]
        else { throw .stepDiffers(act.number) }
        let arguments = VerbArguments(act.step.arguments)
        let hands = hands(act, documents, atMost: runbook.timeout)
        if act.part == .capture {
            try begin(act, runbook)
            do throws(StepError) {
                let captured = try await verb.capture(arguments, hands)
                let closed = try seal.close(captured, for: mark(act), at: clock.now())
                advance(act) { $0.isCaptured = true }
                return .captured(closed)
            } catch {
                end(act.plan.id)
                return .failed(error)
            }
        }
        let isNext = session.withLock { $0.map { $0.plan == act.plan.id && $0.number == act.number && $0.isCaptured } ?? false }
        guard isNext else { throw .stepOutOfOrder(act.number) }
        let captured = try seal.open(act.captured ?? [], for: mark(act), at: clock.now())
        advance(act) { $0.hasBegun = true }
        do throws(StepError) {
            let effect = try await verb.apply(arguments, captured, hands)
            advance(act) {
                $0.number += 1
                $0.isCaptured = false
                $0.failures = 0
            }
            if act.number == steps.count - 1 { end(act.plan.id) }
            return .effect(effect)
        } catch {
            advance(act) { $0.failures += 1 }
            if session.withLock({ ($0?.failures ?? 0) > runbook.retries }) { end(act.plan.id) }
            return .failed(error)
        }
    }

    /// Putting back needs no catalog and no leave: what is put back was captured here, for a step that was allowed here.
    private func back(_ act: HandsRequest.Act) async throws(HandsRefusal) -> HandsAnswer {
        guard let verb = verbs[act.step.verb] else { throw .stepDiffers(act.number) }
        let captured = try seal.open(act.captured ?? [], for: mark(act), at: clock.now())
        // Whatever becomes of it, this plan goes no further.
        end(act.plan.id)
        let hands = hands(act, [:], atMost: HandsProtocol.actMax)
        do throws(StepError) {
            if act.part == .restore {
                try await verb.restore(VerbArguments(act.step.arguments), captured, hands)
            } else {
                try await verb.settle(VerbArguments(act.step.arguments), captured, hands)
            }
            return .done
        } catch {
            return .failed(error)
        }
    }

    /// The runbook that the plan names, if the plan may have it here.
    private func runbook(of plan: Plan, in catalog: CompiledCatalog) async throws(HandsRefusal) -> RunbookDefinition {
        guard let runbook = catalog.runbooks[plan.runbook] else { throw .unknownRunbook(plan.runbook) }
        guard catalog.runbookDigests[plan.runbook] == plan.runbookDigest else { throw .runbookChanged(plan.runbook) }
        guard runbook.checks.contains(plan.check) else { throw .wrongCheck(plan.check) }
        for (name, value) in plan.parameters.sorted(by: { $0.key < $1.key }) {
            guard let parameter = runbook.parameters[name] else { throw .parameter(name, "is not the runbook's") }
            if let fault = parameter.fault(of: value) { throw .parameter(name, fault) }
        }
        for (name, parameter) in runbook.parameters.sorted(by: { $0.key < $1.key })
        where plan.parameters[name] == nil && parameter.default == nil { throw .parameter(name, "is missing") }
        guard await !platforms().isDisjoint(with: runbook.platforms) else { throw .wrongPlatform(runbook.id) }
        return runbook
    }

    /// Empty, which fits no runbook, while it cannot be told.
    private func platforms() async -> Set<String> {
        if let known = kind.withLock({ $0 }) { return known }
        guard case .success(let facts) = await readKind(), case .strings(let names)? = facts["os.platforms"] else { return [] }
        kind.withLock { $0 = Set(names) }
        return Set(names)
    }

    private func baseline(_ name: String, in catalog: CompiledCatalog) throws(HandsRefusal) -> BaselineDefinition {
        if let only = configuration.baseline, only != name { throw .unknownBaseline(name) }
        if let baseline = catalog.baselines[name] { return baseline }
        // A catalog may have none at all: then its defaults hold.
        guard catalog.baselines.isEmpty else { throw .unknownBaseline(name) }
        return BaselineDefinition(id: name, title: "", parameters: [:], documents: [:])
    }

    private func begin(_ act: HandsRequest.Act, _ runbook: RunbookDefinition) throws(HandsRefusal) {
        let clock = clock
        let refusal = session.withLock { session -> HandsRefusal? in
            if act.number == 0 {
                if let other = session, other.plan != act.plan.id, other.hasBegun, !other.end.isOver { return .otherPlan(other.plan) }
                session = Session(plan: act.plan.id, digest: act.plan.runbookDigest, end: Deadline(in: runbook.timeout, by: clock))
                return nil
            }
            guard let session, session.plan == act.plan.id, session.digest == act.plan.runbookDigest, session.number == act.number else {
                return .stepOutOfOrder(act.number)
            }
            return nil
        }
        if let refusal { throw refusal }
    }

    private func end(_ plan: PlanID) {
        session.withLock { if $0?.plan == plan { $0 = nil } }
    }

    private func advance(_ act: HandsRequest.Act, _ body: (inout Session) -> Void) {
        session.withLock { session in
            guard var current = session, current.plan == act.plan.id else { return }
            body(&current)
            session = current
        }
    }

    private func mark(_ act: HandsRequest.Act) -> StepMark {
        StepMark(
            host: configuration.host, plan: act.plan.id, number: act.number, verb: act.step.verb, arguments: act.step.arguments)
    }

    private func hands(_ act: HandsRequest.Act, _ documents: [String: String], atMost span: Duration) -> Hands {
        let limit = min(act.within, span, HandsProtocol.actMax)
        return Hands(
            host: MachineHost(id: configuration.host), clock: clock, deadline: Deadline(in: limit, by: clock), documents: documents,
            plan: act.plan.id)
    }
}

extension HandsAnswer {
    /// For the log.
    fileprivate var word: String {
        switch self {
        case .looks: "looked"
        case .captured: "captured"
        case .effect(let effect): "\(effect)"
        case .done: "done"
        case .refused(let code, _): "\(code)"
        case .failed(let error): "failed \(error.code)"
        }
    }
}

extension Facts {
    fileprivate func keeping(_ names: Set<FactName>) -> Facts {
        Facts(values.filter { names.contains($0.key) }, unknowns: unknowns.filter { names.contains($0.key) })
    }
}
