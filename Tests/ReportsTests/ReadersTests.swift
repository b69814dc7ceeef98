import Evidence
import Foundation
import Model
import Seal
import TestSupport
import Testing
import TransparencyLog

@testable import Reports

/// What somebody who holds Central's key and an appliance's key can sign: `martlet verify` and `scripts/verify_kit.py` must say the
/// same about it, in the same codes.
@Suite struct ReadersTests {
    let directory: TemporaryDirectory
    let sample: KitSample
    let genuine: KitParts

    init() async throws {
        directory = try TemporaryDirectory()
        sample = try await KitSample(seed: 23)
        try sample.write(to: directory.file("kit.zip"))
        genuine = try KitParts(path: directory.file("kit.zip"))
        try FileManager.default.createDirectory(atPath: directory.file("batch"), withIntermediateDirectories: false)
    }

    struct Case {
        let name: String
        let codes: Set<String>
        let parts: KitParts

        init(_ name: String, _ codes: Set<String>, _ parts: KitParts) {
            self.name = name
            self.codes = codes
            self.parts = parts
        }
    }

    /// The last bundle of the first chain: what is wrong with it breaks nothing else.
    var last: String { genuine.bundleNames[11] }

    /// What both readers find where that bundle is another good one.
    let replaced: Set<String> = ["kit.wrong_head", "receipt.wrong_head"]

    func withLast(_ edit: (inout [String: JSONValue]) -> Void) throws -> KitParts {
        var members = try JSONValue(parsing: genuine[last]!, limits: JSONLimits(bytesMax: 1 << 20)).object!
        edit(&members)
        return try withLast(bytes: JSONValue.object(members).canonicalBytes())
    }

    func withLast(bytes: [UInt8]) throws -> KitParts {
        var parts = genuine
        parts[last] = bytes
        parts[last.replacing("bundle.json", with: "bundle.sig")] = sample.evidenceKey.sign(bytes)
        try parts.relist(with: sample.central)
        return parts
    }

    func withAppliance(_ index: Int, in parts: KitParts? = nil, _ edit: (inout [String: JSONValue]) -> Void) throws -> KitParts {
        var parts = parts ?? genuine
        try parts.relist(with: sample.central) {
            var appliances = $0["appliances"]!.array!
            var appliance = appliances[index].object!
            edit(&appliance)
            appliances[index] = .object(appliance)
            $0["appliances"] = .array(appliances)
        }
        return parts
    }

    @Test func anExceptionDatedBeforeWhatStandsEarlierInTheLogIsAFinding() async throws {
        let path = directory.file("backdated.zip")
        try await KitSample(seed: 7, backdates: true).write(to: path)
        try await expectBoth([Case("backdated", ["log.order"], try KitParts(path: path))])
    }

    @Test("What a box was shown of the log is held against the log: another root, another key, more than there was")
    func comparesWhatBoxesSaw() async throws {
        func kit(_ name: String, _ shown: (size: Int64, isForked: Bool, key: SigningKey?)) async throws -> KitParts {
            let path = directory.file("\(name).zip")
            try await KitSample(seed: 7, shown: shown).write(to: path)
            return try KitParts(path: path)
        }
        var without = genuine
        without["log/seen.json"] = nil
        without["log/nodes.json"] = try sample.subject.log.nodes.json.canonicalBytes()
        try without.relist(with: sample.central)
        var malformed = genuine
        malformed["log/seen.json"] = Array("{\"leaves\":[],\"schema\":\"martlet.seen/v2\"}".utf8)
        try malformed.relist(with: sample.central)
        // Of the first entry, and of entries up to where a leaf of the kit's own is the last.
        var cases = [
            Case("same", [], genuine), Case("without", ["log.seen_differs"], without), Case("malformed", ["log.seen_malformed"], malformed),
            try await Case("forked", ["log.seen_differs"], kit("forked", (3, true, nil))),
            try await Case("unsigned", ["log.seen_unsigned"], kit("unsigned", (3, false, SigningKey()))),
            try await Case("larger", ["log.seen_differs"], kit("larger", (25, false, nil))),
        ]
        for size: Int64 in 1...5 { cases.append(try await Case("first-\(size)", [], kit("first-\(size)", (size, false, nil)))) }
        try await expectBoth(cases)
    }

