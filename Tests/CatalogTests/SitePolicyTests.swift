import Catalog
import Conditions
import Model
import Seal
import Testing

@Suite struct SitePolicyTests {
    private let key = SigningKey()
    private let site = SiteID(at: Timestamp(milliseconds: 1_790_000_000_000))
    private let appliance = ApplianceID(at: Timestamp(milliseconds: 1_790_000_000_000))
    private let now = Timestamp(milliseconds: 1_790_000_000_000)

    private func off<Subject>(_ id: Name<Subject>) -> SitePolicy.SwitchedOff<Subject> {
        .init(id: id, since: now, by: "alice@msp.example", reason: "the vendor is at it")
    }

    private func rule(
        _ id: RuleID = "LRN-1", option: String = "PermitRootLogin", runbook: RunbookID? = "linux.sshd.set_option",
        check: CheckID = "linux.ssh.hardening", code: Code = "ssh.root_login", above port: Int64 = 29_999
    ) -> RuleDefinition {
        RuleDefinition(
            id: id, title: "Learned", priority: 500, check: check, codes: [code], platforms: ["linux"],
            condition: .compare(Comparison(fact: "sshd.port", operator: .greater, operand: .literal(.integer(port)))), runbook: runbook,
            parameters: runbook == nil ? [:] : ["option": .literal(.string(option)), "value": .literal(.string("no"))],
            cooldown: .seconds(600), attemptsMax: 1)
    }

    private func learned(_ rule: RuleDefinition, _ stage: SitePolicy.Learned.Stage = .active) -> SitePolicy.Learned {
        SitePolicy.Learned(pattern: Digest(of: [1]), version: 2, stage: stage, rule: rule)
    }

    private func policy(version: Int64 = 3, _ learned: [SitePolicy.Learned] = []) -> SitePolicy {
        SitePolicy(
            version: version, site: site, appliance: appliance, issued: now, checks: [off("linux.time.sync")], rules: [off("L1-SSH-002")],
            runbooks: [off("linux.sshd.set_option")], learned: learned)
    }

    private func open(_ text: String, newerThan inForce: Int64 = 0) throws(SitePolicyError) -> VerifiedSitePolicy {
        try VerifiedSitePolicy(opening: Array(text.utf8), key: key.verifyingKey, site: site, appliance: appliance, newerThan: inForce)
    }

    private func refusal(_ text: String, newerThan inForce: Int64 = 0) -> Code? {
        do throws(SitePolicyError) {
            _ = try open(text, newerThan: inForce)
            return nil
        } catch { return error.code }
    }

    private func signed(_ payload: JSONValue) throws -> String { try SignedEnvelope(signing: payload, with: key).text }

    @Test func whatIsReadBackIsWhatWasSigned() throws {
        let policy = policy([learned(rule("LRN-2"), .shadow), learned(rule("LRN-1"))])
        let (text, digest) = try policy.signed(with: key)
        let read = try open(text, newerThan: 2)
        #expect(read.policy == policy && read.digest == digest)
        #expect(read.policy.learned.map(\.ruleID) == ["LRN-1", "LRN-2"])
        #expect(SitePolicy.digest(ofSigned: Array(text.utf8)) == digest)
    }

