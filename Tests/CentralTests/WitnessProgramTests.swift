import AsyncHTTPClient
import Central
import Foundation
import Logging
import Model
import NIOCore
import NIOHTTP1
import Seal
import TestSupport
import Testing
import TransparencyLog
import Witness

/// `martlet witness` as a process of its own, over HTTP: C2SP tlog-witness by status and body, and sudden ends.
@Suite struct WitnessProgramTests {
    let directory = try! TemporaryDirectory()
    let log = try! TwoFacedLog()

    /// The first line that it prints is its key, the second where it listens.
    private final class Program: @unchecked Sendable {
        // Started by one thread and then used by one test.
        let process = Process()
        let key: NoteVerifier
        let url: String

        /// Waited for by another thread: the pool of the test's tasks has only as many as there are cores.
        static func start(_ directory: String, _ log: TwoFacedLog, _ more: [String] = []) async throws -> Program {
            try await withCheckedThrowingContinuation { continuation in
                DispatchQueue.global().async { continuation.resume(with: Result { try Program(directory, log, more) }) }
            }
        }

        private init(_ directory: String, _ log: TwoFacedLog, _ more: [String] = []) throws {
            process.executableURL = programs.appendingPathComponent("martlet")
            process.arguments =
                ["witness", "--directory", directory, "--log", log.verifier.text, "--listen", "127.0.0.1:0", "--name", "w.example"] + more
            let output = Pipe()
            process.standardOutput = output
            process.standardError = FileHandle.nullDevice
            process.standardInput = FileHandle.nullDevice
            try process.run()
            Orphans.adopt(process)
            var text = ""
            while text.count(where: { $0 == "\n" }) < 2 {
                let data = output.fileHandleForReading.availableData
                if data.isEmpty { throw DidNotHappen(description: "the witness ended: \(text)") }
                text += String(decoding: data, as: UTF8.self)
            }
            let lines = text.split(separator: "\n")
            key = try NoteVerifier(String(lines[0].dropFirst("witness ".count)))
            url = (more.contains("--tls-certificate") ? "https://" : "http://") + lines[1].dropFirst("listens on ".count)
        }

        deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

        func stop() async throws -> Int32 {
            process.terminate()
            try await eventually("ended") { !process.isRunning }
            return process.terminationStatus
        }

        func post(_ bytes: [UInt8]) async throws -> (status: Int, type: String, body: String) {
            var request = HTTPClientRequest(url: url + "/add-checkpoint")
            request.method = .POST
            request.body = .bytes(ByteBuffer(bytes: bytes))
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
            let body = try await response.body.collect(upTo: 1 << 20)
            return (Int(response.status.code), response.headers.first(name: "content-type") ?? "", String(buffer: body))
        }
    }