    @Test("A checkpoint in a bundle has one form, in which nothing but numbers is said")
    func refusesOtherCheckpoints() async throws {
        let right = try #require(sample.bundles.flatMap(\.record.checkpoints).first).text
        func holding(_ texts: [String]) throws -> KitParts { try withLast { $0["checkpoints"] = .array(texts.map { .string($0) }) } }
        let wrong: Set<String> = ["bundle.field"]
        try await expectBoth([
            Case("none", replaced, holding([])), Case("twice", replaced, holding([right, right])),
            Case("thrice", wrong, holding([right, right, right])), Case("cut", wrong, holding([String(right.dropLast())])),
            Case("line", wrong, holding([right.replacing("\n\n", with: "\nJohn Doe\n\n")])),
            Case("name", wrong, holding([right.replacing("\u{2014} log", with: "\u{2014} lag")])),
            Case("space", wrong, holding([right.replacing("log.example", with: "log example")])),
            Case("zero", wrong, holding([right.replacing("\n3\n", with: "\n03\n")])),
            Case("text", wrong, withLast { $0["checkpoints"] = "none" }),
        ])
    }

    @Test("What a plan was made of, and what would have fired, is read alike, and refused alike where it is not what it should be")
    func readsPlans() async throws {
        let digest = JSONValue.string(Digest(of: [1]).description)
        let pattern = JSONValue.string("ptrn_\(Digest(of: [2]))")
        let incident = JSONValue.string(IncidentID(at: sample.now).description)
        func planned(
            _ members: [String: JSONValue] = [:], kind: JSONValue = "decision", runbook: JSONValue = "linux.sshd.set_option"
        ) throws -> KitParts {
            let plan: [String: JSONValue] = [
                "parameters": ["value": "no", "list": ["a"], "since": ["instant": "2026-01-31T09:30:00.000Z"]],
                "platforms": ["debian", "linux"], "rule": "LRN-1", "ruleVersion": 2, "runbookDigest": digest,
            ]
            return try withLast {
                $0["kind"] = kind
                $0["runbook"] = runbook
                $0["plan"] = .object(plan.merging(members) { $1 })
            }
        }
        func shadowed(_ items: [JSONValue], incident: JSONValue) throws -> KitParts {
            try withLast {
                $0["shadow"] = .array(items)
                $0["incident"] = incident
            }
        }
        func firing(_ rule: JSONValue, _ version: JSONValue = 1, _ pattern: JSONValue) -> JSONValue {
            ["pattern": pattern, "rule": rule, "version": version]
        }
        let none: [String: JSONValue] = ["parameters": [:], "rule": nil, "ruleVersion": nil, "runbookDigest": nil]
        let wrong: Set<String> = ["bundle.field"]
        try await expectBoth([
            Case("plan", replaced, planned()), Case("no-plan", replaced, planned(none, runbook: nil)),
            Case("null", replaced, withLast { $0["plan"] = .null }), Case("more", replaced, planned(["later": true])),
            Case("text", wrong, withLast { $0["plan"] = "none" }), Case("verdict", wrong, planned(kind: "verdict")),
            Case("no-runbook", wrong, planned(runbook: nil)), Case("no-digest", wrong, planned(["runbookDigest": nil])),
            Case("parameters", wrong, planned(["parameters": ["value": nil]])), Case("name", wrong, planned(["parameters": ["a b": 1]])),
            Case("order", wrong, planned(["platforms": ["linux", "debian"]])), Case("twice", wrong, planned(["platforms": ["a", "a"]])),
            Case("version", wrong, planned(["ruleVersion": 0])), Case("no-rule", wrong, planned(["rule": nil])),
            Case("shadow", replaced, shadowed([firing("a", 1, pattern), firing("b", 7, pattern)], incident: incident)),
            Case("shadow-none", replaced, shadowed([], incident: nil)),
            Case("shadow-alone", wrong, shadowed([firing("a", 1, pattern)], incident: nil)),
            Case("shadow-order", wrong, shadowed([firing("b", 1, pattern), firing("a", 1, pattern)], incident: incident)),
            Case("shadow-many", wrong, shadowed((10..<27).map { firing(.string("r\($0)"), 1, pattern) }, incident: incident)),
            Case("shadow-pattern", wrong, shadowed([firing("a", 1, digest)], incident: incident)),
        ])
    }

