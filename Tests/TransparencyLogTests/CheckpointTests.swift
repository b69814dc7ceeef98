import Model
import Seal
import Testing
import TransparencyLog

@Suite struct CheckpointTests {
    let log = try! NoteSigner(name: "log.example/1", key: SigningKey())
    let witness = try! NoteSigner(name: "w.example", algorithm: .cosignature, key: SigningKey())
    let root = LogHash.leaf([1])
    let now = Timestamp(milliseconds: 1_700_000_000_000)

    var trust: LogTrust { LogTrust(logKeys: [log.verifier], witnesses: [witness.verifier]) }

    func note(origin: String = "log.example/1", _ signers: [NoteSigner]) throws -> SignedNote {
        try SignedNote(text: Checkpoint(origin: origin, size: 1, root: root).text, signers: signers, at: now)
    }

    @Test(arguments: ["0", "1", "9223372036854775807"])
    func aSizeInDecimalIsRead(size: String) throws {
        let hash = size == "0" ? LogHash.empty : root
        #expect(try Checkpoint(text: "o\n\(size)\n\(hash)\n").size.description == size)
    }

    @Test(arguments: ["", "00", "01", "+1", "-1", " 1", "1 ", "1e3", "0x1", "٣", "9223372036854775808", "99999999999999999999"])
    func aSizeInAnyOtherFormIsRefused(size: String) {
        #expect(throws: CheckpointError.malformed) { try Checkpoint(text: "o\n\(size)\n\(root)\n") }
    }

    @Test func textThatIsNoCheckpointIsRefused() {
        let hash = root.description
        for text in [
            "", "\n", "o\n1\n", "o\n1\n\(hash)", "\n1\n\(hash)\n", "o\n1\n\(hash)\n\n", "o\n1\n\(hash)\n\nx\n",
            "o\n1\n\(hash.dropLast())\n",
            "o\n1\n\(hash)=\n", "o\n1\n\(hash) \n", "o\n1\n\(String(repeating: "A", count: 44))\n",
            // A log without entries has one root.
            "o\n0\n\(hash)\n",
        ] {
            #expect(throws: CheckpointError.malformed, "\(text)") { try Checkpoint(text: text) }
        }
    }

    @Test func extensionLinesAreKept() throws {
        let checkpoint = try Checkpoint(text: "o\n1\n\(root)\nmore\nand more\n")
        #expect(checkpoint.extensions == ["more", "and more"])
        #expect(checkpoint.text == "o\n1\n\(root)\nmore\nand more\n")
        #expect(throws: CheckpointError.malformed) { try Checkpoint(origin: "o", size: 1, root: root, extensions: ["a\nb"]) }
        #expect(throws: CheckpointError.malformed) { try Checkpoint(origin: "o\n1", size: 1, root: root) }
    }

    @Test func onlyTheLogsOwnSignatureVerifiesACheckpoint() throws {
        let verified = try VerifiedCheckpoint(note([log, witness]), trust: trust)
        #expect(verified.size == 1)
        #expect(verified.cosignatures.map(\.seconds) == [1_700_000_000])
        #expect(try VerifiedCheckpoint(note([log]), trust: trust).cosignatures.isEmpty)
        #expect(throws: CheckpointError.notByLog) { try VerifiedCheckpoint(note([witness]), trust: trust) }
        let stranger = try NoteSigner(name: "log.example/1", key: SigningKey())
        #expect(throws: CheckpointError.note(.unknownKeys)) { try VerifiedCheckpoint(note([stranger]), trust: trust) }
    }

    @Test func aCheckpointOfAnotherLogBySameKeyIsRefused() throws {
        #expect(throws: CheckpointError.otherOrigin(expected: "log.example/1")) {
            try VerifiedCheckpoint(note(origin: "log.example/2", [log]), trust: trust)
        }
        // The same characters in another spelling are another log.
        let accented = LogTrust(origin: "log/\u{e9}", logKeys: [log.verifier])
        #expect(try VerifiedCheckpoint(note(origin: "log/\u{e9}", [log]), trust: accented).size == 1)
        #expect(throws: CheckpointError.otherOrigin(expected: "log/\u{e9}")) {
            try VerifiedCheckpoint(note(origin: "log/e\u{301}", [log]), trust: accented)
        }
    }
}
