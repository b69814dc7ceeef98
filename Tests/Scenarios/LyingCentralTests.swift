import Appliance
import Catalog
import Central
import Database
import Evidence
import Foundation
import Healing
import Logging
import Model
import Seal
import Synchronization
import TestSupport
import Testing
import Wire

/// Central, or what stands in its place with a certificate of its authority, answers wrongly. The appliance goes on, loses nothing, uses
/// nothing of it, says what it did not do with a stable code, and works with the next honest answer.
@Suite struct LyingCentralTests {
    /// One line with this message, a code and one sentence.
    private func expectLine(_ lines: [RecordingLog.Line], _ message: String, _ code: String, _ what: String) {
        let found = lines.filter { $0.message == message }
        #expect(found.map { $0.metadata["code"] } == [code], "\(what): \(lines)")
        let sentence = found.first?.metadata["error"] ?? ""
        #expect(sentence.hasSuffix(".") && !sentence.contains("\n") && sentence.utf8.count < 400, "\(what): \(sentence)")
    }

    private static let answered =
        #"{"acknowledgedSequence":-1,"catalogVersion":0,"orders":[],"received":"2026-01-01T00:00:00.000Z","renewCertificate":false}"#

    /// What, the answer to every request, and the code in the log.
    private static let brokenAnswers: [(String, LyingCentral.Answer, String)] = {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        func reply(_ text: String) -> LyingCentral.Answer { .http(text) }
        return [
            ("garbage", .raw("\u{1}\u{2}\u{3} garbage\r\n\r\n"), "central.malformed"),
            ("closed at once", .raw(""), "central.unreachable"),
            ("endless head", LyingCentral.Answer(bytes: Array(head.utf8), end: .endless(Array("X-A: 1\r\n".utf8))), "central.malformed"),
            ("not JSON", reply("no json"), "central.malformed"),
            ("empty", reply(""), "central.malformed"),
            ("truncated JSON", reply(String(answered.dropLast(10))), "central.malformed"),
            ("cut off", .raw(head + "Content-Length: 5000\r\n\r\n" + answered), "central.unreachable"),
            ("a page", .http("<html>Sign in to the guest network</html>", type: "text/html"), "central.malformed"),
            ("a picture", .http([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], type: "image/png"), "central.malformed"),
            ("nested", reply(String(repeating: "[", count: 100_000)), "central.malformed"),
            ("nested in a field", reply(#"{"orders":"# + String(repeating: "[", count: 200) + "}"), "central.malformed"),
            ("wrong type", reply(answered.replacingOccurrences(of: "[]", with: "{}")), "central.malformed"),
            ("wrong type of a number", reply(answered.replacingOccurrences(of: "-1", with: "\"-1\"")), "central.malformed"),
            ("a number out of range", reply(answered.replacingOccurrences(of: "-1", with: "-2")), "central.malformed"),
            ("no such time", reply(answered.replacingOccurrences(of: "2026-01", with: "2026-13")), "central.malformed"),
            ("a field twice", reply(answered.replacingOccurrences(of: "{", with: #"{"orders":[],"#)), "central.malformed"),
            (
                "21 orders",
                reply(answered.replacingOccurrences(of: "[]", with: "[\(Array(repeating: "\"\"", count: 21).joined(separator: ","))]")),
                "central.malformed"
            ),
            (
                "an order too large",
                reply(answered.replacingOccurrences(of: "[]", with: "[\"\(String(repeating: "x", count: 300_000))\"]")), "central.malformed"
            ),
            (
                "without end",
                LyingCentral.Answer(bytes: Array((head + "\r\n").utf8), end: .endless([UInt8](repeating: 32, count: 65_536))),
                "central.oversize"
            ),
            ("too long", .http([UInt8](repeating: 32, count: CheckinReply.bytesMax + 1)), "central.oversize"),
            ("elsewhere", .http("", status: "302 Found", headers: "Location: https://127.0.0.1:1/v1/checkin\r\n"), "central.refused"),
            ("elsewhere for good", .http("", status: "308 Permanent Redirect", headers: "Location: /v1/other\r\n"), "central.refused"),
            ("500", .http("x", status: "500 Internal Server Error"), "central.refused"),
            ("503", .http("", status: "503 Service Unavailable", headers: "Retry-After: 99999999999999999999\r\n"), "central.refused"),
            ("429", .http("{\"code\":\"x\u{1}y\"}", status: "429 Too Many Requests", headers: "Retry-After: -1\r\n"), "central.refused"),
            ("404", .http("<html>", status: "404 Not Found"), "central.refused"),
            ("nothing", .raw("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"), "central.malformed"),
        ]
    }()

    @Test("Whatever a check-in or a push is answered, it is said with its code, nothing changes, and the next honest answer works")
    func answersWrongly() async throws {
        try await LiedLab.run { lab in try await answersWrongly(lab) }
    }

    private func answersWrongly(_ lab: LiedLab) async throws {
        for (what, answer, code) in Self.brokenAnswers {
            try await lab.context.journal.append([lab.context.drafts.system(.observed, note: what)])
            let (before, checkedIn) = (try await lab.stored(), try await lab.lastCheckin())
            try await lab.lied({ _ in answer }) {
                expectLine(try await lab.lines { await lab.poll.turn() }, "check-in failed", code, what)
                let stillCheckedIn = try await lab.lastCheckin()
                #expect(stillCheckedIn == checkedIn, "\(what)")
                expectLine(try await lab.lines { await lab.push.turn() }, "evidence not sent", code, what)
                let queued = try await lab.queued()
                #expect(queued >= 1, "\(what)")
            }
            var said = try await lab.lines { await lab.poll.turn() }
            said += try await lab.lines { await lab.push.turn() }
            // But that the test's clock runs ahead of Central's.
            let warnings = said.filter { $0.level >= .warning && $0.metadata["subject"] != "clock" }
            #expect(warnings.isEmpty, "\(what)")
            #expect(try await lab.lastCheckin() != checkedIn, "\(what)")
            let after = try await lab.stored()
            #expect(after.prefix(before.count).map(\.digest) == before.map(\.digest), "\(what)")
            #expect(try await lab.queued() == 0, "\(what)")
        }
        let (ours, held) = (try await lab.stored(), try await lab.central.evidence(of: lab.site))
        #expect(isChain(held) && held.map(\.digest) == ours.map(\.digest))
    }

    @Test("A receipt that is false in any way settles nothing, and the true one does")
    func falseReceipts() async throws {
        try await LiedLab.run { lab in try await falseReceipts(lab) }
    }

    private func falseReceipts(_ lab: LiedLab) async throws {
        let (identity, key) = (lab.context.identity, await lab.central.services.keys.receipts)
        enum Lie: CaseIterable {
            case head, beyond, appliance, site, key, unsent, gap, text, large, neither, refused, acknowledged, order, sparse, twice
        }
        for lie in Lie.allCases {
            try await lab.context.journal.append((0..<3).map { lab.context.drafts.system(.observed, note: "\(lie) \($0)") })
            let batch = try await lab.context.database.read { try EvidenceTable.waiting(count: 500, bytesMax: 1 << 20, in: $0) }
            let (first, last) = (try #require(batch.first), try #require(batch.last))
            func receipt(
                site: SiteID = identity.site, appliance: ApplianceID = identity.appliance, _ from: Int64 = first.sequence,
                _ to: Int64 = last.sequence, head: Digest = last.digest, by signer: SigningKey = key,
                logged: [LogRun]? = nil
            ) -> String {
                SignedReceipt(
                    signing: Receipt(
                        site: site, appliance: appliance, firstSequence: from, lastSequence: to, head: head, received: lab.clock.now,
                        logged: logged ?? [LogRun(sequence: from, index: 1_000_000, count: to - from + 1)]),
                    with: signer
                ).text
            }
            let held = first.sequence - 1
            let (reply, code): (EvidenceReply, String) =
                switch lie {
                case .head:
                    (
                        .init(receipt: receipt(head: first.digest), refusal: nil, acknowledgedSequence: last.sequence),
                        "central.contradiction"
                    )
                case .beyond:
                    (
                        .init(receipt: receipt(first.sequence, last.sequence + 5), refusal: nil, acknowledgedSequence: held),
                        "central.receipt_invalid"
                    )
                case .appliance:
                    (
                        .init(receipt: receipt(appliance: ApplianceID(at: lab.clock.now)), refusal: nil, acknowledgedSequence: held),
                        "central.receipt_invalid"
                    )
                case .site:
                    (
                        .init(receipt: receipt(site: SiteID(at: lab.clock.now)), refusal: nil, acknowledgedSequence: held),
                        "central.receipt_invalid"
                    )
                case .key: (.init(receipt: receipt(by: SigningKey()), refusal: nil, acknowledgedSequence: held), "central.receipt_invalid")
                case .unsent:
                    (
                        .init(receipt: receipt(0, max(0, held), head: .genesis), refusal: nil, acknowledgedSequence: held),
                        "central.receipt_invalid"
                    )
                case .gap:
                    (.init(receipt: receipt(first.sequence + 1), refusal: nil, acknowledgedSequence: held), "central.receipt_invalid")
                case .text: (.init(receipt: "{}", refusal: nil, acknowledgedSequence: held), "central.receipt_invalid")
                case .large:
                    (
                        .init(receipt: String(repeating: "x", count: SignedReceipt.bytesMax + 1), refusal: nil, acknowledgedSequence: held),
                        "central.malformed"
                    )
                case .neither: (.init(receipt: nil, refusal: nil, acknowledgedSequence: held), "central.malformed")
                case .refused:
                    (
                        .init(
                            receipt: nil, refusal: .init(sequence: first.sequence, code: "chain.fork", sentence: "No."),
                            acknowledgedSequence: held), "central.contradiction"
                    )
                case .acknowledged:
                    (.init(receipt: nil, refusal: nil, acknowledgedSequence: last.sequence + 1_000), "central.contradiction")
                case .order:
                    // Signed by a key of Central's, but for something else.
                    (
                        .init(
                            receipt: receipt(by: await lab.central.services.keys.orders), refusal: nil, acknowledgedSequence: held),
                        "central.receipt_invalid"
                    )
                case .sparse:
                    (
                        .init(
                            receipt: receipt(logged: [LogRun(sequence: first.sequence, index: 1_000_000, count: 1)]), refusal: nil,
                            acknowledgedSequence: last.sequence), "central.log_places"
                    )
                case .twice:
                    // Places that earlier receipts gave to other bundles.
                    (
                        .init(
                            receipt: receipt(
                                logged: [LogRun(sequence: first.sequence, index: 0, count: last.sequence - first.sequence + 1)]),
                            refusal: nil, acknowledgedSequence: last.sequence), "central.log_places"
                    )
                }
            let body = reply.body
            try await lab.lied({ _ in .http(body) }) {
                expectLine(try await lab.lines { await lab.push.turn() }, "evidence not sent", code, "\(lie)")
                // An alert about it may have come to it.
                let waiting = try await lab.context.database.read { try EvidenceTable.waiting(count: 500, bytesMax: 1 << 20, in: $0) }
                #expect(waiting.prefix(batch.count).map(\.digest) == batch.map(\.digest), "\(lie)")
                let receipts = try await lab.context.database.read {
                    try $0.query("SELECT count(*) FROM receipt WHERE last_sequence >= \(first.sequence)")[0].integer(0)
                }
                #expect(receipts == 0, "\(lie)")
            }
            let said = try await lab.lines { await lab.push.turn() }
            #expect(try await lab.queued() == 0, "\(lie): \(said)")
        }
        let (ours, held) = (try await lab.stored(), try await lab.central.evidence(of: lab.site))
        #expect(isChain(held) && held.map(\.digest) == ours.map(\.digest))
        let alerts = try await lab.context.database.read { try AlertTable.all(in: $0) }
        #expect(alerts.isEmpty)
    }

    @Test("A catalog that is garbage, foreign, older, cut or too large leaves the one in force; the true one is taken afterwards")
    func falseCatalogs() async throws {
        try await LiedLab.run { lab in try await falseCatalogs(lab) }
    }

    private func falseCatalogs(_ lab: LiedLab) async throws {
        let key = try #require(await lab.central.services.keys.catalogSigner)
        func pack(_ version: Int64, by key: SigningKey) throws -> [UInt8] {
            CatalogPack.sign(try CatalogPack.encode(LabCatalog.make(version: version, file: "/nothing"), schema: .code()), with: key)
        }
        var version: Int64 = 2
        try await lab.central.publish(LabCatalog.make(version: version, file: "/nothing"))
        _ = await lab.poll.turn()
        #expect(lab.context.catalog.stamp.version == 2)
        let genuine = try pack(3, by: key)
        let lies: [(String, LyingCentral.Answer, String)] = [
            ("garbage", .http([UInt8](repeating: 0xfe, count: 5_000)), "json.not_utf8"),
            ("empty", .http(""), "json.syntax"),
            ("older, truly signed", .http(try pack(1, by: key)), "central.malformed"),
            ("another, truly signed", .http(try pack(1_000, by: key)), "central.malformed"),
            ("foreign key", .http(try pack(3, by: SigningKey())), "envelope.unknown_key"),
            ("truncated", .http(Array(genuine.prefix(genuine.count / 2))), "json.syntax"),
            (
                "cut off",
                LyingCentral.Answer(
                    bytes: Array("HTTP/1.1 200 OK\r\nContent-Length: \(genuine.count)\r\n\r\n".utf8) + genuine.prefix(1_000)),
                "central.unreachable"
            ),
            (
                "without end",
                LyingCentral.Answer(bytes: Array("HTTP/1.1 200 OK\r\n\r\n".utf8), end: .endless([UInt8](repeating: 32, count: 262_144))),
                "central.oversize"
            ),
            ("an error", .http("", status: "503 Service Unavailable", headers: "Retry-After: 5\r\n"), "central.refused"),
            ("elsewhere", .http("", status: "302 Found", headers: "Location: https://127.0.0.1:1/\r\n"), "central.refused"),
        ]
        for (what, answer, code) in lies {
            version += 1
            let promised = Self.answered.replacingOccurrences(of: "\"catalogVersion\":0", with: "\"catalogVersion\":\(version)")
            try await lab.lied({ $0.hasPrefix("/v1/catalog/") ? answer : .http(promised) }) {
                let lines = try await lab.lines { await lab.poll.turn() }
                #expect(
                    lines.contains { $0.level >= .warning && $0.metadata["code"] == code && $0.metadata["subject"] != "clock" },
                    "\(what): \(lines)")
                #expect(lab.context.catalog.stamp.version == version - 1, "\(what)")
            }
            let stored = try await lab.context.database.read { try CatalogTable.active(in: $0) }
            #expect(stored?.version == version - 1 && lab.context.catalog.stamp.version == version - 1, "\(what)")
            // The same number, now true.
            try await lab.central.publish(LabCatalog.make(version: version, file: "/nothing"))
            let said = try await lab.lines { await lab.poll.turn() }
            #expect(lab.context.catalog.stamp.version == version, "\(what): \(said)")
        }
        let alerts = try await lab.context.database.read { try AlertTable.all(in: $0) }
        #expect(!alerts.contains { $0.subject == "catalog" })
        // Truly signed, but another text of the same catalog: refused for good, with its reason, and the one in force stays.
        let plain = try CatalogPack.encode(LabCatalog.make(version: version + 1, file: "/nothing"), schema: .code())
        let spaced = CatalogPack.sign(plain + [0x0a], with: key)
        let offered = Self.answered.replacingOccurrences(of: "\"catalogVersion\":0", with: "\"catalogVersion\":\(version + 1)")
        try await lab.lied({ $0.hasPrefix("/v1/catalog/") ? .http(spaced) : .http(offered) }) {
            _ = await lab.poll.turn()
            let raised = try await lab.context.database.read { try AlertTable.all(in: $0) }
            #expect(raised.contains { $0.subject == "catalog" && $0.code == "envelope.not_canonical" }, "\(raised)")
            #expect(lab.context.catalog.stamp.version == version)
        }
        version += 2
        try await lab.central.publish(LabCatalog.make(version: version, file: "/nothing"))
        _ = await lab.poll.turn()
        #expect(lab.context.catalog.stamp.version == version)
        // An honest-looking answer that names an older one changes nothing.
        let older = Self.answered.replacingOccurrences(of: "\"catalogVersion\":0", with: "\"catalogVersion\":1")
        let asked = AskedPaths()
        try await lab.lied({ path in
            asked.add(path)
            return .http(older)
        }) { _ = await lab.poll.turn() }
        #expect(asked.all == ["/v1/checkin"] && lab.context.catalog.stamp.version == version)
    }

    @Test("A server that never answers, or only byte by byte, holds a call no longer than its deadline")
    func slowAnswers() async throws {
        try await LiedLab.run { lab in try await slowAnswers(lab) }
    }

    private func slowAnswers(_ lab: LiedLab) async throws {
        let authority = await lab.central.services.keys.authority.pem
        let request = EvidenceSubmission(bundles: [])
        for end in [LyingCentral.Answer.End.silence, .trickle(Array("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n".utf8))] {
            let liar = try await LyingCentral(lab.central.directory.path) { _ in LyingCentral.Answer(bytes: [], end: end) }
            let client = try CentralClient(base: liar.url, credential: nil, authority: authority, deadline: .milliseconds(1_500))
            let began = ContinuousClock.now
            let error = await #expect(throws: CentralLinkError.self) { _ = try await client.submit(request) }
            // Without the close, which may wait for the other side's.
            let span = ContinuousClock.now - began
            await client.close()
            #expect(error?.code == "central.timed_out")
            #expect(span < .seconds(10))
            try await liar.stop()
        }
    }
}

/// In the order in which they were asked for.
private final class AskedPaths: Sendable {
    private let paths = Mutex<[String]>([])
    func add(_ path: String) { paths.withLock { $0.append(path) } }
    var all: [String] { paths.withLock { $0 } }
}

extension LiedLab {
    /// What a turn logs, made again where only this machine was too busy to be in time.
    fileprivate func lines(of turn: () async -> Duration) async throws -> [RecordingLog.Line] {
        var lines: [RecordingLog.Line] = []
        try await eventually("an answer in time") {
            _ = await turn()
            lines = log.take()
            guard lines.contains(where: { $0.metadata["code"] == "central.timed_out" }) else { return true }
            clock.advance(by: .seconds(901))
            return false
        }
        return lines
    }

    fileprivate func stored() async throws -> [EvidenceTable.Stored] { try await context.database.read { try EvidenceTable.all(in: $0) } }
    fileprivate func lastCheckin() async throws -> String? {
        try await context.database.read { try SettingTable.read(.lastCheckin, in: $0) }
    }
}
