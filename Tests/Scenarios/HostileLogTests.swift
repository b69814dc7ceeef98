import Appliance
import Central
import Database
import Evidence
import Foundation
import Model
import Seal
import TestSupport
import Testing
import TransparencyLog
import Wire
import Witness

/// Central's log says different things to different people, with its real key. The first honest witness that it meets refuses to cosign,
/// keeps what convicts it, says so in evidence and where people look, and Central hears of it too.
@Suite struct HostileLogTests {
    /// An appliance that has cosigned its Central's honest log once.
    private struct Lab {
        let lied: LiedLab
        let log: TwoFacedLog
        /// What was cosigned.
        let size: Int64

        static func run(_ body: (Lab) async throws -> Void) async throws { try await LiedLab.run { try await body(Lab($0)) } }

        private init(_ lied: LiedLab) async throws {
            self.lied = lied
            _ = await lied.poll.turn()
            try await lied.send()
            try await lied.central.integrateLog()
            _ = await lied.poll.turn()
            let key = try SigningKey(contentsOf: lied.central.directory.path + "/log.key")
            log = try TwoFacedLog("localhost/log", key: key)
            size = try #require(try await lied.context.witness.report()?.size)
            try #require(size > 0)
        }

        var central: LabCentral { lied.central }
        var clock: TestClock { lied.clock }
        var poll: PollService { lied.poll }
        var context: ApplianceContext { lied.context }
        func alerts() async throws -> [AlertTable.Entry] { try await lied.alerts() }

        /// For two check-ins Central shows this instead, again and again.
        func shown(_ request: WitnessRequest, entry: LogProof? = nil, at received: Timestamp? = nil, turns: Int = 2) async throws {
            let (text, clock) = (String(decoding: request.bytes, as: UTF8.self), clock)
            let entry = entry.map { String(decoding: $0.bytes, as: UTF8.self) }
            try await lied.lied(after: .zero) { path in
                guard path == "/v1/checkin" else { return .http("{}") }
                return .http(
                    CheckinReply(
                        received: received ?? clock.now, catalogVersion: 0, orders: [], acknowledgedSequence: -1,
                        renewCertificate: false, log: text,
                        entry: entry
                    ).body)
            } _: {
                for _ in 0..<turns { _ = await poll.turn() }
            }
        }

        func bundles() async throws -> [VerifiedBundle] {
            try await LabAppliance.stored(in: context.configuration.directory)
        }

        /// What a stranger finds who reads the evidence and knows the log's key.
        func notes(in bundle: VerifiedBundle) throws -> [VerifiedCheckpoint] {
            try bundle.record.checkpoints.map { try VerifiedCheckpoint(Array($0.text.utf8), trust: log.trust) }
        }
    }

    @Test(
        "A forked, a shrunk and a rewritten log are refused, kept as proof, alerted at both ends, and said once",
        arguments: ["fork", "shrunk", "unproven"])
    func convicted(kind: String) async throws {
        try await Lab.run { lab in try await convicted(lab, kind) }
    }

    private func convicted(_ lab: Lab, _ kind: String) async throws {
        let size = Int(lab.size)
        let request: WitnessRequest
        switch kind {
        case "fork": request = try await lab.log.request(TwoFacedLog.face(size, history: "other"), from: size)
        case "shrunk": request = try await lab.log.request(TwoFacedLog.face(size - 1), from: 0)
        default: request = try await lab.log.request(TwoFacedLog.face(size + 9, history: "other"), from: size)
        }
        let before = try #require(try await lab.context.witness.report())
        try await lab.shown(request, turns: 3)

        let after = try #require(try await lab.context.witness.report())
        #expect(after.size == before.size && after.cosignature == before.cosignature, "nothing else was cosigned")
        let found = try await lab.alerts().filter { $0.code == "log.inconsistent" }
        #expect(found.count == 1)
        let bundles = try await lab.bundles().filter { $0.record.outcome.code == "log.inconsistent" }
        try #require(bundles.count == 1)
        let notes = try lab.notes(in: bundles[0])
        #expect(notes.count == 2 && notes[0].size == lab.size && notes[1].note.text == request.note.text)
        #expect((notes[0].size == notes[1].size && notes[0].root != notes[1].root) == (kind == "fork"))
        let status = try await StatusReport(lab.context.configuration, database: lab.context.database, at: lab.clock.now)
        #expect(status.needsAttention && status.text.contains("log.inconsistent"))

        // Central is honest again, and is told; what it shows now is cosigned as before.
        _ = await lab.poll.turn()
        let overview = try await lab.central.services.witnesses.overview(.none, signedBefore: lab.clock.now)
        #expect(overview.disputes.map(\.kind) == [kind] && overview.disputes[0].source == "\(lab.context.identity.appliance)")
        #expect(overview.disputes.first?.refused == String(decoding: request.note.bytes, as: UTF8.self))
        _ = await lab.poll.turn()
        #expect(try await lab.central.services.witnesses.overview(.none, signedBefore: lab.clock.now).disputes.count == 1)
        #expect(try await lab.alerts().contains { $0.code == "log.inconsistent" }, "the site's own alert stands")
    }

