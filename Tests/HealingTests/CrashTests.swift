import Glibc
import Healing
import Hosts
import Model
import Seal
import Synchronization
import Testing

/// A real host whose caller dies: before or after the command of a number, or at a save. Everything later fails too.
final class DyingHost: Host, IntentStore {
    enum Death: Hashable, Sendable, CustomStringConvertible {
        case never
        case beforeCommand(Int), afterCommand(Int)
        case beforeSave(Int), afterSave(Int)

        var description: String {
            switch self {
            case .never: "never"
            case .beforeCommand(let number): "before command \(number)"
            case .afterCommand(let number): "after command \(number)"
            case .beforeSave(let number): "before save \(number)"
            case .afterSave(let number): "after save \(number)"
            }
        }
    }

    struct Life: Sendable {
        var commands = 0
        var saves = 0
        var isDead = false
    }

    private let real: any Host
    private let kept = KeptIntents()
    private let death: Death
    private let life = Mutex(Life())

    init(_ real: any Host, dies death: Death) {
        self.real = real
        self.death = death
    }

    var id: HostID { real.id }
    var lived: Life { life.withLock { $0 } }

    func run(_ command: HostCommand) async throws(HostError) -> CommandResult {
        let (number, isDead) = life.withLock { life in
            if death == .beforeCommand(life.commands) { life.isDead = true }
            life.commands += 1
            return (life.commands - 1, life.isDead)
        }
        if isDead { throw .connectionLost }
        let result = try await real.run(command)
        if death == .afterCommand(number) {
            life.withLock { $0.isDead = true }
            throw .connectionLost
        }
        return result
    }

    func disconnect() async { await real.disconnect() }

    func save(_ intent: Intent) async throws {
        let (number, isDead) = life.withLock { life in
            if death == .beforeSave(life.saves) { life.isDead = true }
            life.saves += 1
            return (life.saves - 1, life.isDead)
        }
        if isDead { throw KeptIntents.Dead() }
        try await kept.save(intent)
        if death == .afterSave(number) {
            life.withLock { $0.isDead = true }
            throw KeptIntents.Dead()
        }
    }

    func unfinished() async throws -> [Intent] { try await kept.unfinished() }
    func end(_ plan: PlanID) { kept.end(plan) }

    /// Every death that a run of these lengths can die.
    static func deaths(_ life: Life) -> [Death] {
        (0..<life.commands).flatMap { [.beforeCommand($0), .afterCommand($0)] }
            + (0..<life.saves).flatMap { [.beforeSave($0), .afterSave($0)] }
    }
}

@Suite struct CrashTests {
    /// Two files of this machine with a wrong mode, each corrected by one step.
    struct Sandbox {
        let directory: String
        var paths: [String] { ["\(directory)/one", "\(directory)/two"] }

        init() throws {
            var template = Array("/tmp/martlet-crash-XXXXXX\0".utf8CString)
            try #require(mkdtemp(&template) != nil)
            directory = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            for path in paths {
                let descriptor = open(path, O_CREAT | O_WRONLY, 0o600)
                close(descriptor)
            }
            drift()
        }

        func drift() { for path in paths { chmod(path, 0o666) } }

        var modes: [UInt32] {
            paths.map { path in
                var status = stat()
                lstat(path, &status)
                return status.st_mode & 0o7777
            }
        }

        func remove() {
            for path in paths { unlink(path) }
            rmdir(directory)
        }
    }

    func run(_ sandbox: Sandbox, dies death: DyingHost.Death) async throws -> DyingHost {
        let dying = DyingHost(LocalHost(id: "here"), dies: death)
        let steps: [(String, [String: TypedValue])] = sandbox.paths.map {
            ("file.set_mode", ["files": .strings(["\($0) 0640 root root"])])
        }
        let (plan, runbook) = Healer.runbook(steps, host: "here")
        let executor = Executor(verbs: VerbRegistry(), intents: dying, clock: .system, documents: [:])
        let result = await executor.run(
            plan, runbook: runbook, runbookDigest: plan.runbookDigest, on: dying, preState: Facts(),
            recheck: { await recheck(sandbox, dying) })
        // A caller that lives commits the result with its evidence; one that died commits nothing.
        if !dying.lived.isDead {
            #expect(result.outcome.word == "success")
            dying.end(plan.id)
        }
        return dying
    }

    @Sendable func recheck(_ sandbox: Sandbox, _ host: any Host) async -> Observation {
        let started = WallClock.system.now()
        var verdict = Verdict.unknown("host.connection_lost")
        if let result = try? await host.run(HostCommand(["stat", "-c", "%a"] + sandbox.paths)) {
            verdict = result.text == "640\n640\n" ? .compliant : .drift("files.wrong")
        }
        return Observation(
            host: host.id, check: "test.check", verdict: verdict, facts: Facts(), started: started, ended: WallClock.system.now())
    }

