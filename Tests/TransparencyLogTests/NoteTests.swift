import Model
import Seal
import Testing
import TransparencyLog

/// The vectors of Go's note package and of the C2SP specifications, and what must be refused.
@Suite struct NoteTests {
    static let peterKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    static let peterSecret = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
    static let enochKey = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
    static let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    static let peterLine = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    static let enochLine = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"

    func note(_ lines: String, text: String = NoteTests.text) throws(NoteError) -> SignedNote {
        try SignedNote(Array((text + "\n" + lines).utf8))
    }

    @Test func aKeyReadsBackAsItsText() throws {
        #expect(try NoteVerifier(Self.peterKey).text == Self.peterKey)
        #expect(try NoteVerifier(Self.peterKey).keyHash == 0xc74f_20a3)
        let signer = try NoteSigner(Self.peterSecret)
        #expect(signer.secretText == Self.peterSecret)
        #expect(signer.verifier.text == Self.peterKey)
        let cosigner = try NoteSigner(name: "w.example/é", algorithm: .cosignature, key: SigningKey())
        #expect(try NoteSigner(cosigner.secretText).verifier == cosigner.verifier)
        #expect(try NoteVerifier(cosigner.verifier.text) == cosigner.verifier)
    }

    @Test(arguments: [peterKey, peterSecret])
    func aMangledKeyIsRefused(whole: String) {
        func isRefused(_ text: String) -> Bool {
            whole == Self.peterKey ? (try? NoteVerifier(text)) == nil : (try? NoteSigner(text)) == nil
        }
        let bytes = Array(whole.utf8)
        for start in 0...bytes.count {
            for end in start...bytes.count where (start, end) != (0, bytes.count) {
                #expect(isRefused(String(decoding: bytes[start..<end], as: UTF8.self)))
            }
        }
        for position in bytes.indices {
            var mangled = bytes
            mangled[position] += 1
            #expect(isRefused(String(decoding: mangled, as: UTF8.self)))
        }
    }

    @Test(arguments: [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",  // a key too long, with the hash to match
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  // a type that nobody assigned, with the hash to match
        "", "++", "a+b+c",
    ])
    func aKeyOfAnotherKindIsRefused(text: String) {
        #expect(throws: NoteError.verifierKey) { try NoteVerifier(text) }
    }

    @Test(arguments: ["", "a b", "a+b", "a\nb", "a\u{a0}b", "a\u{2003}b", "a\tb", "\u{1}"])
    func aNameWithSpaceOrPlusIsRefused(name: String) {
        #expect(throws: NoteError.keyName) { try NoteVerifier(name: name, key: SigningKey().verifyingKey) }
    }

    @Test func signingGivesThePublishedNote() throws {
        let signed = try SignedNote(text: Self.text, signers: [NoteSigner(Self.peterSecret)], at: Timestamp(milliseconds: 0))
        #expect(String(decoding: signed.bytes, as: UTF8.self) == Self.text + "\n" + Self.peterLine)
        let both = try signed.adding([NoteSigner(name: "w", key: SigningKey()).sign(Array(Self.text.utf8), at: Timestamp(milliseconds: 0))])
        #expect(both.signatures.count == 2)
        // The same key again takes its own place.
        #expect(try both.adding([signed.signatures[0]]).signatures.map(\.name) == ["w", "PeterNeumann"])
    }

    @Test func knownSignaturesAreCheckedAndOthersIgnored() throws {
        let peter = try NoteVerifier(Self.peterKey)
        let enoch = try NoteVerifier(Self.enochKey)
        let both = try note(Self.peterLine + Self.enochLine)
        #expect(try both.verify([peter]).map(\.verifier) == [peter])
        #expect(try both.verify([enoch, peter]).map(\.verifier) == [peter, enoch])
        #expect(throws: NoteError.unknownKeys) { try both.verify([]) }
        #expect(throws: NoteError.ambiguousKey(name: "EnochRoot")) { try both.verify([enoch, peter, enoch]) }
        // Twice the same key known, but not asked.
        #expect(try note(Self.peterLine).verify([enoch, peter, enoch]).count == 1)
        // Of several by one key the first counts.
        let repeated = try note(Self.peterLine + Self.peterLine + Self.enochLine + Self.enochLine)
        #expect(try repeated.verify([peter, enoch]).map(\.verifier) == [peter, enoch])
    }

    @Test func aWrongSignatureOfAKnownKeySpoilsTheNote() throws {
        let characters = Array(Self.peterLine)
        let longer = String(characters[..<60]) + "ABCD" + String(characters[60...])
        #expect(throws: NoteError.badSignature(name: "PeterNeumann")) { try note(longer).verify([NoteVerifier(Self.peterKey)]) }
        // A line by the same name with another hash is somebody else's.
        let other = Self.peterLine.replacing("x08g", with: "xxxx")
        #expect(throws: NoteError.unknownKeys) { try note(other).verify([NoteVerifier(Self.peterKey)]) }
        let misnamed = Self.peterLine.replacing("PeterNeumann", with: "CarmenSandiego")
        #expect(throws: NoteError.unknownKeys) { try note(misnamed).verify([NoteVerifier(Self.peterKey)]) }
    }

    static let malformed: [String] = [
        text, text + "\n", text + "\n" + peterLine.dropLast(), "\u{1}" + text + "\n" + peterLine, "\r" + text + "\n" + peterLine, "",
        "\n\n",
    ]

    /// What is no signature line; `peterLine` stands before it.
    static let malformedLines: [String] = [
        "— Bad Name x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=", "Unexpected line.",
        "- a AAAAAAAA", "— a AAAAAA==", "— a", "— a ", "—  AAAAAAAA", "— a+b AAAAAAAA", "— a AAAAAAAB ", "— a AAAAAAA", " — a AAAAAAAA",
        // Unused bits of the base 64 that are not zero: two texts for one signature.
        "— a AAAAAAAAAAN=", "— a AAAAAAAAAB==",
    ]

