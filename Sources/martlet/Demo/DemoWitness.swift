import Crypto
import Foundation
import Hosts
import Model
import Seal
import TransparencyLog

/// A witness of Central's log that somebody else runs: the real `martlet witness`.
final class DemoWitness {
    private let directory: String
    private let process: DemoProcess
    private let port: Int
    private let binaries: String
    /// Known once it runs.
    private(set) var key: NoteVerifier?

    init(directory: String, log: NoteVerifier, binaries: String) throws {
        self.directory = directory
        self.binaries = binaries
        port = try DemoProcess.freePort()
        process = DemoProcess(
            binaries + "/martlet",
            ["witness", "--directory", directory, "--log", log.text, "--listen", "127.0.0.1:\(port)", "--name", "auditor.example/witness"],
            environment: [:], log: directory + ".log")
    }

    var url: String { "http://127.0.0.1:\(port)" }

    @discardableResult
    func start() async throws -> NoteVerifier {
        try process.start()
        try await eventually("the witness to listen", within: .seconds(20)) {
            guard process.isRunning else { throw DemoFailure("martlet witness ended; see \(process.log)") }
            return process.occurrences(of: "listens on") > 0
        }
        let said = try String(contentsOfFile: process.log, encoding: .utf8).split(separator: "\n")
        guard let line = said.first(where: { $0.hasPrefix("witness ") }) else { throw DemoFailure("the witness named no key") }
        let key = try NoteVerifier(String(line.dropFirst("witness ".count)))
        self.key = key
        return key
    }

    func stop() { process.stop() }

    /// What it answers to a request for its cosignature.
    func answer(to request: WitnessRequest) async throws -> Int {
        let client = """
            import sys, urllib.request, urllib.error
            try: print(urllib.request.urlopen(sys.argv[1], sys.stdin.buffer.read(), 10).status)
            except urllib.error.HTTPError as refused: print(refused.code)
            """
        let result = try await LocalHost(id: "here").run(
            HostCommand(["python3", "-c", client, url + "/add-checkpoint"], input: request.bytes, deadline: .seconds(20)))
        guard result.succeeded, let status = Int(result.text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw DemoFailure("the witness did not answer: " + String(decoding: result.errorOutput, as: UTF8.self))
        }
        return status
    }

    /// What it keeps against the log, as it prints it; both notes of each lie as files in `output`.
    func disputes(to output: String) async throws -> String {
        let result = try await LocalHost(id: "here").run(
            HostCommand(
                [binaries + "/martlet", "witness", "disputes", "--directory", directory, "--output", output], deadline: .seconds(20)))
        guard result.exitStatus == 2 else { throw DemoFailure("the witness keeps nothing: \(result.text)") }
        return result.text
    }
}

/// What somebody with Central's log key can do: sign a history in which one entry is another.
struct RewrittenLog {
    /// The entry that is another.
    let index: Int64
    let request: WitnessRequest

    /// - Parameters:
    ///   - note: the newest checkpoint that the witness has cosigned.
    ///   - directory: the log's resources.
    init(_ note: SignedNote, directory: String, signer: NoteSigner) async throws {
        let honest = try Checkpoint(text: note.text)
        let reader = TileReader(size: honest.size, root: honest.root, source: LogDirectory(path: directory))
        var builder = LogBuilder()
        let changed = honest.size / 2
        var next: Int64 = 0
        for bundle in 0...((honest.size - 1) / 256) {
            for entry in try await reader.entries(ofBundle: bundle) {
                builder.append(next == changed ? Array(SHA256.hash(data: entry)) + entry.suffix(32) : entry)
                next += 1
            }
        }
        index = changed
        let text = try Checkpoint(origin: honest.origin, size: honest.size, root: builder.takeBatch().root).text
        request = WitnessRequest(
            oldSize: honest.size, proof: ConsistencyProof([]),
            note: try SignedNote(text: text, signers: [signer], at: WallClock.system.now()))
    }
}