    @Test func wherverTheProcessDiesTheHostEndsHealedOrAsItWasAndOneResultIsReported() async throws {
        let sandbox = try Sandbox()
        defer { sandbox.remove() }
        let whole = try await run(sandbox, dies: .never)
        #expect(sandbox.modes == [0o640, 0o640])
        #expect(try await whole.unfinished().isEmpty)
        var ends: Set<String> = []
        for death in DyingHost.deaths(whole.lived) {
            sandbox.drift()
            let dead = try await run(sandbox, dies: death)
            #expect(dead.lived.isDead)
            let intents = try await dead.unfinished()
            if intents.isEmpty {
                #expect(death == .beforeSave(0), "\(death)")
                #expect(sandbox.modes == [0o666, 0o666])
                continue
            }
            #expect(intents.count == 1)
            let result = try await recover(intents[0], sandbox)
            ends.insert(result.outcome.word)
            switch result.outcome {
            case .success: #expect(sandbox.modes == [0o640, 0o640], "\(death)")
            case .reverted, .failed: #expect(sandbox.modes == [0o666, 0o666], "\(death)")
            default: Issue.record("\(death): \(result.outcome)")
            }
            #expect(result.wasInterrupted)
        }
        #expect(ends == ["success", "reverted", "failed"])
    }

    /// Recovery can die too, at any of its commands; the next one comes to the same end.
    func recover(_ intent: Intent, _ sandbox: Sandbox) async throws -> HealingResult {
        for number in [1, 3, 5] {
            let dying = DyingHost(LocalHost(id: "here"), dies: .afterCommand(number))
            _ = await Executor(verbs: VerbRegistry(), intents: dying, clock: .system, documents: [:])
                .recover(intent, on: dying, recheck: { await recheck(sandbox, dying) })
        }
        let host = LocalHost(id: "here")
        let executor = Executor(verbs: VerbRegistry(), intents: KeptIntents(), clock: .system, documents: [:])
        return try #require(await executor.recover(intent, on: host, recheck: { await recheck(sandbox, host) }))
    }

    @Test func whileTheHostCannotBeReachedNothingIsDecided() async throws {
        let sandbox = try Sandbox()
        defer { sandbox.remove() }
        let dead = try await run(sandbox, dies: .afterSave(1))
        let intent = try #require(try await dead.unfinished().first)
        let executor = Executor(verbs: VerbRegistry(), intents: dead, clock: .system, documents: [:])
        #expect(await executor.recover(intent, on: dead, recheck: { await recheck(sandbox, dead) }) == nil)
        #expect(try await dead.unfinished().count == 1)
    }

    @Test func withoutADurableIntentNothingIsDone() async throws {
        let sandbox = try Sandbox()
        defer { sandbox.remove() }
        let dead = try await run(sandbox, dies: .beforeSave(0))
        #expect(dead.lived.commands == 0)
    }

    @Test("A clinical device is sent no command: not for a plan, and not to put back one that was under way when it became one")
    func clinicalDevicesAreLeftAlone() async throws {
        let sandbox = try Sandbox()
        defer { sandbox.remove() }
        let interrupted = try #require(try await run(sandbox, dies: .afterSave(3)).unfinished().first)
        sandbox.drift()
        let host = DyingHost(LocalHost(id: "here"), dies: .never)
        let executor = Executor(verbs: VerbRegistry(), intents: host, clock: .system, documents: [:], clinicalHosts: ["here"])
        let (plan, runbook) = Healer.runbook(
            [("file.set_mode", ["files": .strings(["\(sandbox.paths[0]) 0640 root root"])])], host: "here")
        let planned = await executor.run(
            plan, runbook: runbook, runbookDigest: plan.runbookDigest, on: host, preState: Facts(),
            recheck: { await recheck(sandbox, host) })
        #expect(planned.outcome == .rejected("executor.clinical_device"))
        let recovered = await executor.recover(interrupted, on: host, recheck: { await recheck(sandbox, host) })
        #expect(recovered?.outcome == .failed("executor.clinical_device"))
        #expect(host.lived.commands == 0 && host.lived.saves == 0 && sandbox.modes == [0o666, 0o666])
    }

    @Test("A step of another version's verb is never said to be put back")
    func anotherVersionsVerb() async throws {
        let sandbox = try Sandbox()
        defer { sandbox.remove() }
        let left = try #require(try await run(sandbox, dies: .afterSave(3)).unfinished().first)
        var json = try #require(left.json.object)
        var steps = try #require(json["steps"]?.array)
        var first = try #require(steps[0].object)
        first["verb"] = "file.set_everything"
        steps[0] = .object(first)
        json["steps"] = .array(steps)
        sandbox.drift()
        let host = LocalHost(id: "here")
        let executor = Executor(verbs: VerbRegistry(), intents: KeptIntents(), clock: .system, documents: [:])
        let result = await executor.recover(try Intent(json: .object(json)), on: host, recheck: { await recheck(sandbox, host) })
        #expect(result?.outcome == .failed("executor.rollback_failed"), "\(String(describing: result))")
        #expect(result?.isRollbackAvailable == false)
    }

    @Test func anIntentSurvivesItsBytes() async throws {
        let sandbox = try Sandbox()
        defer { sandbox.remove() }
        let dead = try await run(sandbox, dies: .afterSave(3))
        let intent = try #require(try await dead.unfinished().first)
        let again = try Intent(json: JSONValue(parsing: intent.json.canonicalBytes(), limits: JSONLimits(bytesMax: 1 << 20)))
        #expect(again == intent)
        #expect(intent.steps.map { $0.captured == nil } == [false, false])
        #expect(intent.steps.map { $0.record?.result } == ["done", nil])
    }
}
