import Central
import Database
import Evidence
import Foundation
import Model
import Reports
import Seal
import TestSupport
import Testing
import TransparencyLog
import Wire

/// `martlet evidence proof` and `martlet central log`, judged from outside.
@Suite struct EvidenceProofTests {
    /// The box of a site with five bundles, and a witness that may have cosigned the checkpoint over them.
    private static func run(
        _ engine: TestEngine = .sqlite, isWitnessed: Bool, _ body: (CentralUnderTest, Box, NoteSigner, [SignedBundle]) async throws -> Void
    ) async throws {
        // The command line has no clock but the machine's: what was signed is a day old.
        let clock = TestClock(at: WallClock.system.now() - .seconds(86_400))
        let witness = try NoteSigner(name: "w.example", algorithm: .cosignature, key: SigningKey())
        try await CentralUnderTest.run(
            engine, clock: clock,
            change: {
                $0.clientCertificateLifetime = .seconds(86_400 * 30)
                // Nobody is there: what it cosigns the test brings.
                $0.logWitnesses = [try! ConfiguredWitness("http://127.0.0.1:9 \(witness.verifier.text)")]
                $0.logQuorum = 1
            }, hasRecurringWork: false
        ) { central in
            var box = try await enrolledBox(at: central)
            let bundles = try box.makeBundles(5, at: central.clock.now)
            _ = try await box.submit(bundles, to: central)
            try await central.process.integrateLog()
            if isWitnessed { try await cosign(witness, central, box) }
            try await body(central, box, witness, bundles)
        }
    }

    private static func cosign(_ witness: NoteSigner, _ central: CentralUnderTest, _ box: Box) async throws {
        func checkin(_ report: WitnessReport) async throws -> CheckinReply {
            let request = CheckinRequest(
                sent: central.clock.now, softwareVersion: "0.1.0", catalogVersion: 0, chainHead: box.next - 1, queued: 0, openIncidents: 0,
                isPaused: false, clock: .unknown, witness: report)
            return try CheckinReply(
                body: await central.send("POST", "/v1/checkin", to: .appliances, body: request.body, as: box.identity).body)
        }
        let own = try NoteSigner(name: "\(#require(box.grant).appliance)/witness", algorithm: .cosignature, key: SigningKey())
        let reply = try await checkin(WitnessReport(key: own.verifier.text, size: -1, cosignature: nil, dispute: nil))
        let note = try WitnessRequest(Array(#require(reply.log).utf8)).note
        let (size, line) = (try Checkpoint(text: note.text).size, witness.sign(Array(note.text.utf8), at: central.clock.now).line)
        // As the pusher stores what a witness answers.
        try await central.services.database.write { transaction in
            try transaction.execute("DELETE FROM log_witness WHERE vkey = \(witness.verifier.text)")
            try transaction.execute(
                """
                INSERT INTO log_witness (vkey, name, appliance_id, size, seen_at)
                VALUES (\(witness.verifier.text), 'w.example', NULL, \(size), \(central.clock.now.milliseconds))
                """)
            try transaction.execute(
                """
                INSERT INTO log_cosignature (size, vkey, line, received_at)
                VALUES (\(size), \(witness.verifier.text), \(line), \(central.clock.now.milliseconds))
                """)
        }
    }

    private func judge(_ keys: String, _ entry: String, _ proof: String) throws -> String {
        try runCommand(repositoryRoot + "/scripts/checks/tlog-check", ["proof", keys, entry, proof])
    }

    @Test("One bundle's proof, from the database or out of a kit, stands alone, and Go's packages verify it with its cosignature")
    func proves() async throws {
        try await Self.run(isWitnessed: true) { central, box, witness, bundles in
            let directory = try TemporaryDirectory()
            let kit = directory.file("kit.zip")
            let site = try #require(box.grant).site
            let packets = PacketService(central.services, central.configuration)
            _ = try await packets.write(site, to: kit, for: CentralUnderTest.person)
            let logKey = try NoteVerifier(#require(box.grant?.logKey))
            let keys = directory.file("keys")
            try Data("\(logKey.text)\n\(witness.verifier.text)\n".utf8).write(to: URL(fileURLWithPath: keys))
            let program = MartletProgram(central.configuration)
            let appliance = try #require(box.grant).appliance
            let id = try VerifiedBundle(
                bundles[3], keys: [EnrolledKey(key: box.evidenceKey.verifyingKey, validFrom: .init(milliseconds: 0), validUntil: nil)]
            )
            .record.id
            for (number, arguments) in [
                ["--bundle", "\(id)"], ["--bundle", "\(appliance)/3"], [kit, "--bundle", "\(id)"], [kit, "--bundle", "\(appliance)/3"],
                [kit, "--bundle", "\(appliance)/3", "--log", logKey.text],
            ].enumerated() {
                let (proof, entry) = (directory.file("\(number).tlog-proof"), directory.file("\(number).entry"))
                let answer = try await program.run(["evidence", "proof"] + arguments + ["--output", proof, "--entry", entry])
                #expect(answer.status == 0, "\(arguments): \(answer.errors)")
                let wanted = LogEntry(document: Digest(of: bundles[3].bytes), signer: box.evidenceKey.verifyingKey)
                let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: entry)))
                #expect(bytes == wanted.bytes)
                #expect(try judge(keys, entry, proof).contains("known and unknown signatures: 2, "))
                let other = directory.file("other")
                try Data(LogEntry(document: Digest(of: bundles[2].bytes), signer: box.evidenceKey.verifyingKey).bytes)
                    .write(to: URL(fileURLWithPath: other))
                #expect(throws: CommandFailed.self) { try judge(keys, other, proof) }
            }
            // To standard output the proof alone.
            let printed = try await program.run("evidence", "proof", kit, "--bundle", "\(appliance)/0")
            let read = try LogProof(Array(printed.output.utf8))
            let first = LogEntry(document: Digest(of: bundles[0].bytes), signer: box.evidenceKey.verifyingKey)
            #expect(try read.verify(leaf: first.leafHash, trust: LogTrust(logKeys: [logKey])).index == read.index)

            let stranger = try NoteVerifier(name: logKey.name, key: SigningKey().verifyingKey).text
            for (arguments, code) in [
                ([kit, "--bundle", "\(appliance)/5"], "kit.proof.not_in_kit"), (["--bundle", "\(appliance)/5"], "not_found"),
                ([kit, "--bundle", "\(appliance)/3", "--log", stranger], "log.untrusted_key"),
                ([keys, "--bundle", "\(appliance)/3"], "kit."),
            ] {
                let answer = try await program.run(["evidence", "proof"] + arguments)
                #expect(answer.status == 1 && answer.errors.contains(code) && answer.output.isEmpty, "\(arguments): \(answer)")
            }
            #expect(try await program.run("evidence", "proof", "--bundle", "nonsense").status == 64)
        }
    }

