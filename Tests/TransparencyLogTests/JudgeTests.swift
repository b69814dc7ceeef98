import Foundation
import Model
import Seal
import TestSupport
import Testing
import TransparencyLog

/// The Go project's own packages must read what we write, and refuse what we refuse.
@Suite struct JudgeTests {
    let signer = try! NoteSigner(name: "log.example/1", key: SigningKey())
    let witness = try! NoteSigner(name: "w.example", algorithm: .cosignature, key: SigningKey())
    let directory = try! TemporaryDirectory()

    func judge(_ arguments: String...) throws -> String {
        try runCommand(repositoryRoot + "/scripts/checks/tlog-check", arguments)
    }

    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let path = directory.file(name)
        try FileManager.default.createDirectory(atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    func write(_ name: String, _ hashes: [LogHash]) throws -> String {
        try write(name, Array(hashes.map { "\($0)\n" }.joined().utf8))
    }

    func checkpoint(_ size: Int) throws -> String {
        let text = try Checkpoint(origin: "log.example/1", size: Int64(size), root: SampleLog.largeRoot(size)).text
        let note = try SignedNote(text: text, signers: [signer, witness], at: Timestamp(milliseconds: 1_700_000_000_000))
        return try write("checkpoint-\(size)", note.bytes)
    }

    @Test func goOpensOurNotesAndFollowsOurProofs() async throws {
        let keys = try write("keys", Array(signer.verifier.text.utf8))
        let size = 70_000
        let log = SampleLog.large
        let new = try checkpoint(size)
        #expect(try judge("note", keys, new).contains("log.example/1 known and unknown signatures: 1, 1\nok"))
        let other = try write("other", Array(NoteTests.peterKey.utf8))
        #expect(throws: CommandFailed.self) { try judge("note", other, new) }

        for index in [0, 255, 256, 65_536, size - 1] {
            let entry = try write("entry-\(index)", LogEntry.numbered(index).bytes)
            let hashes = try await log.reader.inclusionProof(of: Int64(index)).hashes
            let proof = try write("inclusion-\(index)", hashes)
            #expect(try judge("inclusion", keys, new, "\(index)", entry, proof).hasSuffix("ok\n"))
            #expect(throws: CommandFailed.self) { try judge("inclusion", keys, new, "\(index ^ 1)", entry, proof) }
        }
        for old in [1, 255, 256, 65_537, size - 1] {
            let before = try checkpoint(old)
            let proof = try write("consistency-\(old)", try await log.reader.consistencyProof(from: Int64(old)).hashes)
            #expect(try judge("consistency", keys, before, new, proof).hasSuffix("ok\n"))
            let wrong = try write("wrong", [.empty])
            #expect(throws: CommandFailed.self) { try judge("consistency", keys, before, new, wrong) }
        }
    }

    @Test func goVerifiesAProofThatStandsAloneWithItsCosignature() async throws {
        let (log, size, index) = (SampleLog.large, 70_000, 4_711)
        let keys = try write("keys", Array("\(signer.verifier.text)\n\(witness.verifier.text)\n".utf8))
        let text = try Checkpoint(origin: "log.example/1", size: Int64(size), root: SampleLog.largeRoot(size)).text
        let note = try SignedNote(text: text, signers: [signer, witness], at: Timestamp(milliseconds: 1_700_000_000_000))
        let path = try await log.reader.inclusionProof(of: Int64(index))
        let entry = try write("entry", LogEntry.numbered(index).bytes)
        for extra in [nil, Array("anything".utf8)] {
            let proof = try write("bundle.tlog-proof", LogProof(index: Int64(index), proof: path, note: note, extra: extra).bytes)
            #expect(try judge("proof", keys, entry, proof).contains("log.example/1 known and unknown signatures: 2, 0\nok"))
        }

        func expectRefused(_ name: String, _ proof: LogProof, entry: String, keys: String) throws {
            let file = try write(name, proof.bytes)
            #expect(throws: CommandFailed.self, "\(name)") { try judge("proof", keys, entry, file) }
        }
        let proof = LogProof(index: Int64(index), proof: path, note: note)
        let other = try write("other", LogEntry.numbered(index + 1).bytes)
        try expectRefused("another-entry", proof, entry: other, keys: keys)
        try expectRefused("another-index", LogProof(index: Int64(index) ^ 1, proof: path, note: note), entry: entry, keys: keys)
        let short = LogProof(index: Int64(index), proof: InclusionProof(Array(path.hashes.dropLast())), note: note)
        try expectRefused("too-short", short, entry: entry, keys: keys)
        let witnessOnly = try write("witness-only", Array(witness.verifier.text.utf8))
        try expectRefused("not-by-the-log", proof, entry: entry, keys: witnessOnly)
        // A cosignature that is not the witness's: it says another time than was signed.
        var bytes = note.bytes
        let forger = try NoteSigner(name: "w.example", algorithm: .cosignature, key: SigningKey())
        let forged = try SignedNote(text: text, signers: [signer, forger], at: Timestamp(milliseconds: 1_700_000_000_000))
        let line = String(decoding: note.bytes, as: UTF8.self).split(separator: "\n").last { $0.contains("w.example") }!
        let wrong = String(decoding: forged.bytes, as: UTF8.self).split(separator: "\n").last { $0.contains("w.example") }!
        // The witness's own key hash before the forger's signature.
        var mixed = [UInt8](base64: String(line.split(separator: " ")[2]))!
        mixed.replaceSubrange(4..., with: [UInt8](base64: String(wrong.split(separator: " ")[2]))![4...])
        let whole = String(decoding: bytes, as: UTF8.self).replacingOccurrences(
            of: String(line.split(separator: " ")[2]), with: mixed.base64)
        bytes = Array(whole.utf8)
        let head = Array(String(decoding: proof.bytes, as: UTF8.self).components(separatedBy: "\n\n")[0].utf8) + Array("\n\n".utf8)
        let file = try write("forged-witness", head + bytes)
        #expect(throws: CommandFailed.self) { try judge("proof", keys, entry, file) }
    }

    @Test func goMakesTheSameProofsFromOurTiles() async throws {
        let log = SampleLog.large
        for path in log.tiles.paths where path.kind != .entries { _ = try write("log/\(path)", log.tiles[path]!) }
        let root = log.batch.root.description
        for index in [0, 300, 65_600, 69_999] {
            let proof = try await log.reader.inclusionProof(of: Int64(index)).hashes
            let made = try judge("tiles", "70000", root, directory.file("log"), "\(index)")
            #expect(made == proof.map { "\($0)\n" }.joined() + "ok\n")
        }
    }
}
