import Foundation
import Model
import Seal
import TestSupport
import Testing
import TransparencyLog

/// `martlet log` on a log's files.
@Suite struct LogCommandTests {
    let directory = try! TemporaryDirectory()
    let log = try! NoteSigner(name: "log.example/1", key: SigningKey())
    let witness = try! NoteSigner(name: "w.example", algorithm: .cosignature, key: SigningKey())

    func entry(_ number: Int) -> LogEntry {
        LogEntry(
            document: Digest(of: Array("document \(number)".utf8)), signer: SigningKey(seed: [UInt8](repeating: 7, count: 32))!.verifyingKey
        )
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        let file = URL(fileURLWithPath: directory.file(name))
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
    }

    /// Writes tiles and checkpoints of 300 and then 1,000 entries.
    func writeLog() throws {
        var builder = LogBuilder()
        for (range, name) in [(0..<300, "log/checkpoint-300"), (300..<1_000, "log/checkpoint")] {
            let batch = builder.batch(range.map(entry))
            for resource in batch.resources { try write("log/\(resource.path)", resource.bytes) }
            let text = try Checkpoint(origin: "log.example/1", size: batch.size, root: batch.root).text
            let signed = try SignedNote(text: text, signers: [log, witness], at: Timestamp(milliseconds: 1_700_000_000_000))
            try write(name, signed.bytes)
        }
    }

    /// Both outputs and the exit code.
    func run(_ arguments: String...) throws -> (text: String, code: Int32) {
        let process = Process()
        process.executableURL = binaries.appendingPathComponent("martlet")
        process.arguments = ["log"] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (String(decoding: data, as: UTF8.self), process.terminationStatus)
    }

    @Test func aLogInOrderVerifies() throws {
        try writeLog()
        let path = directory.file("log")
        let key = log.verifier.text
        let note = try run("verify-note", path + "/checkpoint", "--key", key, "--witness", witness.verifier.text, "--quorum", "1")
        #expect(note.code == 0)
        #expect(note.text.contains("size      1000\n"))
        #expect(note.text.hasSuffix("signed    log.example/1\ncosigned  w.example  2023-11-14T22:13:20.000Z\n"))

        let found = try run("inclusion", path, "999", "--key", key, "--document", entry(999).document.description)
        #expect(found.code == 0)
        #expect(found.text.hasSuffix("entry     999\ndocument  \(entry(999).document)\nsigner    \(entry(999).signer)\n"))
        let proof = try run("inclusion", path, "17", "--key", key, "--proof")
        #expect(proof.code == 0)
        let read = try LogProof(Array(proof.text.utf8)).verify(leaf: entry(17).leafHash, trust: LogTrust(logKeys: [log.verifier]))
        #expect(read.index == 17)

        let continued = try run("consistency", path, "--from", path + "/checkpoint-300", "--key", key)
        #expect(continued.code == 0)
        #expect(continued.text.hasSuffix("continues 300\n"))
        let hashes = try run("consistency", path, "--from", path + "/checkpoint-300", "--key", key, "--proof")
        #expect(hashes.code == 0)
        #expect(hashes.text.split(separator: "\n").allSatisfy { LogHash(String($0)) != nil })
    }

    @Test func whatIsNotSoIsRefusedWithItsCode() throws {
        try writeLog()
        let path = directory.file("log")
        let key = log.verifier.text
        let other = try NoteVerifier(name: "log.example/1", key: SigningKey().verifyingKey).text
        func expect(_ code: Int32, _ word: String, _ result: (text: String, code: Int32), _ line: Int = #line) {
            #expect(result.code == code && result.text.contains(word), "line \(line): \(result)")
        }
        expect(1, "note.unknown_keys", try run("verify-note", path + "/checkpoint", "--key", other))
        expect(1, "log.quorum", try run("verify-note", path + "/checkpoint", "--key", key, "--witness", key, "--quorum", "1"))
        expect(2, "No such file", try run("verify-note", path + "/none", "--key", key))
        expect(64, "verifier key refused", try run("verify-note", path + "/checkpoint", "--key", "a+b+c"))
        expect(1, "log.proof.outside", try run("inclusion", path, "1000", "--key", key))
        expect(1, "log.document", try run("inclusion", path, "5", "--key", key, "--document", entry(6).document.description))
        expect(
            2, "tile/entries/001",
            try {
                try FileManager.default.removeItem(atPath: path + "/tile/entries/001");
                return try run("inclusion", path, "300", "--key", key)
            }())

        var tile = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path + "/tile/0/002")))
        tile[100] ^= 1
        try write("log/tile/0/002", tile)
        expect(1, "log.tile.corrupt: tile/0/002", try run("inclusion", path, "600", "--key", key))
        // A history that is not the checkpoint's.
        var forked = LogBuilder()
        let batch = forked.batch((1...300).map(entry))
        let text = try Checkpoint(origin: "log.example/1", size: 300, root: batch.root).text
        try write("log/forked", SignedNote(text: text, signers: [log], at: Timestamp(milliseconds: 0)).bytes)
        expect(1, "log.proof.root", try run("consistency", path, "--from", path + "/forked", "--key", key))
    }
}
