import Evidence
import Model
import Seal
import Testing
import Wire

@Suite struct MessagesTests {
    static let now = Timestamp(milliseconds: 1_795_000_000_123)
    static let site = SiteID(at: now)
    static let appliance = ApplianceID(at: now)

    static let messages: [any WireMessage & Hashable] = [
        EnrollmentRequest(
            claimSecret: "ABCDEFGHJKMN", signingRequest: "-----BEGIN…", evidenceKey: [UInt8](repeating: 1, count: 32),
            sealingKey: [UInt8](repeating: 2, count: 32), hostname: "box-1", softwareVersion: "0.1",
            proof: [UInt8](repeating: 7, count: 64)),
        EnrollmentGrant(
            organization: OrganizationID(at: now), site: site, appliance: appliance, certificate: "c", authority: "a",
            orderKey: [UInt8](repeating: 3, count: 32), receiptKey: [UInt8](repeating: 4, count: 32),
            catalogKey: [UInt8](repeating: 5, count: 32), applianceURL: "https://central.example:8443", logKey: "log.example+00+AA=="),
        CheckinRequest(
            sent: now, softwareVersion: "0.1", catalogVersion: 3, chainHead: -1, queued: 4, openIncidents: 5, isPaused: true,
            clock: .unknown),
        CheckinRequest(
            sent: now, softwareVersion: "0.1", catalogVersion: 3, chainHead: 0, queued: 4, openIncidents: 5, isPaused: false,
            clock: .unknown,
            witness: WitnessReport(
                key: "w+0+A", size: -1, cosignature: "\u{2014} w AA==\n",
                dispute: DisputeReport(kind: "fork", cosigned: "a\n", refused: "b\n", seen: now), entry: 7)),
        CheckinReply(
            received: now, catalogVersion: 0, orders: ["{}", "é"], acknowledgedSequence: 12, renewCertificate: true, log: "old 0\n",
            entry: "c2sp\n"),
        OrderReport(order: OrderID(at: now), state: .completed, code: nil, evidenceSequence: 12),
        OrderReport(order: OrderID(at: now), state: .rejected, code: "order.expired", evidenceSequence: nil),
        EvidenceSubmission(bundles: [SignedBundle(bytes: [1, 2, 3], signature: [UInt8](repeating: 9, count: 64))]),
        EvidenceReply(
            receipt: "{}", refusal: EvidenceReply.Refusal(sequence: 7, code: "chain.gap", sentence: "…"), acknowledgedSequence: 6),
        EvidenceReply(receipt: nil, refusal: nil, acknowledgedSequence: -1),
        CertificateRequest(signingRequest: "r"),
        CertificateGrant(certificate: "c", authority: "a"),
        Receipt(
            site: site, appliance: appliance, firstSequence: 3, lastSequence: 3, head: Digest(of: [1]), received: now,
            logged: [LogRun(sequence: 3, index: 40, count: 1)]),
        RecoveryRequest(appliance: appliance, signingRequest: "r", made: now, nonce: "00112233445566778899aabbccddeeff"),
    ]

    func refusal<Message: WireMessage>(_ body: [UInt8], _ type: Message.Type) -> Code? {
        do throws(WireError) {
            _ = try Message(body: body)
            return nil
        } catch {
            return error.code
        }
    }

