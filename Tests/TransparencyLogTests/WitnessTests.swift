import Model
import Seal
import Testing
import TransparencyLog

/// C2SP tlog-witness, rule by rule.
@Suite struct WitnessTests {
    let log = try! NoteSigner(name: "log.example/1", key: SigningKey())
    let witness = try! NoteSigner(name: "w.example", algorithm: .cosignature, key: SigningKey())
    let now = Timestamp(milliseconds: 1_700_000_000_000)
    var trust: LogTrust { LogTrust(logKeys: [log.verifier]) }

    func note(size: Int, root: LogHash? = nil, origin: String = "log.example/1", by signer: NoteSigner? = nil) throws -> SignedNote {
        let checkpoint = try Checkpoint(origin: origin, size: Int64(size), root: root ?? SampleLog(size: size).batch.root)
        return try SignedNote(text: checkpoint.text, signers: [signer ?? log], at: now)
    }

    func state(size: Int) throws -> WitnessState { WitnessState(try VerifiedCheckpoint(note(size: size), trust: trust)) }

    func request(from old: Int, to note: SignedNote, size: Int) async throws -> WitnessRequest {
        WitnessRequest(
            oldSize: Int64(old), proof: try await SampleLog(size: size).reader.consistencyProof(from: Int64(min(old, size))), note: note)
    }

    func decide(_ request: WitnessRequest, _ state: WitnessState?) -> WitnessDecision {
        WitnessDecision(request, logs: [trust], state: state)
    }

    @Test(arguments: [(0, 0), (0, 1), (0, 300), (1, 1), (255, 256), (256, 300), (300, 300)])
    func aCheckpointThatContinuesIsCosigned(old: Int, new: Int) async throws {
        let request = try await request(from: old, to: note(size: new), size: new)
        let decision = decide(request, old == 0 ? nil : try state(size: old))
        guard case .cosign(let next) = decision else {
            Issue.record("\(decision)")
            return
        }
        #expect(decision.status == 200 && next.checkpoint.size == new)
        #expect(try WitnessState(stored: next.note.bytes) == next)
        // The answer's lines go onto the log's own note.
        let line = witness.sign(Array(next.note.text.utf8), at: now).line
        let both = try request.note.adding(NoteSignature.parse(lines: Array(line.utf8)))
        let whole = try VerifiedCheckpoint(both, trust: LogTrust(logKeys: [log.verifier], witnesses: [witness.verifier]))
        #expect(whole.cosignatures.map(\.seconds) == [1_700_000_000])
    }

    @Test func anotherStartThanTheKnownSizeIsAConflict() async throws {
        for old in [0, 1, 99, 101, 300] {
            let decision = decide(try await request(from: old, to: note(size: 300), size: 300), try state(size: 100))
            #expect(decision == .conflict(knownSize: 100))
            #expect(decision.status == 409 && decision.conflictBody == "100\n")
        }
        // Never seen: the known size is 0.
        #expect(decide(try await request(from: 1, to: note(size: 300), size: 300), nil) == .conflict(knownSize: 0))
        // A smaller checkpoint than the known one: its old size can only be wrong.
        #expect(decide(try await request(from: 50, to: note(size: 50), size: 50), try state(size: 100)) == .conflict(knownSize: 100))
    }

    @Test func anOldSizeAboveTheCheckpointsIsABadRequest() async throws {
        let decision = decide(try await request(from: 100, to: note(size: 50), size: 50), try state(size: 100))
        #expect(decision == .badRequest && decision.status == 400)
    }

    @Test func anUnknownLogAndABadSignatureAreToldApart() async throws {
        let other = try await request(from: 0, to: note(size: 3, origin: "log.example/2"), size: 3)
        #expect(decide(other, nil) == .unknownOrigin && decide(other, nil).status == 404)
        let stranger = try NoteSigner(name: "log.example/1", key: SigningKey())
        let unsigned = decide(try await request(from: 0, to: note(size: 3, by: stranger), size: 3), nil)
        #expect(unsigned == .badSignature(.unknownKeys) && unsigned.status == 403)
        let good = try note(size: 3)
        let spoiled = try SignedNote(
            text: good.text,
            signatures: [
                NoteSignature(name: good.signatures[0].name, keyHash: good.signatures[0].keyHash, bytes: [UInt8](repeating: 0, count: 64))
            ])
        #expect(decide(try await request(from: 0, to: spoiled, size: 3), nil) == .badSignature(.badSignature(name: "log.example/1")))
        // Signed by the log, but no checkpoint.
        let text = try SignedNote(text: "log.example/1\n01\nx\n", signers: [log], at: now)
        #expect(decide(WitnessRequest(oldSize: 0, proof: ConsistencyProof([]), note: text), nil) == .badRequest)
    }

