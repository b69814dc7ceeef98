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

/// An appliance that was enrolled before Central had a log learns the log's key from whom it believes already, once.
@Suite struct LateLogKeyTests {
    /// The state as an enrolment without a log left it.
    private static func forget(_ configuration: ApplianceConfiguration) async throws {
        let database = try SQLiteDatabase(path: configuration.directory.database)
        try await database.write { transaction in
            let text = try #require(try SettingTable.read(.identity, in: transaction))
            let json = try JSONValue(parsing: Array(text.utf8), limits: JSONLimits(bytesMax: 1 << 20))
            guard case .object(var members) = json else { throw DidNotHappen(description: "no identity") }
            members["logKey"] = nil
            try SettingTable.write(
                .identity, String(decoding: try JSONValue.object(members).canonicalBytes(), as: UTF8.self), in: transaction)
        }
        await database.close()
        #expect(!FileManager.default.fileExists(atPath: configuration.directory.witnessKey))
    }

    private func bundles(_ lab: LiedLab) async throws -> [VerifiedBundle] {
        try await LabAppliance.stored(in: lab.context.configuration.directory)
    }

    private func pinned(_ lab: LiedLab) async throws -> NoteVerifier? { try await Identity.load(lab.context.database)?.logKey }

    @Test("It pins the key with its first check-in, says so in evidence, and is a witness from then on, over restarts")
    func learns() async throws {
        try await LiedLab.run(enrolled: Self.forget) { lab in
            #expect(try await lab.context.witness.report() == nil)
            _ = await lab.poll.turn()
            let key = try await lab.central.logTrust().logKeys[0]
            #expect(try await pinned(lab) == key)
            let said = try await bundles(lab).filter { $0.record.note.contains(key.text) && $0.record.note.contains("order key") }
            #expect(said.count == 1)

            try await lab.send()
            try await lab.central.integrateLog()
            _ = await lab.poll.turn()
            let report = try #require(try await lab.context.witness.report())
            #expect(report.size > 0 && report.cosignature != nil)
            _ = await lab.poll.turn()
            let overview = try await lab.central.services.witnesses.overview(.none, signedBefore: lab.clock.now)
            #expect(overview.witnesses.map(\.key) == [report.key] && overview.witnesses.first?.cosigned != nil)
            #expect(try await bundles(lab).count { $0.record.note == WitnessStatement.prefix + report.key } == 1)
            #expect(try await lab.alerts().allSatisfy { !$0.subject.hasPrefix("log") })

            await lab.process.close()
            // The lock lasts as long as this process, which here outlives the appliance.
            try FileManager.default.removeItem(atPath: lab.context.configuration.directory.path + "/lock")
            let again = try await LabAppliance.build(lab.context.configuration, lab.clock.clock, .none)
            #expect(try await again.context.witness.report() == report)
            await again.close()
        }
    }

    @Test("What is not signed by the pinned order key, for this appliance, as a log's key, pins nothing and is an alert until it ends")
    func refuses() async throws {
        try await LiedLab.run(enrolled: Self.forget) { lab in
            let (identity, clock) = (lab.context.identity, lab.clock)
            let keys = await lab.central.services.keys
            let vkey = try await lab.central.logTrust().logKeys[0].text
            func statement(_ appliance: ApplianceID? = nil, site: SiteID? = nil, key: String? = nil) -> LogKeyStatement {
                LogKeyStatement(
                    site: site ?? identity.site, appliance: appliance ?? identity.appliance, key: key ?? vkey, made: clock.now)
            }
            let witness = try NoteVerifier(name: "w", algorithm: .cosignature, key: SigningKey().verifyingKey).text
            let lies: [(String, String)] = [
                (SignedLogKey(signing: statement(), with: SigningKey()).text, "envelope.unknown_key"),
                (SignedLogKey(signing: statement(), with: keys.receipts).text, "envelope.unknown_key"),
                (SignedLogKey(signing: statement(ApplianceID(at: clock.now)), with: keys.orders).text, "log.key_elsewhere"),
                (SignedLogKey(signing: statement(site: SiteID(at: clock.now)), with: keys.orders).text, "log.key_elsewhere"),
                (SignedLogKey(signing: statement(key: "nonsense"), with: keys.orders).text, "log.key_malformed"),
                (SignedLogKey(signing: statement(key: witness), with: keys.orders).text, "log.key_malformed"),
                (
                    try SignedEnvelope(signing: ["schema": "martlet.order/v1", "key": .string(vkey)], with: keys.orders).text,
                    "envelope.wrong_schema"
                ),
                ("{}", "envelope.malformed"),
            ]
            for (text, code) in lies {
                try await shown(text, to: lab)
                #expect(try await pinned(lab) == nil, "\(code)")
                #expect(try await lab.alerts().filter { $0.subject == "log.key" }.map(\.code.description) == [code])
            }
            #expect(try await lab.context.witness.report() == nil)
            // The honest word ends it.
            _ = await lab.poll.turn()
            #expect(try await pinned(lab)?.text == vkey)
            #expect(try await lab.alerts().allSatisfy { $0.subject != "log.key" })
        }
    }

    @Test(
        "A pinned key is never replaced, whoever signs another, whether enrolment or Central's word brought it", arguments: [true, false])
    func keeps(isLate: Bool) async throws {
        try await LiedLab.run(enrolled: { if isLate { try await Self.forget($0) } }) { lab in
            _ = await lab.poll.turn()
            let before = try #require(try await pinned(lab))
            let other = try NoteVerifier(name: "localhost/log", key: SigningKey().verifyingKey).text
            let statement = LogKeyStatement(
                site: lab.context.identity.site, appliance: lab.context.identity.appliance, key: other, made: lab.clock.now)
            let signed = SignedLogKey(signing: statement, with: await lab.central.services.keys.orders).text
            for _ in 0..<2 { try await shown(signed, to: lab) }
            #expect(try await pinned(lab) == before)
            #expect(try await lab.alerts().filter { $0.subject == "log.key" }.map(\.code.description) == ["log.key_pinned"])
            #expect(try await bundles(lab).count { $0.record.outcome.code == "log.key_pinned" } == 1)
            _ = await lab.poll.turn()
            #expect(try await lab.alerts().allSatisfy { $0.subject != "log.key" })
        }
    }

    /// One check-in is answered with this word for the log's key.
    private func shown(_ text: String, to lab: LiedLab) async throws {
        let clock = lab.clock
        try await lab.lied(after: .zero) { path in
            guard path == "/v1/checkin" else { return .http("{}") }
            return .http(
                CheckinReply(
                    received: clock.now, catalogVersion: 0, orders: [], acknowledgedSequence: -1, renewCertificate: false, logKey: text
                ).body)
        } _: {
            _ = await lab.poll.turn()
        }
    }
}
