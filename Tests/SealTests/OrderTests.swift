import Model
import Seal
import TestSupport
import Testing

@Suite struct OrderTests {
    let now = Timestamp(milliseconds: 1_795_000_000_000)
    let key = SigningKey()
    let site: SiteID
    let appliance: ApplianceID
    let id: OrderID

    init() {
        var random = SeededGenerator(seed: 5)
        site = SiteID(at: now, random: &random)
        appliance = ApplianceID(at: now, random: &random)
        id = OrderID(at: now, random: &random)
    }

    func order(
        site: SiteID? = nil, appliance: ApplianceID? = nil, issued: Timestamp? = nil, expires: Timestamp? = nil, sequence: Int64 = 8
    ) -> Order {
        Order(
            id: id, site: site ?? self.site, appliance: appliance ?? self.appliance, host: "front-desk", kind: .runbook,
            runbook: "linux.sshd.set_option", check: "linux.ssh.hardening",
            parameters: ["option": .string("PermitRootLogin"), "until": .instant(now)], issued: issued ?? now,
            expires: expires ?? now + .seconds(900), nonce: "00112233445566778899aabbccddeeff", sequence: sequence,
            requester: "alice@msp.example", reason: "ticket 4711", approver: nil)
    }

    func judge(_ text: String, last: Int64 = 7, seen: Set<String> = [], at instant: Timestamp? = nil) throws -> Code? {
        do {
            _ = try OrderAuthenticator(site: site, appliance: appliance, keys: [key.verifyingKey])
                .authenticate(text, lastSequence: last, isNonceSeen: { seen.contains($0) }, at: instant ?? now)
            return nil
        } catch let rejection as OrderRejection {
            return rejection.code
        }
    }

    func signed(_ order: Order, by signer: SigningKey? = nil) throws -> String { try SignedOrder(signing: order, with: signer ?? key).text }

    @Test("A genuine order is authenticated as it was signed")
    func accepts() throws {
        let authenticator = OrderAuthenticator(site: site, appliance: appliance, keys: [SigningKey().verifyingKey, key.verifyingKey])
        let text = try signed(order())
        let accepted = try authenticator.authenticate(text, lastSequence: 7, isNonceSeen: { _ in false }, at: now)
        #expect(accepted.order == order())
        #expect(accepted.key == key.id)
        #expect(try Order(json: order().json) == order())
    }

    @Test(
        "Time: each limit passes exactly and fails one millisecond beyond",
        arguments: [
            (0, 60_000, 0, nil), (0, 59_999, 0, "order.ttl_too_short"), (0, 604_800_000, 0, nil), (0, 604_800_001, 0, "order.ttl_too_long"),
            (300_000, 900_000, 0, nil), (300_001, 900_000, 0, "order.from_future"), (0, 900_000, 899_999, nil),
            (0, 900_000, 900_000, "order.expired"), (0, -1, 0, "order.ttl_too_short"),
        ] as [(Int, Int, Int, Code?)])
    func judgesTime(issuedAfter: Int, ttl: Int, readAfter: Int, code: Code?) throws {
        let issued = now + .milliseconds(issuedAfter)
        let text = try signed(order(issued: issued, expires: issued + .milliseconds(ttl)))
        #expect(try judge(text, at: now + .milliseconds(readAfter)) == code)
    }

    @Test("Scope and replay: another site, another appliance, an old sequence, a used nonce")
    func judgesScopeAndReplay() throws {
        var random = SeededGenerator(seed: 6)
        #expect(try judge(signed(order(site: SiteID(at: now, random: &random)))) == "order.wrong_site")
        #expect(try judge(signed(order(appliance: ApplianceID(at: now, random: &random)))) == "order.wrong_appliance")
        #expect(try judge(signed(order(sequence: 8)), last: 7) == nil)
        #expect(try judge(signed(order(sequence: 7)), last: 7) == "order.replayed_sequence")
        #expect(try judge(signed(order()), seen: ["00112233445566778899aabbccddeeff"]) == "order.replayed_nonce")
    }