    @Test("What passed between a site and a model is read alike, and refused alike where it is not what it should be")
    func readsExchanges() async throws {
        let incident = JSONValue.string(IncidentID(at: sample.now).description)
        let choice: JSONValue = [
            "runbook": "linux.sshd.set_option", "parameters": ["value"], "confidencePercent": 87, "needsApproval": false,
            "reason": "it fits",
        ]
        func exchanged(_ members: [String: JSONValue], about other: JSONValue? = nil) throws -> KitParts {
            let exchange: [String: JSONValue] = [
                "schema": "martlet.planner-exchange/v1", "incident": incident, "started": "2026-01-31T09:30:00.000Z",
                "latencyMilliseconds": 1_200, "outcome": "planner.choice", "choice": choice, "costMicrodollars": 1_000, "fromCache": false,
                "prompt": "{}", "pattern": .string(Digest(of: [1]).description), "model": "model-1", "inputTokens": 700,
            ]
            return try withLast {
                $0["incident"] = other ?? incident
                $0["exchange"] = .object(exchange.merging(members) { $1 })
            }
        }
        let wrong: Set<String> = ["bundle.field"]
        try await expectBoth([
            Case("chosen", replaced, exchanged([:])), Case("later", replaced, exchanged(["later": 1])),
            Case("unsure", replaced, exchanged(["outcome": "planner.low_confidence", "choice": nil, "unsure": choice])),
            Case("refused", replaced, exchanged(["outcome": "planner.timed_out", "choice": nil, "prompt": nil, "model": nil])),
            Case("absent", replaced, withLast { $0["exchange"] = .null }), Case("text", wrong, withLast { $0["exchange"] = "none" }),
            Case("schema", wrong, exchanged(["schema": "martlet.planner-exchange/v2"])),
            Case("no-choice", wrong, exchanged(["choice": nil])), Case("refused-choice", wrong, exchanged(["outcome": "planner.off"])),
            Case("other", wrong, exchanged([:], about: .string(IncidentID(at: sample.now).description))),
            Case("alone", wrong, exchanged([:], about: .null)), Case("cost", wrong, exchanged(["costMicrodollars": -1])),
            Case("fraction", wrong, exchanged(["latencyMilliseconds": .number(0.5)])),
            Case("digest", wrong, exchanged(["pattern": "00"])), Case("cache", wrong, exchanged(["fromCache": nil])),
            Case("long", wrong, exchanged(["answer": .string(String(repeating: "x", count: 8_193))])),
            Case(
                "sure", wrong,
                exchanged(["choice": ["runbook": "a", "parameters": [], "confidencePercent": 101, "needsApproval": true, "reason": ""]])),
        ])
    }