    private func run(_ arguments: String...) async throws -> (text: String, code: Int32) {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try Self.finish(arguments) }) }
        }
    }

    private static func finish(_ arguments: [String]) throws -> (text: String, code: Int32) {
        let process = Process()
        process.executableURL = programs.appendingPathComponent("martlet")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (String(decoding: data, as: UTF8.self), process.terminationStatus)
    }

    @Test("Each status and body is that of C2SP tlog-witness, and what it cosigned survives its end")
    func protocolInOrder() async throws {
        let state = directory.file("state")
        let first = try await Program.start(state, log)
        let trust = LogTrust(logKeys: [log.verifier], witnesses: [first.key])
        func post(_ request: WitnessRequest, to program: Program) async throws -> (status: Int, type: String, body: String) {
            try await program.post(request.bytes)
        }
        let face = TwoFacedLog.face(300)
        let cosigned = try await post(log.request(face, from: 0), to: first)
        #expect(cosigned.status == 200)
        let note = try log.note(face).adding(NoteSignature.parse(lines: Array(cosigned.body.utf8)), by: [first.key])
        #expect(try VerifiedCheckpoint(note, trust: trust).cosignatures.count == 1)
        #expect(try await first.stop() == 0)

        let second = try await Program.start(state, log)
        #expect(second.key == first.key)
        let conflict = try await post(log.request(TwoFacedLog.face(400), from: 0), to: second)
        #expect(conflict.status == 409 && conflict.type == "text/x.tlog.size" && conflict.body == "300\n")
        let fork = try await post(log.request(TwoFacedLog.face(300, history: "x"), from: 300), to: second)
        #expect(fork.status == 409 && fork.body == "300\n")
        let other = TwoFacedLog.face(400, history: "x")
        #expect(try await post(log.request(other, from: 300), to: second).status == 422)
        #expect(try await post(log.request(TwoFacedLog.face(299), from: 300), to: second).status == 400)
        #expect(try await second.post(Array("old 1\n".utf8)).status == 400)
        #expect(try await second.post([UInt8](repeating: 65, count: WitnessRequest.bytesMax + 1)).status == 413)
        let stranger = try TwoFacedLog()
        #expect(try await post(stranger.request(face, from: 300), to: second).status == 403)
        #expect(try await post(TwoFacedLog("log.example/2").request(face, from: 0), to: second).status == 404)
        #expect(try await post(log.request(TwoFacedLog.face(301), from: 300), to: second).status == 200)

        // What it kept convicts the log without it, also while it runs.
        let kept = try await run("witness", "disputes", "--directory", state, "--output", directory.file("notes"))
        #expect(kept.code == 2 && kept.text.contains("fork") && kept.text.contains("unproven"))
        let notes = try ["cosigned", "refused"].map {
            try VerifiedCheckpoint(
                Array(Data(contentsOf: URL(fileURLWithPath: directory.file("notes/1-\($0).note")))), trust: log.trust)
        }
        #expect(notes[0].size == notes[1].size && notes[0].root != notes[1].root)
        #expect(try await run("log", "verify-note", directory.file("notes/1-refused.note"), "--key", log.verifier.text).code == 0)
        #expect(try await second.stop() == 0)
    }

    @Test("Killed at any durable step, it never signs two histories and loses no dispute", arguments: WitnessStep.allCases)
    func killed(step: WitnessStep) async throws {
        let state = directory.file("state")
        let honest = TwoFacedLog.face(8)
        let isOfDispute = step == .disputeBeforeCommit || step == .disputeAfterCommit
        if isOfDispute {
            let before = try await Program.start(state, log)
            #expect(try await before.post(log.request(honest, from: 0).bytes).status == 200)
            #expect(try await before.stop() == 0)
        }
        let dying = try await Program.start(state, log, ["--crash-at", step.rawValue])
        let fork = TwoFacedLog.face(8, history: "x")
        let request = isOfDispute ? try await log.request(fork, from: 8) : try await log.request(honest, from: 0)
        // Nothing was signed: the answer never came.
        await #expect(throws: (any Error).self) { try await dying.post(request.bytes) }
        try await eventually("killed itself") { !dying.process.isRunning }
        #expect(dying.process.terminationReason == .uncaughtSignal)

        let again = try await Program.start(state, log)
        let answers = [
            try await again.post(log.request(fork, from: 0).bytes), try await again.post(log.request(honest, from: 0).bytes),
            try await again.post(log.request(honest, from: 8).bytes),
        ]
        // Exactly one of the two histories, the one whose state was durable where one was.
        switch step {
        case .stateBeforeCommit: #expect(answers.map(\.status) == [200, 409, 409])
        case .stateAfterCommit, .disputeBeforeCommit, .disputeAfterCommit: #expect(answers.map(\.status) == [409, 409, 200])
        }
        let kept = try await run("witness", "disputes", "--directory", state)
        #expect(kept.code == 2 && kept.text.contains("fork"))
        #expect(try await again.stop() == 0)
    }

    @Test("Over TLS by a private authority, Central brings it checkpoints where that authority is named, and says why not elsewhere")
    func overTLS() async throws {
        let tls = try PrivateAuthority(in: directory)
        let (key, state) = (SigningKey(), directory.file("state"))
        let log = try TwoFacedLog("localhost/log", key: key)
        let program = try await Program.start(state, log, ["--tls-certificate", tls.chainFile, "--tls-key", tls.keyFile])
        #expect(program.url.hasPrefix("https://127.0.0.1:"))
        // Who only knows the system's authorities does not talk to it, nor who trusts another private one.
        await #expect(throws: (any Error).self) { try await program.post([]) }
        let other = try PrivateAuthority(in: directory, "other")
        for (authority, isTrusted) in [(tls.authorityFile, true), (other.authorityFile, false)] {
            try await CentralUnderTest.run(
                .sqlite,
                change: { configuration in
                    try? FileManager.default.createDirectory(
                        atPath: configuration.dataDirectory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
                    try? PrivateFile.create(configuration.dataDirectory + "/log.key", key.seed)
                    configuration.logWitnesses = [try! ConfiguredWitness("\(program.url) \(program.key.text) \(authority)")]
                    configuration.logQuorum = 1
                }
            ) { central in
                func published() async throws -> VerifiedCheckpoint {
                    let trust = LogTrust(logKeys: [log.verifier], witnesses: [program.key])
                    return try VerifiedCheckpoint(try await central.send("GET", "/log/checkpoint", to: .web).body, trust: trust)
                }
                if isTrusted {
                    var box = try await enrolledBox(at: central)
                    _ = try await box.submit(box.makeBundles(3, at: central.clock.now), to: central)
                    try await eventually("cosigned over TLS", moving: central.clock) {
                        let newest = try await published()
                        return newest.size == 3 && newest.cosignatures.map(\.verifier) == [program.key]
                    }
                } else {
                    try await eventually("an alert", moving: central.clock) {
                        try await central.services.status.alerts().contains { $0.code == "log.quorum" }
                    }
                    #expect(try await published().cosignatures.isEmpty)
                }
            }
        }
        #expect(try await program.stop() == 0)
    }

    @Test("A witness's authority that is no file, no certificate, or for an address without TLS stops Central's start with a sentence")
    func authorityRefused() async throws {
        let key = try NoteSigner(name: "w.example", algorithm: .cosignature, key: SigningKey()).verifier.text
        let file = directory.file("a file.pem")
        try Data("no PEM".utf8).write(to: URL(fileURLWithPath: file))
        #expect(throws: CentralError.self) { try ConfiguredWitness("http://127.0.0.1:1 \(key) \(file)") }
        #expect(try ConfiguredWitness("https://w.example \(key) \(file)").authorityPath == file)
        #expect(try ConfiguredWitness("https://w.example \(key)").authorityPath == nil)
        for path in [file, directory.file("none")] {
            var configuration = CentralConfiguration(dataDirectory: directory.file("central"))
            configuration.logWitnesses = [try ConfiguredWitness("https://w.example \(key) \(path)")]
            _ = try CentralKeys.create(in: configuration.dataDirectory, at: WallClock.system.now())
            let error = await #expect(throws: (any Error).self) {
                try await CentralProcess.build(configuration, clock: .system, logger: Logger(label: "test"))
            }
            #expect(error.map { CentralFailure.sentence(for: $0).contains(path) } == true, "\(String(describing: error))")
        }
    }

    @Test("What would be no witness is refused with a sentence and starts nothing")
    func refusals() async throws {
        let state = directory.file("state")
        let key = log.verifier.text
        let open = try await run("witness", "--directory", state, "--log", key, "--listen", "0.0.0.0:0")
        #expect(open.code == 1 && open.text.contains("witness.listener"))
        let renamed = try await run("witness", "--directory", state, "--log", key, "--listen", "0.0.0.0:0", "--name", "other.example")
        #expect(renamed.code == 1 && renamed.text.contains("witness.renamed"))
        #expect(try await run("witness", "--directory", state, "--log", "nonsense").code == 1)
        #expect(try await run("witness", "disputes", "--directory", directory.file("none")).code == 1)
        chmod(state + "/witness.key", 0o644)
        let exposed = try await run("witness", "--directory", state, "--log", key)
        #expect(exposed.code == 1 && exposed.text.contains("key.mode"))
    }
}

/// Where the test bundle and the programs lie side by side.
private let programs = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