    @Test("A document for another site or box, of another key, of an old version or with a flipped bit is refused, each by its code")
    func refusesWhatIsNotOurs() throws {
        let (text, _) = try policy().signed(with: key)
        #expect(refusal(text, newerThan: 2) == nil)
        #expect(refusal(text, newerThan: 3) == "policy.not_newer")
        #expect(refusal(text, newerThan: 4) == "policy.not_newer")
        let later = Timestamp(milliseconds: 1_790_000_000_001)
        let otherSite = SitePolicy(version: 3, site: SiteID(at: later), appliance: appliance, issued: now)
        #expect(refusal(try otherSite.signed(with: key).text) == "policy.wrong_site")
        let otherBox = SitePolicy(version: 3, site: site, appliance: ApplianceID(at: later), issued: now)
        #expect(refusal(try otherBox.signed(with: key).text) == "policy.wrong_appliance")
        #expect(refusal(try policy().signed(with: SigningKey()).text) == "envelope.unknown_key")
        var payload = try policy().json.canonicalBytes()
        let signature = key.sign(payload)
        payload[payload.count / 2] ^= 1
        #expect(refusal(SignedEnvelope(keyID: key.id, payload: payload, signature: signature).text) == "envelope.bad_signature")
        let order = try signed(["schema": "martlet.order/v1"])
        #expect(refusal(order) == "envelope.wrong_schema")
    }

    @Test("What is too large, too deep or not in its form is refused")
    func refusesForm() throws {
        let members = try #require(policy().json.object)
        func with(_ name: String, _ value: JSONValue?) throws -> Code? {
            var changed = members
            changed[name] = value
            return refusal(try signed(.object(changed)))
        }
        #expect(try with("version", .integer(0)) == "policy.malformed")
        #expect(try with("learned", nil) == "policy.malformed")
        #expect(try with("unless", .boolean(true)) == "policy.malformed")
        let entry = off("linux.time.sync" as CheckID).json
        func checks(_ items: [JSONValue]) -> JSONValue { ["checks": .array(items), "rules": [], "runbooks": []] }
        #expect(try with("disabled", checks([entry])) == nil)
        #expect(try with("disabled", checks([entry, entry])) == "policy.malformed")
        let forged = off("linux.time.sync" as CheckID).json.object.map { $0.merging(["by": "a\nb"]) { $1 } }
        #expect(try with("disabled", checks([.object(try #require(forged))])) == "policy.malformed")
        let many = (0...SitePolicy.entriesMax).map { off(CheckID("c.\(100_000 + $0)") ?? "c").json }
        #expect(try with("disabled", checks(many)) == "policy.malformed")
        #expect(try with("disabled", checks(many.dropLast())) == nil)
        func nested(_ levels: Int) -> JSONValue { (0..<levels).reduce("x") { value, _ in .array([value]) } }
        #expect(try with("learned", nested(40)) == "json.too_deep")
        let long = JSONValue.string(String(repeating: "x", count: SitePolicy.bytesMax))
        #expect(try with("unless", long) == "json.too_large")
        var item = try #require(learned(rule()).json.object)
        item["rule"] = ["id": "LRN-1", "title": .string(String(repeating: "x", count: SitePolicy.ruleBytesMax))]
        #expect(try with("learned", [.object(item)]) == "policy.malformed")
        let padded = RuleDefinition(
            id: "LRN-1", title: String(repeating: "x", count: SitePolicy.bytesMax), priority: 500, check: "c", codes: ["c"],
            platforms: [], condition: nil, runbook: "r", parameters: [:], cooldown: .seconds(1), attemptsMax: 1)
        let large = SitePolicy(version: 1, site: site, appliance: appliance, issued: now, learned: [learned(padded)])
        #expect(throws: JSONError.self) { try large.signed(with: key) }
    }

