import Evidence
import Foundation
import Model
import Redaction
import Seal
import TestSupport
import Testing

@Suite struct BundleTests {
    let limits = JSONLimits(bytesMax: SignedBundle.bytesMax)
    let key = SigningKey()
    var enrolled: [EnrolledKey] { [EnrolledKey(key: key.verifyingKey, validFrom: Samples.now - .seconds(60), validUntil: nil)] }

    func sealed(using random: inout SeededGenerator) throws -> SignedBundle {
        let bundle = Samples.bundle(Samples.origin(using: &random), using: &random)
        return try BundleSealer(key: key).seal(bundle, at: ChainLink(sequence: 0, previous: .genesis)).signed
    }

    @Test("The direct writer makes what the general canonical writer makes, for any bundle")
    func writesCanonically() throws {
        var random = SeededGenerator(seed: 1)
        for sequence in 0..<500 {
            let bundle = Samples.bundle(Samples.origin(using: &random), using: &random)
            let bytes = ScrubbedBundle(bundle, by: .ofTests).canonicalBytes(ChainLink(sequence: Int64(sequence), previous: .genesis))
            #expect(try JSONValue(parsing: bytes, limits: limits).canonicalBytes() == bytes)
        }
    }

    @Test("Every field of a bundle reads back")
    func readsBack() throws {
        var random = SeededGenerator(seed: 2)
        for sequence in 0..<300 {
            let origin = Samples.origin(using: &random)
            let bundle = Samples.bundle(origin, using: &random)
            let link = ChainLink(sequence: Int64(sequence), previous: Digest(of: [UInt8(sequence & 255)]))
            let verified = try VerifiedBundle(try BundleSealer(key: key).seal(bundle, at: link).signed, keys: enrolled)
            let record = verified.record
            #expect(record.id == bundle.id && record.link == link && record.kind == bundle.kind && record.origin == origin)
            #expect(record.host == bundle.host && record.check == bundle.check && record.verdict == bundle.verdict)
            #expect(Set(record.controls) == Set(bundle.controls) && record.controls.count == bundle.controls.count)
            #expect(record.attested == bundle.attested && record.actions == bundle.actions && record.expected == bundle.expected)
            #expect(record.preState == bundle.preState && record.postState == bundle.postState)
            #expect(record.isRollbackAvailable == bundle.isRollbackAvailable && record.clock == bundle.clock)
            #expect(record.observed == bundle.observed && record.started == bundle.started && record.ended == bundle.ended)
            #expect(record.order == bundle.order && record.runbook == bundle.runbook && record.incident == bundle.incident)
            #expect(record.tier == bundle.tier && record.requester == bundle.requester && record.approver == bundle.approver)
            #expect(record.note == bundle.note && record.plan == bundle.plan && record.shadow == bundle.shadow)
            #expect(record.outcome.word == bundle.outcome.word && record.outcome.code == bundle.outcome.code)
            #expect((record.outcome.recheck != nil) == (bundle.outcome.word == "success"))
            #expect(verified.key == key.id && verified.digest == Digest(of: verified.signed.bytes))
        }
    }

    @Test("Every flipped bit of a bundle and of its signature fails verification")
    func refusesFlippedBits() throws {
        var random = SeededGenerator(seed: 3)
        let signed = try sealed(using: &random)
        for index in signed.bytes.indices {
            var bytes = signed.bytes
            bytes[index] ^= 1 << UInt8.random(in: 0...7, using: &random)
            let changed = SignedBundle(bytes: bytes, signature: signed.signature)
            #expect(throws: BundleError.badSignature) { try VerifiedBundle(changed, keys: enrolled) }
        }
        for bit in 0..<512 {
            var signature = signed.signature
            signature[bit / 8] ^= 1 << UInt8(bit % 8)
            let changed = SignedBundle(bytes: signed.bytes, signature: signature)
            #expect(throws: BundleError.badSignature) { try VerifiedBundle(changed, keys: enrolled) }
        }
    }

