import Database
import Model
import Seal
import TestSupport
import Testing
import TransparencyLog
import Witness

@Suite struct WitnessBookTests {
    let log = try! TwoFacedLog()
    let witness = try! NoteSigner(name: "w.example", algorithm: .cosignature, key: SigningKey())
    let clock = TestClock()

    /// The book of a witness that forgets nothing between two of them.
    func book(_ database: any SQLDatabase, faults: WitnessFaults = .none) async throws -> WitnessBook {
        try await Migrator([WitnessSchema.migration(1)]).migrate(database, now: clock.clock.now)
        return WitnessBook(database, signer: witness, logs: [log.trust], now: clock.clock.now, faults: faults)
    }

    func isCosigned(_ answer: WitnessAnswer, _ face: TwoFacedLog.Face) throws -> Bool {
        guard let signature = answer.cosignature else { return false }
        let note = try log.note(face).adding([signature])
        return try VerifiedCheckpoint(note, trust: LogTrust(logKeys: [log.verifier], witnesses: [witness.verifier])).cosignatures.count == 1
    }

    @Test("What continues is cosigned, and remembered over a restart", arguments: TestEngine.allCases)
    func grows(engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            var old = 0
            for size in [0, 1, 256, 300, 300] {
                let face = TwoFacedLog.face(size)
                let answer = try await book(database).consider(log.request(face, from: old), from: "here", as: .brought)
                #expect(try isCosigned(answer, face), "\(size): \(answer.decision)")
                old = size
            }
            let newest = try #require(try await book(database).newest(of: log.verifier.name))
            #expect(newest.state.checkpoint.size == 300)
            let late = try await book(database).consider(log.request(TwoFacedLog.face(400), from: 256), from: "here", as: .brought)
            #expect(late.decision == .conflict(knownSize: 300) && late.cosignature == nil)
            #expect(try await book(database).disputes().isEmpty)
        }
    }

    @Test("A fork is refused; both notes are kept for ever and convict the log without the witness", arguments: TestEngine.allCases)
    func forks(engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            let book = try await book(database)
            let (honest, other) = (TwoFacedLog.face(8), TwoFacedLog.face(8, history: "other", from: 5))
            #expect(try isCosigned(await book.consider(log.request(honest, from: 0), from: "here", as: .brought), honest))
            for old in [8, 0, 3] {
                let answer = try await book.consider(log.request(other, from: old), from: "10.0.0.1", as: .brought)
                #expect(answer.cosignature == nil && answer.decision.status == 409)
            }
            // The same two notes are one dispute, who ever brings them.
            let kept = try await book.disputes()
            #expect(kept.count == 1 && kept[0].source == "10.0.0.1" && kept[0].dispute.isProof(against: log.trust))
            #expect(try await book.newest(of: log.verifier.name)?.state.checkpoint.root == honest.root)
            // What continues the honest one is cosigned still.
            let next = TwoFacedLog.face(9)
            #expect(try isCosigned(await book.consider(log.request(next, from: 8), from: "here", as: .brought), next))
        }
    }

    @Test("A rewritten history is not cosigned, whatever size it has and whatever proof comes with it", arguments: [9, 12, 300])
    func rewrites(size: Int) async throws {
        try await withDatabase(.sqlite) { database in
            let book = try await book(database)
            _ = try await book.consider(log.request(TwoFacedLog.face(8), from: 0), from: "here", as: .brought)
            let rewritten = TwoFacedLog.face(size, history: "other", from: 5)
            let honest = try await log.request(TwoFacedLog.face(size), from: 8)
            for proof in [try await log.request(rewritten, from: 8).proof, honest.proof, ConsistencyProof([])] {
                let request = WitnessRequest(oldSize: 8, proof: proof, note: try log.note(rewritten))
                let answer = try await book.consider(request, from: "Central", as: .answered(isSecond: false))
                // Held against the log the second time only.
                #expect(answer.cosignature == nil && answer.dispute == nil)
                let second = try await book.consider(request, from: "Central", as: .answered(isSecond: true))
                #expect(second.cosignature == nil && second.dispute?.dispute.kind == .unproven)
            }
            #expect(try await book.disputes().count == 1)
            #expect(try await book.newest(of: log.verifier.name)?.state.checkpoint.size == 8)
        }
    }

    @Test("A checkpoint without its proof is a dispute until the proof comes")
    func settles() async throws {
        try await withDatabase(.sqlite) { database in
            let book = try await book(database)
            _ = try await book.consider(log.request(TwoFacedLog.face(8), from: 0), from: "here", as: .brought)
            let next = TwoFacedLog.face(9)
            let bare = WitnessRequest(oldSize: 8, proof: ConsistencyProof([]), note: try log.note(next))
            #expect(try await book.consider(bare, from: "anybody", as: .brought).decision.status == 422)
            #expect(try await book.disputes().map(\.settled) == [nil])
            clock.advance(by: .seconds(5))
            #expect(try isCosigned(await book.consider(log.request(next, from: 8), from: "here", as: .brought), next))
            #expect(try await book.disputes().map(\.settled) == [clock.now])
        }
    }

    @Test("A shrunk log is held against who shows it as its newest, and is a mere conflict when a stranger brings it")
    func shrinks() async throws {
        try await withDatabase(.sqlite) { database in
            let book = try await book(database)
            _ = try await book.consider(log.request(TwoFacedLog.face(8), from: 0), from: "here", as: .brought)
            let small = TwoFacedLog.face(5)
            #expect(try await book.consider(log.request(small, from: 5), from: "anybody", as: .brought).decision == .conflict(knownSize: 8))
            #expect(try await book.disputes().isEmpty)
            for old in [0, 5, 8] {
                let answer = try await book.consider(log.request(small, from: old), from: "Central", as: .answered(isSecond: false))
                #expect(answer.cosignature == nil && answer.dispute?.dispute.kind == .shrunk)
            }
            #expect(try await book.disputes().count == 1)
        }
    }

    @Test("Nothing is held against a log that its key has not signed")
    func strangers() async throws {
        try await withDatabase(.sqlite) { database in
            let book = try await book(database)
            let face = TwoFacedLog.face(8)
            _ = try await book.consider(log.request(face, from: 0), from: "here", as: .brought)
            let stranger = try NoteSigner(name: log.verifier.name, key: SigningKey())
            for note in [
                try log.note(TwoFacedLog.face(8, history: "x"), by: stranger), try log.note(TwoFacedLog.face(3), by: stranger),
                try log.note(TwoFacedLog.face(9), origin: "log.example/2"),
            ] {
                let request = WitnessRequest(oldSize: 8, proof: ConsistencyProof([]), note: note)
                let answer = try await book.consider(request, from: "Central", as: .answered(isSecond: true))
                #expect(answer.cosignature == nil && answer.dispute == nil, "\(answer.decision)")
            }
            #expect(try await book.disputes().isEmpty)
        }
    }

    @Test("A log that floods its witness with forks is kept so many of, and each is refused")
    func floods() async throws {
        try await withDatabase(.sqlite) { database in
            let book = try await book(database)
            _ = try await book.consider(log.request(TwoFacedLog.face(2), from: 0), from: "here", as: .brought)
            for number in 0..<WitnessBook.disputesMax + 5 {
                let answer = try await book.consider(
                    log.request(TwoFacedLog.face(2, history: "\(number)"), from: 2), from: "here", as: .brought)
                #expect(answer.cosignature == nil && answer.decision.code == "log.inconsistent")
            }
            #expect(try await book.disputes().count == WitnessBook.disputesMax)
        }
    }

    @Test("A stranger who is always first with a wrong proof does not fill the book")
    func strangersFirst() async throws {
        try await withDatabase(.sqlite) { database in
            let book = try await book(database)
            _ = try await book.consider(log.request(TwoFacedLog.face(2), from: 0), from: "here", as: .brought)
            let last = 2 + WitnessBook.disputesMax + 5
            for size in 3...last {
                let face = TwoFacedLog.face(size)
                let bare = WitnessRequest(oldSize: Int64(size - 1), proof: ConsistencyProof([]), note: try log.note(face))
                #expect(try await book.consider(bare, from: "anybody", as: .brought).dispute != nil)
                #expect(try isCosigned(await book.consider(log.request(face, from: size - 1), from: "here", as: .brought), face))
            }
            #expect(try await book.disputes().count == WitnessBook.disputesMax)
            let rewritten = TwoFacedLog.face(last + 1, history: "other", from: 5)
            let answer = try await book.consider(log.request(rewritten, from: last), from: "Central", as: .brought)
            #expect(answer.dispute?.settled == nil && answer.cosignature == nil)
            #expect(try await book.disputes().last?.dispute.refused == log.note(rewritten))
        }
    }

    @Test("Two processes on one memory never cosign two histories", arguments: TestEngine.allCases)
    func races(engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            let (first, second) = (try await book(database), try await book(database))
            for size in 1...12 {
                let faces = [TwoFacedLog.face(size), TwoFacedLog.face(size, history: "other")]
                let answers = try await withThrowingTaskGroup(of: WitnessAnswer.self) { group in
                    for (book, face) in zip([first, second], faces) {
                        group.addTask { try await book.consider(self.log.request(face, from: 0), from: "here", as: .brought) }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(answers.count { $0.cosignature != nil } <= 1)
                if size == 1 { #expect(answers.contains { $0.cosignature != nil }) }
            }
        }
    }
}