    func expectBoth(_ cases: [Case]) async throws {
        for item in cases { try Data(item.parts.packed()).write(to: URL(filePath: directory.file("batch/\(item.name)"))) }
        let script = "\(repositoryRoot)/scripts/verify_kit.py"
        let lines = try runCommand("/usr/bin/env", ["python3", script, "--batch", directory.file("batch")])
        var judged: [String: Set<String>] = [:]
        for line in lines.split(separator: "\n") {
            let value = try JSONValue(parsing: String(line), limits: JSONLimits(bytesMax: 1 << 20))
            judged[try #require(value["kit"]?.string)] = Set(try #require(value["findings"]?.array).compactMap { $0["code"]?.string })
        }
        for item in cases {
            let report = await KitVerifier(trust: .none, workers: 2).verify(directory.file("batch/\(item.name)"))
            #expect(Set(report.findings.map(\.code.description)) == item.codes, "martlet verify, \(item.name)")
            #expect(judged[item.name] == item.codes, "verify_kit.py, \(item.name)")
        }
    }

    @Test("A member's name outside of printable ASCII is refused, so that no two readers can disagree on what is the same name")
    func refusesOtherKeys() async throws {
        var files = genuine
        try files.relist(with: sample.central) {
            var listed = $0["files"]!.object!
            listed["\u{212a}"] = ["sha256": .string(Digest.genesis.description), "size": 0]
            $0["files"] = .object(listed)
        }
        var envelope = genuine
        let receipt = genuine.receiptNames[0]
        let text = String(decoding: genuine[receipt]!, as: UTF8.self)
        envelope[receipt] = Array(text.replacing("{\"keyId\"", with: "{\"\u{e9}\":1,\"keyId\"").utf8)
        try envelope.relist(with: sample.central)
        try await expectBoth([
            Case("ascii", replaced, withLast { $0["~ !"] = 1 }),
            Case("composed", ["bundle.not_json"], withLast { $0["\u{e9}"] = 1 }),
            Case("framework", ["bundle.not_json"], withLast { $0["controls"] = ["f\u{fc}r": []] }),
            Case("control-character", ["bundle.not_json"], withLast { $0["\u{7f}"] = 1 }),
            Case("value", replaced, withLast { $0["note"] = "\u{e9} e\u{301} \u{212a}" }),
            Case("manifest", ["kit.manifest_malformed"], files),
            Case("receipt", ["receipt.malformed", "receipt.missing"], envelope),
        ])
    }

    @Test("A success whose re-check is of another host or check, or whose verdict is not compliant, is not evidence")
    func refusesBorrowedProof() async throws {
        func success(_ recheck: [String: JSONValue] = [:], _ members: [String: JSONValue] = [:]) throws -> KitParts {
            try withLast {
                let look: [String: JSONValue] = [
                    "check": $0["check"]!, "host": $0["host"]!, "started": $0["ended"]!, "ended": $0["ended"]!,
                ]
                $0["outcome"] = [
                    "code": nil, "recheck": .object(look.merging(recheck) { $1 }), "until": nil, "word": "success",
                ]
                for (key, value) in members { $0[key] = value }
            }
        }
        try await expectBoth([
            Case("genuine", replaced, success()),
            Case("other-host", ["bundle.field"], success(["host": "records"])),
            Case("other-check", ["bundle.field"], success(["check": "linux.firewall.ruleset"])),
            Case("no-check", ["bundle.field"], success([:], ["check": nil])),
            Case("drift", ["bundle.field"], success([:], ["verdict": ["code": "ssh.root_login", "word": "drift"]])),
            Case("unknown", ["bundle.field"], success([:], ["verdict": ["code": "host.timed_out", "word": "unknown"]])),
            Case("no-verdict", ["bundle.field"], success([:], ["verdict": nil])),
        ])
    }

    @Test("A key of small order, with which anybody can sign anything, is no key")
    func refusesWeakKeys() async throws {
        let weak: [UInt8] = [1] + [UInt8](repeating: 0, count: 31)
        // R and S of the neutral element: without the rule this verifies under that key for every message.
        let forged = weak + [UInt8](repeating: 0, count: 32)
        let id = KeyID(of: weak)
        var parts = genuine
        let prefix: [UInt8] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]
        parts["keys/\(id).pub"] = Array("-----BEGIN PUBLIC KEY-----\n\((prefix + weak).base64)\n-----END PUBLIC KEY-----\n".utf8)
        for name in parts.bundleNames[..<12] { parts[name.replacing("bundle.json", with: "bundle.sig")] = forged }
        let forgery = try withAppliance(0, in: parts) {
            $0["keys"] = [["id": .string(id.description), "validFrom": .string(sample.now.description), "validUntil": nil]]
        }
        try await expectBoth([Case("forgery", ["kit.key_missing", "bundle.unknown_key"], forgery)])
    }

    @Test("A public key is the bytes of its PEM, not what Unicode holds equivalent")
    func refusesEquivalentPEM() async throws {
        let path = "keys/\(sample.evidenceKey.id).pub"
        var parts = genuine
        parts[path] = Array(String(decoding: genuine[path]!, as: UTF8.self).replacing("KEY", with: "\u{212a}EY").utf8)
        try parts.relist(with: sample.central)
        try await expectBoth([Case("kelvin", ["kit.key_missing", "bundle.unknown_key", "kit.prior"], parts)])
    }