    @Test("What is signed but is no canonical bundle is refused, with the reason")
    func refusesSignedNonsense() throws {
        var random = SeededGenerator(seed: 4)
        let value = try JSONValue(parsing: try sealed(using: &random).bytes, limits: limits)
        func code(_ bytes: [UInt8]) -> Code? {
            do throws(BundleError) {
                _ = try VerifiedBundle(SignedBundle(bytes: bytes, signature: key.sign(bytes)), keys: enrolled)
                return nil
            } catch {
                return error.code
            }
        }
        func edited(_ key: String, _ new: JSONValue?) throws -> [UInt8] {
            var members = try #require(value.object)
            members[key] = new
            return try JSONValue.object(members).canonicalBytes()
        }
        let bytes = try value.canonicalBytes()
        #expect(code(bytes) == nil)
        #expect(code(bytes + [0x0a]) == "bundle.not_canonical")
        #expect(code(Array(bytes.dropLast())) == "bundle.not_json")
        #expect(code([]) == "bundle.not_json")
        #expect(code([UInt8](repeating: 0x20, count: SignedBundle.bytesMax + 1)) == "bundle.too_large")
        #expect(try code(edited("schema", "martlet.order/v1")) == "bundle.wrong_schema")
        #expect(try code(edited("aNewMember", 1)) == nil)
        for key in ["id", "site", "host", "sequence", "previous", "outcome", "preState", "controls", "clock", "ended", "note"] {
            #expect(try code(edited(key, nil)) == "bundle.field", "\(key)")
            #expect(try code(edited(key, true)) == "bundle.field", "\(key)")
        }
        #expect(try code(edited("sequence", -1)) == "bundle.field")
        let healedWithoutProof: JSONValue = ["word": "success", "code": nil, "until": nil, "recheck": nil]
        #expect(try code(edited("outcome", healedWithoutProof)) == "bundle.field")
    }

    @Test("What is expected stands in an expectation only, sorted, each check once; older bundles do not have it")
    func refusesExpectationsThatAreNone() throws {
        var random = SeededGenerator(seed: 6)
        var bundle = Samples.bundle(Samples.origin(using: &random), using: &random)
        let first = ExpectedCheck(check: "a", intervalSeconds: 900, staleAfterSeconds: 3_600)
        let second = ExpectedCheck(check: "b", intervalSeconds: 900, staleAfterSeconds: 3_600)
        bundle.verdict = nil
        func code(signed bytes: [UInt8]) -> Code? {
            do throws(BundleError) {
                _ = try VerifiedBundle(SignedBundle(bytes: bytes, signature: key.sign(bytes)), keys: enrolled)
                return nil
            } catch {
                return error.code
            }
        }
        func bytes(_ kind: Evidence.Bundle.Kind, _ expected: [ExpectedCheck], _ outcome: Outcome = .observed) -> [UInt8] {
            bundle.kind = kind
            bundle.expected = expected
            bundle.outcome = outcome
            return ScrubbedBundle(bundle, by: .ofTests).canonicalBytes(ChainLink(sequence: 0, previous: .genesis))
        }
        func code(_ kind: Evidence.Bundle.Kind, _ expected: [ExpectedCheck], _ outcome: Outcome = .observed) -> Code? {
            code(signed: bytes(kind, expected, outcome))
        }
        #expect(code(.expectation, [first, second]) == nil)
        #expect(code(.expectation, []) == nil)
        #expect(code(.expectation, [second, first]) == "bundle.field")
        #expect(code(.expectation, [first, first]) == "bundle.field")
        #expect(code(.attestation, [first]) == "bundle.field")
        #expect(code(.gap, [], .alert("gap.down")) == nil)
        #expect(code(.gap, []) == "bundle.field")
        var members = try #require(try JSONValue(parsing: bytes(.expectation, []), limits: limits).object)
        members["expected"] = nil
        #expect(try code(signed: JSONValue.object(members).canonicalBytes()) == nil)
        members["expected"] = [["check": "a", "intervalSeconds": 0, "staleAfterSeconds": 3_600]]
        #expect(try code(signed: JSONValue.object(members).canonicalBytes()) == "bundle.field")
    }