    @Test(
        "A log that holds together and has not the entries that were promised is an alert, and evidence that it stands there ends it",
        arguments: ["missing", "foreign"])
    func unkept(kind: String) async throws {
        try await Lab.run { lab in
            let newest = try #require(try await lab.central.log(lab.central.services).newest())
            // The log as it was cosigned, whose Central knows that the receipt is old enough.
            let later = WallClock.system.now() + .seconds(120)
            let request = WitnessRequest(oldSize: lab.size, proof: ConsistencyProof([]), note: newest)
            try await lab.shown(request, at: later, turns: 1)
            let index = try #require(try await lab.context.witness.report()?.entry)
            // It is true of the log and says nothing about this appliance's entry; or nothing is said at all.
            let foreign = TwoFacedLog.face(Int(lab.size), history: "foreign")
            let proof = LogProof(index: index, proof: try await foreign.reader.inclusionProof(of: index), note: try lab.log.note(foreign))
            func alerts() async throws -> Int { try await lab.alerts().count { $0.code == "log.entry_missing" } }
            try await lab.shown(request, entry: kind == "foreign" ? proof : nil, at: later, turns: 2)
            #expect(try await alerts() == 0, "a log may be unreadable for a moment")
            try await lab.shown(request, entry: kind == "foreign" ? proof : nil, at: later, turns: 1)
            #expect(try await alerts() == 1)
            #expect(try await lab.bundles().contains { $0.record.outcome.code == "log.entry_missing" })
            // What the appliance itself sent meanwhile may have made the log longer, and it asks for any of its newest entries.
            let log = try await lab.central.log(lab.central.services)
            let (current, honest) = (try await log.consistency(from: lab.size), try await log.proof(of: index))
            for _ in 0..<100 where try await alerts() > 0 { try await lab.shown(current, entry: honest, at: later, turns: 1) }
            #expect(try await alerts() == 0)
        }
    }

    @Test(
        "Another origin, a foreign key and what is no checkpoint are refused and alerted, and held against nobody's key",
        arguments: ["origin", "key", "nonsense"])
    func foreign(kind: String) async throws {
        try await Lab.run { lab in try await foreign(lab, kind) }
    }

    private func foreign(_ lab: Lab, _ kind: String) async throws {
        let face = TwoFacedLog.face(Int(lab.size) + 1)
        let note =
            switch kind {
            case "origin": try lab.log.note(face, origin: "localhost/other")
            case "key": try lab.log.note(face, by: NoteSigner(name: "localhost/log", key: SigningKey()))
            default: try SignedNote(text: "hello\n", signers: [lab.log.signer], at: lab.clock.now)
            }
        let before = try await lab.context.witness.report()
        try await lab.shown(WitnessRequest(oldSize: lab.size, proof: ConsistencyProof([]), note: note))
        #expect(try await lab.context.witness.report() == before)
        let codes = ["origin": "witness.unknown_origin", "key": "witness.bad_signature", "nonsense": "witness.bad_request"]
        #expect(try await lab.alerts().filter { $0.subject == "log" }.map(\.code.description) == [codes[kind]])
        // The next honest checkpoint ends the alert.
        _ = await lab.poll.turn()
        #expect(try await lab.alerts().allSatisfy { $0.subject != "log" })
    }

    @Test("A Central that was restored from an old copy is found out by its first witness, and says so itself")
    func restored() async throws {
        try await Lab.run { lab in try await restored(lab) }
    }

    private func restored(_ lab: Lab) async throws {
        let (path, copy) = (lab.central.directory.path, try TemporaryDirectory())
        await lab.context.central.close()
        try await lab.central.stop()
        try FileManager.default.copyItem(atPath: path, toPath: copy.file("copy"))
        try await lab.central.start()
        try await lab.context.journal.append([lab.context.drafts.system(.observed, note: "after the copy")])
        try await lab.lied.send()
        try await lab.central.integrateLog()
        _ = await lab.poll.turn()
        #expect(try await lab.context.witness.report()?.size ?? 0 > lab.size)

        await lab.context.central.close()
        try await lab.central.stop()
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.copyItem(atPath: copy.file("copy"), toPath: path)
        try await lab.central.start()
        _ = await lab.poll.turn()
        _ = await lab.poll.turn()
        #expect(try await lab.alerts().contains { $0.code == "log.inconsistent" })
        let overview = try await lab.central.services.witnesses.overview(.none, signedBefore: lab.clock.now)
        #expect(overview.disputes.map(\.kind) == ["shrunk"])
        let newest = try #require(overview.newest)
        #expect(overview.witnesses.contains { $0.size > newest.checkpoint.size })
    }

    @Test("An honest log is cosigned by its appliance, whose evidence names the key, and Central publishes the cosignature")
    func honest() async throws {
        try await Lab.run { lab in try await honest(lab) }
    }

    private func honest(_ lab: Lab) async throws {
        let report = try #require(try await lab.context.witness.report())
        let key = try NoteVerifier(report.key)
        #expect(key.name == "\(lab.context.identity.appliance)/witness")
        let stated = try await lab.bundles().filter { $0.record.note == WitnessStatement.prefix + report.key }
        #expect(stated.count == 1 && stated[0].record.kind == .system)
        _ = await lab.poll.turn()
        let reader = try await lab.central.log(lab.central.services)
        let note = try #require(try await reader.newest(cosignedBy: [key]))
        let verified = try VerifiedCheckpoint(note, trust: LogTrust(logKeys: [lab.log.verifier], witnesses: [key]))
        #expect(verified.size == lab.size && verified.cosignatures.count == 1)
        let mode = try FileManager.default.attributesOfItem(atPath: lab.context.configuration.directory.witnessKey)[.posixPermissions]
        #expect(mode as? Int == 0o600)
    }
}