    /// Whatever the request starts from: two roots of one size are proof by themselves, for anybody.
    @Test(arguments: [0, 100, 7])
    func aForkIsProvenByTheTwoNotes(old: Int) throws {
        let known = try state(size: 100)
        let forked = try note(size: 100, root: .leaf([1]))
        let request = WitnessRequest(oldSize: Int64(old), proof: ConsistencyProof([]), note: forked)
        let decision = decide(request, known)
        guard case .inconsistent(let dispute, 100) = decision else {
            Issue.record("\(decision)")
            return
        }
        #expect(decision.status == 409 && decision.conflictBody == "100\n" && decision.code == "log.inconsistent")
        #expect(dispute.kind == .fork)
        let cosigned = try VerifiedCheckpoint(dispute.cosigned, trust: trust)
        let refused = try VerifiedCheckpoint(dispute.refused, trust: trust)
        #expect(cosigned.size == refused.size && cosigned.root != refused.root)
    }

    @Test func aCheckpointThatDoesNotContinueIsRefusedAndKept() async throws {
        let known = try state(size: 100)
        let shown = try note(size: 300, root: .leaf([1]))
        let decision = decide(try await request(from: 100, to: shown, size: 300), known)
        #expect(decision == .inconsistent(LogDispute(kind: .unproven, cosigned: known.note, refused: shown), knownSize: 100))
        #expect(decision.status == 422 && decision.conflictBody == nil)
        // A right checkpoint with a proof that is not: the same answer, but never a fork.
        let unproven = decide(WitnessRequest(oldSize: 100, proof: ConsistencyProof([.empty]), note: try note(size: 300)), known)
        #expect(unproven.status == 422)
        // From nothing, the proof must be empty.
        let superfluous = decide(WitnessRequest(oldSize: 0, proof: ConsistencyProof([.empty]), note: try note(size: 300)), nil)
        #expect(superfluous == .badProof(.wrongLength) && superfluous.status == 422)
    }

    @Test func theRequestOfTheSpecificationReadsBack() throws {
        let body = """
            old 20852014
            PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
            jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
            5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
            /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

            example.com/behind-the-sofa
            20852163
            CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

            — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
            — example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=

            """
        let request = try WitnessRequest(Array(body.utf8))
        #expect(request.oldSize == 20_852_014 && request.proof.hashes.count == 4 && request.note.signatures.count == 2)
        #expect(request.bytes == Array(body.utf8))
        for bad in [
            "", "old 1", "old 1\n", "\n" + body, body.replacing("old ", with: "old  "), body.replacing("old 2", with: "old 02"),
            body.replacing("old 2", with: "old -2"), body.replacing("old", with: "new"), body.replacing("kaw=", with: "ka="),
            body.replacing("\nexample", with: "example"), String(body.dropLast()),
            "old 1\n" + String(repeating: "\(LogHash.empty)\n", count: 64) + body.drop { $0 != "\n" },
            "old 1\n" + String(repeating: "A", count: 100_000) + "\n",
        ] {
            #expect(throws: WitnessRequestError.self, "\(bad.prefix(60))") { try WitnessRequest(Array(bad.utf8)) }
        }
    }

    @Test func sixtyThreeHashesAreTaken() throws {
        let note = String(decoding: try note(size: 3).bytes, as: UTF8.self)
        let lines = String(repeating: "\(LogHash.empty)\n", count: 63)
        #expect(try WitnessRequest(Array("old 1\n\(lines)\n\(note)".utf8)).proof.hashes.count == 63)
        #expect(throws: WitnessRequestError.malformed) { try WitnessRequest(Array("old 1\n\(lines)\(LogHash.empty)\n\n\(note)".utf8)) }
    }
}