    @Test("An integer that no double holds is no JSON, however long it is", arguments: [308, 309, 350, 399, 400, 5_000])
    func refusesLongIntegers(digits: Int) async throws {
        let text = String(decoding: genuine[last]!, as: UTF8.self)
        let long = text.replacing("\"catalogVersion\":3", with: "\"catalogVersion\":" + String(repeating: "9", count: digits))
        let parts = try withLast(bytes: Array(long.utf8))
        try await expectBoth([Case("\(digits)", ["bundle.not_json"], parts)])
    }

    @Test("What was signed five minutes after the key was revoked, or later, is a finding")
    func refusesAfterRevocation() async throws {
        func revoked(_ instant: Timestamp) throws -> KitParts {
            try withAppliance(0) {
                var key = $0["keys"]!.array![0].object!
                key["validUntil"] = .string(instant.description)
                $0["keys"] = [.object(key)]
            }
        }
        let end = sample.bundles[11].record.ended
        try await expectBoth([
            Case("in-time", [], revoked(end - .seconds(300))),
            Case("late", ["bundle.key_not_valid"], revoked(end - .milliseconds(300_001))),
        ])
    }

    @Test("An enrolled appliance that sent nothing is in the kit, and both readers say so")
    func namesTheSilent() async throws {
        var random = SeededGenerator(seed: 24)
        let silent = ApplianceID(at: sample.now + .seconds(9), random: &random)
        var keys = sample.subject.keys
        keys[silent] = [EnrolledKey(key: SigningKey().verifyingKey, validFrom: sample.now, validUntil: nil)]
        let subject = sample.subject
        let wider = KitSubject(
            site: subject.site, organization: subject.organization, organizationName: subject.organizationName, period: subject.period,
            keys: keys, receipts: subject.receipts, receiptKeys: subject.receiptKeys, statements: subject.statements,
            controls: subject.controls, prior: subject.prior, priorBundles: subject.priorBundles, log: subject.log)
        let path = directory.file("silent.zip")
        let writer = try KitWriter(path: path, subject: wider, key: sample.central)
        for bundle in sample.bundles { try writer.add(bundle) }
        try writer.finish(seen: sample.seen)

        let report = await KitVerifier(trust: .none, workers: 2).verify(path)
        #expect(report.findings == [] && report.exitCode == 0)
        #expect(report.table.contains("appliance     \(silent)  sent nothing\n"))
        #expect(report.json["appliances"]?.array?.contains { $0["appliance"]?.string == silent.description } == true)
        let printed = try runCommand("/usr/bin/env", ["python3", "\(repositoryRoot)/scripts/verify_kit.py", path])
        #expect(printed.contains("appliance \(silent): sent nothing\n"))

        let nothing: (inout [String: JSONValue]) -> Void = {
            $0["count"] = 0
            for key in ["first", "last", "head"] { $0[key] = .null }
        }
        let whole = try KitParts(path: path)
        try await expectBoth([
            Case("silent", [], whole),
            Case("denied", ["kit.wrong_count", "log.leaves_malformed", "receipt.beyond_end"], withAppliance(0, nothing)),
            Case("half", ["kit.manifest_malformed"], withAppliance(0) { $0["count"] = 0 }),
            Case(
                "claimed", ["chain.gap", "kit.wrong_count", "log.leaves_malformed"],
                withAppliance(2, in: whole) {
                    $0["count"] = 1
                    for key in ["first", "last"] { $0[key] = 0 }
                    $0["head"] = .string(Digest.genesis.description)
                }),
        ])
    }

    @Test("One finding is one finding, and a kit of another key is said to be that")
    func speaksPlainly() async throws {
        let path = directory.file("kit.zip")
        let other = SigningKey().id
        let report = await KitVerifier(trust: .keyID(other), workers: 2).verify(path)
        #expect(report.table.contains("result        1 finding: do not rely on what it names\n"))
        #expect(report.trustSentence == "signed by \(sample.central.id), which is not the key you named: nobody you named vouches for it")
        let script = "\(repositoryRoot)/scripts/verify_kit.py"
        let printed = try runCommand("/bin/sh", ["-c", "python3 '\(script)' --key \(other) '\(path)'; test $? = 1"])
        #expect(printed.contains("which is not the key you named") && printed.contains("result    1 finding\n"))
        let readme = try #require(genuine["README.txt"])
        #expect(String(decoding: readme, as: UTF8.self).contains("sha256sum FILE"))
    }
}