    @Test("Every message reads back from its body", arguments: messages.indices)
    func roundTrips(index: Int) throws {
        func check<Message: WireMessage & Hashable>(_ message: Message) throws { #expect(try Message(body: message.body) == message) }
        try check(Self.messages[index])
    }

    @Test("A later version's member is skipped, a wrong type and a cut body are refused", arguments: messages.indices)
    func judgesMembers(index: Int) throws {
        func check<Message: WireMessage & Hashable>(_ message: Message) throws {
            var members = try #require(message.json.object)
            members["later"] = ["x": 1]
            #expect(try Message(json: .object(members)) == message)
            for name in members.keys where name != "later" {
                var edited = members
                edited[name] = .number(0.5)
                #expect(throws: WireError.self, "\(name)") { try Message(json: .object(edited)) }
            }
            #expect(refusal(Array(message.body.dropLast()), Message.self) == "wire.not_json")
            #expect(refusal([UInt8](repeating: 0x20, count: Message.bytesMax + 1), Message.self) == "wire.too_large")
            for text in ["null", "[]", "\"x\"", "{}"] { #expect(refusal(Array(text.utf8), Message.self) == "wire.field") }
        }
        try check(Self.messages[index])
    }

    @Test("Limits: as many as allowed pass, one more is refused")
    func keepsLimits() throws {
        let bundle = SignedBundle(bytes: [1], signature: [UInt8](repeating: 9, count: 64))
        func submission(_ count: Int) -> [UInt8] { EvidenceSubmission(bundles: Array(repeating: bundle, count: count)).body }
        #expect(refusal(submission(500), EvidenceSubmission.self) == nil)
        #expect(refusal(submission(501), EvidenceSubmission.self) == "wire.field")
        let large = SignedBundle(bytes: [UInt8](repeating: 1, count: SignedBundle.bytesMax), signature: bundle.signature)
        #expect(refusal(EvidenceSubmission(bundles: Array(repeating: large, count: 16)).body, EvidenceSubmission.self) == nil)
        let larger = SignedBundle(bytes: large.bytes + [1], signature: bundle.signature)
        #expect(refusal(EvidenceSubmission(bundles: [larger]).body, EvidenceSubmission.self) == "wire.field")
        let short = SignedBundle(bytes: [1], signature: [UInt8](repeating: 9, count: 63))
        #expect(refusal(EvidenceSubmission(bundles: [short]).body, EvidenceSubmission.self) == "wire.field")
        func reply(_ orders: Int) -> [UInt8] {
            let texts = Array(repeating: "{}", count: orders)
            return CheckinReply(received: Self.now, catalogVersion: 0, orders: texts, acknowledgedSequence: -1, renewCertificate: false)
                .body
        }
        #expect(refusal(reply(20), CheckinReply.self) == nil)
        #expect(refusal(reply(21), CheckinReply.self) == "wire.field")
    }

    @Test("A receipt opens with its key only, and says what was signed")
    func opensReceipts() throws {
        let key = SigningKey()
        let receipt = Receipt(
            site: Self.site, appliance: Self.appliance, firstSequence: 0, lastSequence: 9, head: Digest(of: [7]), received: Self.now,
            logged: [LogRun(sequence: 0, index: 4, count: 3), LogRun(sequence: 3, index: 11, count: 7)])
        let text = SignedReceipt(signing: receipt, with: key).text
        #expect(try SignedReceipt(opening: text, keys: [key.verifyingKey]).receipt == receipt)
        #expect(throws: EnvelopeError.unknownKey(key.id)) { try SignedReceipt(opening: text, keys: [SigningKey().verifyingKey]) }
        let other = try SignedEnvelope(signing: ["schema": "martlet.order/v1"], with: key).text
        #expect(throws: EnvelopeError.wrongSchema(expected: Receipt.schema)) { try SignedReceipt(opening: other, keys: [key.verifyingKey]) }
    }
}

@Suite struct ClaimCodeTests {
    @Test("A code reads back however a person types it")
    func readsBack() throws {
        let code = ClaimCode(authority: Digest(of: [1, 2, 3]))
        #expect(code.text.count == 29)
        #expect(code.secret.count == 12 && code.fingerprint.count == 13)
        for typed in [code.text, code.text.lowercased(), code.text.replacing("-", with: ""), " \(code.text.replacing("-", with: " "))\n"] {
            #expect(try ClaimCode(typed) == code)
        }
        #expect(try ClaimCode("OIL00-00000-00000-00000-00000") == ClaimCode("01100-00000-00000-00000-00000"))
        #expect("\(code)" == "<redacted>")
    }

    @Test("The fingerprint is the leading 65 bits: any of them changed, it matches no more; the 66th is not in it")
    func comparesSixtyFiveBits() throws {
        let authority = Digest(of: [4, 5, 6])
        let code = ClaimCode(authority: authority)
        #expect(code.matches(authority: authority))
        for bit in 0..<66 {
            var bytes = authority.bytes
            bytes[bit / 8] ^= 0x80 >> UInt8(bit % 8)
            #expect(code.matches(authority: Digest(bytes: bytes)!) == (bit == 65))
        }
        #expect(ClaimCode(authority: Digest(bytes: [UInt8](repeating: 0xff, count: 32))!).fingerprint == "ZZZZZZZZZZZZZ")
        #expect(ClaimCode(authority: .genesis).fingerprint == "0000000000000")
    }

    @Test(
        "What is no code is refused",
        arguments: [
            ("", "claim.length"), ("0000", "claim.length"), ("00000-00000-00000-00000-000000", "claim.length"),
            ("U0000-00000-00000-00000-00000", "claim.character"), ("é", "claim.character"),
            (String(repeating: "-", count: 101), "claim.length"),
        ])
    func refuses(text: String, code: String) {
        do throws(ClaimCodeError) {
            _ = try ClaimCode(text)
            Issue.record("taken: \(text)")
        } catch {
            #expect(error.code.description == code)
        }
    }

    @Test(
        "A receipt's places in the log are dense, ascending and behind those of the one before",
        arguments: [
            ([LogRun(sequence: 3, index: 7, count: 4)], true), ([LogRun(sequence: 3, index: 6, count: 4)], false),
            ([LogRun(sequence: 3, index: 7, count: 2), LogRun(sequence: 5, index: 20, count: 2)], true),
            ([LogRun(sequence: 3, index: 20, count: 2), LogRun(sequence: 5, index: 7, count: 2)], false),
            ([LogRun(sequence: 3, index: 20, count: 2), LogRun(sequence: 5, index: 21, count: 2)], false),
            ([LogRun(sequence: 3, index: 7, count: 3)], false), ([LogRun(sequence: 3, index: 7, count: 5)], false),
            ([LogRun(sequence: 4, index: 7, count: 3)], false), ([], false),
            ([LogRun(sequence: 3, index: 7, count: 2), LogRun(sequence: 3, index: 20, count: 4)], false),
        ])
    func places(runs: [LogRun], isFine: Bool) {
        func receipt(_ first: Int64, _ last: Int64, _ runs: [LogRun]) -> Receipt {
            Receipt(
                site: SiteID(at: .init(milliseconds: 1)), appliance: ApplianceID(at: .init(milliseconds: 1)), firstSequence: first,
                lastSequence: last, head: .genesis, received: .init(milliseconds: 1), logged: runs)
        }
        let previous = receipt(0, 2, [LogRun(sequence: 0, index: 0, count: 1), LogRun(sequence: 1, index: 5, count: 2)])
        #expect((receipt(3, 6, runs).fault(inPlacesAfter: previous) == nil) == isFine)
    }
}