    @Test("Texts among a plan's parameters are scrubbed as all others; a plan of too much is no record")
    func limitsAndScrubsPlans() throws {
        func plan(
            _ parameters: [String: TypedValue], _ platforms: [String] = ["linux"], rule: RuleID? = nil, version: Int? = nil,
            digest: Digest? = Digest(of: [1])
        ) -> PlanRecord? {
            PlanRecord(parameters: parameters, platforms: platforms, rule: rule, ruleVersion: version, runbookDigest: digest)
        }
        var random = SeededGenerator(seed: 8)
        var bundle = Samples.bundle(Samples.origin(using: &random), using: &random)
        bundle.plan = plan(["a": .string("SSN 078-05-1120"), "b": .strings(["078-05-1120", "on"]), "c": .integer(4)])
        let scrubbed = try #require(ScrubbedBundle(bundle, by: .ofTests).bundle.plan)
        #expect(!"\(scrubbed)".contains("078-05-1120") && scrubbed.parameters["c"] == .integer(4) && scrubbed.platforms == ["linux"])
        #expect(plan([:], digest: nil) != nil && plan(["a": .boolean(true)], digest: nil) == nil)
        #expect(plan([:], rule: "R", version: 1) != nil && plan([:], version: 1) == nil && plan([:], ["no name"]) == nil)
        #expect(plan(["no name": .boolean(true)]) == nil)
        // What its host is held to is said where it has a name; without one the bytes are those of before there was any.
        for (baseline, said) in [("clinic-strict", "\"baseline\":\"clinic-strict\","), ("no name", ""), (nil, "")] as [(String?, String)] {
            bundle.plan = PlanRecord(
                baseline: baseline, parameters: [:], platforms: ["linux"], rule: nil, ruleVersion: nil, runbookDigest: nil)
            (bundle.kind, bundle.runbook) = (.decision, nil)
            let bytes = ScrubbedBundle(bundle, by: .ofTests).canonicalBytes(ChainLink(sequence: 0, previous: .genesis))
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(text.contains("\"plan\":{\(said)\"parameters\":{},\"platforms\":[\"linux\"],"))
        }
        #expect(plan(Dictionary(uniqueKeysWithValues: (0..<64).map { ("p\($0)", .boolean(true)) })) != nil)
        #expect(plan(Dictionary(uniqueKeysWithValues: (0..<65).map { ("p\($0)", .boolean(true)) })) == nil)
        let room = PlanRecord.bytesMax - "{\"a\":\"\"}".utf8.count
        #expect(plan(["a": .string(String(repeating: "x", count: room))]) != nil)
        #expect(plan(["a": .string(String(repeating: "x", count: room + 1))]) == nil)
    }

    @Test(
        "A key counts from five minutes before it was made until five minutes after it was retired",
        arguments: [
            (-300_001, nil, false), (-300_000, nil, true), (0, nil, true), (10_000, 0, true), (300_000, 0, true), (300_001, 0, false),
        ] as [(Int, Int?, Bool)])
    func judgesKeyValidity(ended: Int, retired: Int?, isValid: Bool) {
        let start = Samples.now
        let key = EnrolledKey(key: key.verifyingKey, validFrom: start, validUntil: retired.map { start + .milliseconds($0) })
        #expect(key.isValid(at: start + .milliseconds(ended)) == isValid)
    }

    @Test("A bundle of a retired key verifies for its time only, and unknown keys never")
    func refusesOtherKeys() throws {
        var random = SeededGenerator(seed: 5)
        let signed = try sealed(using: &random)
        let start = Samples.now
        let retired = EnrolledKey(key: key.verifyingKey, validFrom: start - .seconds(900), validUntil: start - .seconds(500))
        #expect(throws: BundleError.keyNotValid(key.id, at: start + .milliseconds(900))) { try VerifiedBundle(signed, keys: [retired]) }
        #expect(throws: BundleError.unknownKey) { try VerifiedBundle(signed, keys: []) }
        let other = EnrolledKey(key: SigningKey().verifyingKey, validFrom: start - .seconds(60), validUntil: nil)
        #expect(throws: BundleError.badSignature) { try VerifiedBundle(signed, keys: [other]) }
        #expect(throws: Never.self) { try VerifiedBundle(signed, keys: [other] + enrolled) }
    }

    @Test("A bundle over the limit is not signed")
    func refusesLargeBundles() throws {
        var random = SeededGenerator(seed: 6)
        var bundle = Samples.bundle(Samples.origin(using: &random), using: &random)
        bundle.note = String(repeating: "x", count: SignedBundle.bytesMax)
        #expect(throws: BundleError.self) { try BundleSealer(key: key).seal(bundle, at: ChainLink(sequence: 0, previous: .genesis)) }
    }

    @Test("The openssl program verifies what we signed, and refuses it once changed")
    func opensslVerifies() throws {
        var random = SeededGenerator(seed: 7)
        let signed = try sealed(using: &random)
        let directory = FileManager.default.temporaryDirectory.appending(path: "bundle-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        func verify() throws -> Int32 {
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/openssl")
            process.currentDirectoryURL = directory
            process.arguments = [
                "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key.pub", "-sigfile", "bundle.sig", "-in", "bundle.json",
            ]
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            return process.terminationStatus
        }
        try Data(signed.bytes).write(to: directory.appending(path: "bundle.json"))
        try Data(signed.signature).write(to: directory.appending(path: "bundle.sig"))
        try Data(key.verifyingKey.pem.utf8).write(to: directory.appending(path: "key.pub"))
        #expect(try verify() == 0)
        try Data(signed.bytes.dropLast() + [0x20]).write(to: directory.appending(path: "bundle.json"))
        #expect(try verify() == 1)
    }
}