    @Test(arguments: malformed)
    func whatIsNoNoteIsRefused(text: String) {
        #expect(throws: NoteError.malformed) { try SignedNote(Array(text.utf8)) }
        #expect(throws: NoteError.malformed) { try SignedNote([0xff] + Array((Self.text + "\n" + Self.peterLine).utf8)) }
    }

    @Test(arguments: malformedLines)
    func whatIsNoSignatureLineSpoilsTheNote(line: String) {
        #expect(throws: NoteError.malformed) { try note(Self.peterLine + line + "\n") }
    }

    @Test func limitsHold() throws {
        #expect(try note(String(repeating: Self.peterLine, count: 100)).signatures.count == 100)
        #expect(throws: NoteError.tooManySignatures) { try note(String(repeating: Self.peterLine, count: 101)) }
        let room = NoteLimits.noteBytesMax - Self.peterLine.utf8.count - 2
        #expect(try note(Self.peterLine, text: String(repeating: "a", count: room) + "\n").text.utf8.count == room + 1)
        #expect(throws: NoteError.tooLong(bytesMax: NoteLimits.noteBytesMax)) {
            try note(Self.peterLine, text: String(repeating: "a", count: room + 1) + "\n")
        }
    }

    @Test func textMayHaveEmptyLines() throws {
        let note = try note(Self.peterLine, text: "a\n\nb\n\n\n")
        #expect(note.text == "a\n\nb\n\n\n")
        #expect(String(decoding: note.bytes, as: UTF8.self) == "a\n\nb\n\n\n\n" + Self.peterLine)
    }

    @Test func ofAWitnesssAnswerOnlyKnownAndTrueSignaturesAreTaken() throws {
        let peter = try NoteVerifier(Self.peterKey)
        let witness = try NoteSigner(name: "w.example", algorithm: .cosignature, key: SigningKey())
        let stranger = try NoteSigner(name: "x.example", algorithm: .cosignature, key: SigningKey())
        let now = Timestamp(milliseconds: 1_700_000_000_000)
        let text = Array(Self.text.utf8)
        let answer = [stranger.sign(text, at: now), witness.sign(text, at: now)]
        let whole = try note(Self.peterLine).adding(answer, by: [witness.verifier])
        #expect(whole.signatures.map(\.name) == ["PeterNeumann", "w.example"])
        #expect(try whole.verify([peter, witness.verifier]).map(\.seconds) == [nil, 1_700_000_000])
        #expect(throws: NoteError.unknownKeys) { try note(Self.peterLine).adding([answer[0]], by: [witness.verifier]) }
        // Over another text.
        let other = [witness.sign(text + text, at: now)]
        #expect(throws: NoteError.badSignature(name: "w.example")) { try note(Self.peterLine).adding(other, by: [witness.verifier]) }
    }

    @Test func everyFlippedBitFailsVerification() throws {
        let verifier = try NoteVerifier(Self.peterKey)
        let bytes = try note(Self.peterLine).bytes
        #expect(try SignedNote(bytes).verify([verifier]).count == 1)
        for position in bytes.indices {
            for bit in 0..<8 {
                var flipped = bytes
                flipped[position] ^= 1 << bit
                #expect(throws: NoteError.self) { try SignedNote(flipped).verify([verifier]) }
            }
        }
    }

    /// From C2SP tlog-cosignature: 1679315147 is the time in the witness's line.
    @Test func theSpecificationsCheckpointReadsAsItsPartsSay() throws {
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
        let note = try note(
            "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
                + "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n",
            text: text)
        let checkpoint = try Checkpoint(text: note.text)
        #expect(checkpoint.origin == "example.com/behind-the-sofa")
        #expect(checkpoint.size == 20_852_163)
        #expect(checkpoint.root.description == "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
        #expect(checkpoint.text == text)
        let witness = note.signatures[1]
        #expect(witness.keyHash == 0x8d66_cf3f)
        #expect(witness.bytes.count == 72)
        #expect(witness.bytes[..<8].reduce(0) { $0 << 8 | Int($1) } == 1_679_315_147)
    }

    @Test func aCosignatureIsOverTheTimeAndTheText() throws {
        let key = SigningKey()
        let signer = try NoteSigner(name: "witness.example/w1", algorithm: .cosignature, key: key)
        let text = "example.com/log\n0\n\(LogHash.empty)\n"
        let signature = signer.sign(Array(text.utf8), at: Timestamp(milliseconds: 1_679_315_147_999))
        // What the specification says is signed, byte for byte.
        let message = Array("cosignature/v1\ntime 1679315147\n\(text)".utf8)
        #expect(key.verifyingKey.isValid(Array(signature.bytes[8...]), for: message))
        let note = try SignedNote(text: text, signatures: [signature])
        #expect(try note.verify([signer.verifier]).map(\.seconds) == [1_679_315_147])
        for (position, bit) in [(0, 7), (7, 0), (7, 1), (8, 0), (71, 7)] {
            var bytes = signature.bytes
            bytes[position] ^= 1 << bit
            let other = try SignedNote(
                text: text, signatures: [NoteSignature(name: signature.name, keyHash: signature.keyHash, bytes: bytes)])
            #expect(throws: NoteError.badSignature(name: "witness.example/w1")) { try other.verify([signer.verifier]) }
        }
        // The same key as an ordinary signer is another signer.
        #expect(throws: NoteError.unknownKeys) { try note.verify([NoteVerifier(name: "witness.example/w1", key: key.verifyingKey)]) }
    }
}