    @Test("What the pack does not have is left out by name, and the rest holds")
    func leavesOutWhatDoesNotFit() throws {
        let catalog = try #require(try CatalogFolder().lint().catalog)
        let unfit = [
            learned(rule("LRN-a", option: "UsePAM")), learned(rule("LRN-b", runbook: "linux.rm")), learned(rule("LRN-c", runbook: nil)),
            learned(rule("LRN-d", check: "linux.none")), learned(rule("LRN-e", code: "ssh.none")), learned(rule("L1-SSH-001")),
            // Never reached: the pack's rule takes every port below 30,000.
            learned(
                RuleDefinition(
                    id: "LRN-f", title: "Learned", priority: 500, check: "linux.ssh.hardening", codes: ["ssh.root_login"], platforms: [],
                    condition: .compare(Comparison(fact: "sshd.port", operator: .less, operand: .literal(.integer(100)))),
                    runbook: "linux.sshd.set_option",
                    parameters: ["option": .literal(.string("Port")), "value": .literal(.string("22"))], cooldown: .seconds(600),
                    attemptsMax: 1)),
        ]
        let fitting = [learned(rule("LRN-x")), learned(rule("LRN-y"), .shadow), learned(rule("LRN-z"), .shadow)]
        let policy = SitePolicy(
            version: 1, site: site, appliance: appliance, issued: now, checks: [off("linux.time.sync"), off("linux.gone")],
            rules: [off("L1-SSH-002"), off("L1-GONE-001")], runbooks: [off("linux.gone"), off("linux.sshd.set_option")],
            learned: unfit + fitting)
        let fitted = FittedPolicy(policy, over: catalog, schema: CatalogFolder.schema, takesLearned: true)
        #expect(Set(fitted.checks.keys) == ["linux.time.sync"])
        #expect(Set(fitted.rules.keys) == ["L1-SSH-002"])
        #expect(Set(fitted.runbooks.keys) == ["linux.sshd.set_option"])
        #expect(fitted.acting.map(\.definition) == [rule("LRN-x")])
        #expect(fitted.shadows.map(\.definition.id) == ["LRN-y", "LRN-z"])
        #expect(fitted.leftOut.prefix(3).map(\.code) == ["policy.unknown_check", "policy.unknown_rule", "policy.unknown_runbook"])
        let refused = fitted.leftOut.dropFirst(3)
        #expect(Set(refused.compactMap { $0.learned?.ruleID }) == Set(unfit.map(\.ruleID)))
        #expect(refused.allSatisfy { $0.code == "policy.learned_refused" }, "\(refused.map(\.sentence))")
    }

    @Test("A site that takes no learned rules has none, and says so of each")
    func takesNoLearned() throws {
        let catalog = try #require(try CatalogFolder().lint().catalog)
        let policy = policy([learned(rule("LRN-1")), learned(rule("LRN-2"), .shadow)])
        let fitted = FittedPolicy(policy, over: catalog, schema: CatalogFolder.schema, takesLearned: false)
        #expect(fitted.acting.isEmpty && fitted.shadows.isEmpty)
        #expect(fitted.leftOut.map(\.code) == ["policy.learned_off", "policy.learned_off"])
        #expect(fitted.checks.count == 1)
    }

    @Test("Two learned rules that act on one drift do not both act; two shadows may both be compared")
    func oneActs() throws {
        let catalog = try #require(try CatalogFolder().lint().catalog)
        let policy = policy([learned(rule("LRN-1")), learned(rule("LRN-2")), learned(rule("LRN-3"), .shadow)])
        let fitted = FittedPolicy(policy, over: catalog, schema: CatalogFolder.schema, takesLearned: true)
        #expect(fitted.acting.map(\.definition.id) == ["LRN-1"])
        #expect(fitted.leftOut.compactMap { $0.learned?.ruleID } == ["LRN-2"])
        #expect(fitted.shadows.map(\.definition.id) == ["LRN-3"])
    }

    @Test func evidenceTellsWhichPackAndWhichDocumentJudged() {
        let (pack, one, other) = (Digest(of: [1]), Digest(of: [2]), Digest(of: [3]))
        #expect(SitePolicy.ruleset(catalog: pack, policy: nil) == pack)
        let text = #"{"catalog":"\#(pack)","policy":"\#(one)","schema":"martlet.ruleset/v1"}"#
        #expect(SitePolicy.ruleset(catalog: pack, policy: one) == Digest(of: Array(text.utf8)))
        #expect(SitePolicy.ruleset(catalog: pack, policy: one) != SitePolicy.ruleset(catalog: pack, policy: other))
    }
}
