import Detection
import Foundation
import Glibc
import Healing
import Hosts
import Model
import RootHands
import Seal
import Synchronization
import TestSupport
import Testing

/// `martlet-hands` as a process of its own that is killed around each part of each step.
@Suite(.enabled(if: geteuid() == 0)) struct HandsCrashTests {
    /// The program, started for a box; started anew when it was killed.
    final class Program: Sendable {
        private let configuration: String
        private let running = Mutex<Process?>(nil)
        let box: Box

        init(_ box: Box) throws {
            self.box = box
            configuration = box.directory.file("hands.yaml")
            let text = """
                user: root
                host: here
                catalogKey: \(box.configuration.catalogKey)
                socket: \(box.socket)
                stateDirectory: \(box.configuration.stateDirectory)
                pauseFiles: []

                """
            try Data(text.utf8).write(to: URL(filePath: configuration))
            chmod(configuration, 0o644)
        }

        deinit { kill() }

        func start() async throws {
            let process = Process()
            process.executableURL = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "martlet-hands")
            process.arguments = ["run", "--config", configuration]
            process.standardInput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            Orphans.adopt(process)
            running.withLock { $0 = process }
            let client = try box.client()
            try await eventually("the helper answers") { await client.host.isThere() }
        }

        var isDead: Bool { running.withLock { $0 == nil } }

        func kill() {
            running.withLock { process in
                guard let dying = process else { return }
                Glibc.kill(dying.processIdentifier, SIGKILL)
                dying.waitUntilExit()
                process = nil
            }
        }
    }

    /// A way to the helper on which the helper dies, once, before or after the part of a number.
    final class DyingHelper: FactHost, ActingHost {
        let real: HandsHost
        let program: Program
        let dies: (number: Int, isBefore: Bool)
        let parts = Mutex(0)

        init(_ real: HandsHost, _ program: Program, dies: (number: Int, isBefore: Bool)) {
            self.real = real
            self.program = program
            self.dies = dies
        }

        private func part<Value>(_ body: () async throws(StepError) -> Value) async throws(StepError) -> Value {
            let number = parts.withLock { count in
                defer { count += 1 }
                return count
            }
            guard number == dies.number else { return try await body() }
            if dies.isBefore { program.kill() } else { _ = try await body() }
            program.kill()
            throw StepError("hands.connection_lost", "killed", isOfHost: true)
        }

        var id: HostID { real.id }
        func run(_ command: HostCommand) async throws(HostError) -> CommandResult { try await real.run(command) }
        func disconnect() async {}
        func kind() async -> Result<Facts, ProbeError> { await real.kind() }
        func facts(_ requests: [ProbeRequest]) async -> [Result<Facts, ProbeError>] { await real.facts(requests) }
        func isThere() async -> Bool { await real.isThere() }
        func capture(_ call: StepCall) async throws(StepError) -> JSONValue {
            try await part { () async throws(StepError) in try await real.capture(call) }
        }
        func apply(_ call: StepCall, _ captured: JSONValue) async throws(StepError) -> StepEffect {
            try await part { () async throws(StepError) in try await real.apply(call, captured) }
        }
        func restore(_ call: StepCall, _ captured: JSONValue) async throws(StepError) {
            if program.isDead { try? await program.start() }
            try await real.restore(call, captured)
        }
        func settle(_ call: StepCall, _ captured: JSONValue) async throws(StepError) { try await real.settle(call, captured) }
    }

    @Test("Wherever the helper is killed the machine ends as it was, with a result; a helper that came back puts it back")
    func killedHelper() async throws {
        let box = try Box()
        let program = try Program(box)
        let client = try box.client()
        for number in 0..<4 {
            for isBefore in [true, false] {
                box.drift()
                try await program.start()
                let dying = DyingHelper(client.host, program, dies: (number, isBefore))
                let result = await client.heal(KeptIntents(), through: dying)
                // Before anything was captured there is nothing to put back.
                let word = number == 0 ? "failed" : "reverted"
                #expect(result.outcome.word == word && result.outcome.code == "hands.connection_lost", "\(number) \(isBefore)")
                #expect(box.modes == [0o666, 0o666], "\(number) \(isBefore)")
                program.kill()
            }
        }
    }

    @Test("An appliance that died with its helper finds out at its next start, and puts back or finishes")
    func bothKilled() async throws {
        let box = try Box()
        let program = try Program(box)
        try await program.start()
        let client = try box.client()
        // The first step was made, the second one captured, and then both died.
        let plan = client.plan()
        let intents = KeptIntents()
        let captured = try await client.host.capture(client.call(plan))
        _ = try await client.host.apply(client.call(plan), captured)
        _ = try await client.host.capture(client.call(plan, 1))
        program.kill()
        let json = try JSONValue(parsing: Array(try intentText(plan, captured, box).utf8), limits: JSONLimits(bytesMax: 1 << 20))
        try await intents.save(try Intent(json: json))
        let intent = try #require(try await intents.unfinished().first)
        let executor = client.executor(intents)
        #expect(await executor.recover(intent, on: client.host, recheck: { await client.look() }) == nil)

        try await program.start()
        let undone = try #require(await executor.recover(intent, on: client.host, recheck: { await client.look() }))
        #expect(undone.outcome == .reverted("executor.interrupted") && undone.wasInterrupted)
        #expect(box.modes == [0o666, 0o666])
        // Somebody finished it by hand: then it is done.
        for path in box.paths { chmod(path, 0o640) }
        let done = try #require(await executor.recover(intent, on: client.host, recheck: { await client.look() }))
        #expect(done.outcome.word == "success")
    }

    /// The intent as the appliance kept it: both steps, the first one captured.
    private func intentText(_ plan: Plan, _ captured: JSONValue, _ box: Box) throws -> String {
        let steps: [JSONValue] = [
            ["verb": "file.set_mode", "arguments": ["files": [.string(box.entries[0])]], "captured": captured],
            ["verb": "file.set_mode", "arguments": ["files": [.string(box.entries[1])]]],
        ]
        let json: JSONValue = [
            "schema": .string(Intent.schema), "plan": plan.json, "started": .string(plan.made.description), "timeoutMs": 60_000,
            "preState": Facts().json, "steps": .array(steps),
        ]
        return String(decoding: try json.canonicalBytes(), as: UTF8.self)
    }
}