    @Test("Signature: another key, a key that claims to be ours, another schema, no canonical form")
    func judgesSignatures() throws {
        let stranger = SigningKey()
        #expect(try judge(signed(order(), by: stranger)) == "order.unknown_key")
        let limits = JSONLimits(bytesMax: 10_000)
        let envelope = try SignedEnvelope(parsing: signed(order(), by: stranger), limits: limits)
        let posing = SignedEnvelope(keyID: key.id, payload: envelope.payload, signature: envelope.signature)
        #expect(try judge(posing.text) == "order.bad_signature")
        var members = try #require(order().json.object)
        members["schema"] = "martlet.receipt/v1"
        #expect(try judge(SignedEnvelope(signing: .object(members), with: key).text) == "order.malformed")
        let loose = envelope.payload + [0x20]
        #expect(try judge(SignedEnvelope(keyID: key.id, payload: loose, signature: key.sign(loose)).text) == "order.malformed")
        for text in ["", "{}", "[]", "null", "{\"keyId\":1}", String(repeating: "[", count: 100_000)] {
            #expect(try judge(text) == "order.malformed")
        }
    }

    @Test("Fields: each is needed in its own form, and a stranger is refused")
    func judgesFields() throws {
        let members = try #require(order().json.object)
        for key in members.keys where key != "approver" {
            for value in [nil, .null, .number(0.5), "", ["x": [1]]] as [JSONValue?] where !(key == "reason" && value == "") {
                var edited = members
                edited[key] = value
                #expect(try judge(SignedEnvelope(signing: .object(edited), with: self.key).text) == "order.malformed", "\(key)")
            }
        }
        var extended = members
        extended["onlyIf"] = "raining"
        #expect(try judge(SignedEnvelope(signing: .object(extended), with: key).text) == "order.malformed")
    }

    @Test("Of every field edited under the old signature, and every flipped bit, none is accepted")
    func refusesMutations() throws {
        let limits = JSONLimits(bytesMax: 10_000)
        let envelope = try SignedEnvelope(parsing: signed(order()), limits: limits)
        let members = try #require(order().json.object)
        for (name, value) in members {
            var edited = members
            edited[name] = value == "x" ? "y" : "x"
            let payload = try JSONValue.object(edited).canonicalBytes()
            let text = SignedEnvelope(keyID: key.id, payload: payload, signature: envelope.signature).text
            #expect(try judge(text) == "order.bad_signature", "\(name)")
        }
        for bit in 0..<(envelope.payload.count * 8) {
            var payload = envelope.payload
            payload[bit / 8] ^= 1 << UInt8(bit % 8)
            let text = SignedEnvelope(keyID: key.id, payload: payload, signature: envelope.signature).text
            #expect(try judge(text) == "order.bad_signature", "bit \(bit)")
        }
    }

    @Test("Mutated envelope texts are refused or are the very same order")
    func survivesMutatedTexts() throws {
        var random = SeededGenerator(seed: 9)
        let text = Array(try signed(order()).utf8)
        for _ in 0..<3_000 {
            var bytes = text
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            guard bytes != text else { continue }
            #expect(try judge(String(decoding: bytes, as: UTF8.self)) != nil)
        }
    }

    @Test(
        "Typed values read back, also those that JSON cannot hold as such",
        arguments: [
            .boolean(true), .integer(0), .integer(.max), .integer(.min), .integer(JSONValue.greatestInteger + 1), .string(""),
            .string("é\n"),
            .strings([]), .strings(["a", ""]), .instant(Timestamp(milliseconds: 1)), .version(Version("1:2.0~rc1-3")!),
        ] as [TypedValue])
    func typedValuesRoundTrip(value: TypedValue) throws {
        let bytes = try value.json.canonicalBytes()
        #expect(try TypedValue(json: JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: 1_000))) == value)
    }

    @Test(
        "What is no typed value is refused",
        arguments: [
            .null, .number(0.5), [1], ["instant": "yesterday"], ["version": ""], ["integer": "5"], ["integer": "09007199254740993"], [:],
            ["instant": "2026-01-31T09:30:00.000Z", "version": "1"], ["other": "x"],
        ] as [JSONValue])
    func refusesOtherValues(value: JSONValue) {
        #expect(throws: FieldError.self) { try TypedValue(json: value) }
    }
}