    @Test("A proof that too few witnesses cosigned is written, and says so by exit code 2")
    func withoutWitnesses() async throws {
        try await Self.run(isWitnessed: false) { central, box, _, bundles in
            let program = MartletProgram(central.configuration)
            let appliance = try #require(box.grant).appliance
            let answer = try await program.run("evidence", "proof", "--bundle", "\(appliance)/4")
            #expect(answer.status == 2 && answer.errors.hasPrefix("log.quorum: 0 witnesses"), "\(answer)")
            let logKey = try NoteVerifier(#require(box.grant?.logKey))
            let entry = LogEntry(document: Digest(of: bundles[4].bytes), signer: box.evidenceKey.verifyingKey)
            _ = try LogProof(Array(answer.output.utf8)).verify(leaf: entry.leafHash, trust: LogTrust(logKeys: [logKey]))
        }
    }

    @Test("`martlet central log` names the log and its witnesses, and ends with 2 when they are missing", arguments: TestEngine.allCases)
    func log(engine: TestEngine) async throws {
        try await Self.run(engine, isWitnessed: false) { central, box, witness, _ in
            let program = MartletProgram(central.configuration)
            let logKey = try #require(box.grant?.logKey)
            let missing = try await program.run("central", "log")
            #expect(missing.status == 2, "\(missing)")
            for line in [
                "origin     localhost/log\n", "key        \(logKey)\n", "size       5\n", "signed     ", "ALERT      log.quorum: ",
                "ALERT      log.witness_silent: w.example at http://127.0.0.1:9 has never answered.\n",
            ] { #expect(missing.output.contains(line), "\(line) in \(missing.output)") }

            try await Self.cosign(witness, central, box)
            let well = try await program.run("central", "log")
            #expect(well.status == 0 && !well.output.contains("ALERT") && well.output.contains("w.example"), "\(well)")

            // A database from before what it has cosigned.
            try await central.services.database.write { try $0.execute("UPDATE log_witness SET size = 9 WHERE name = 'w.example'") }
            let rolledBack = try await program.run("central", "log")
            #expect(rolledBack.status == 2 && rolledBack.output.contains("ALERT      log.rolled_back: w.example"), "\(rolledBack)")
        }
    }
}
