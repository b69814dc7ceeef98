import Compliance
import Foundation
import Model
import Seal
import TestSupport
import Testing
import TransparencyLog

@testable import Reports

/// Three readers, in three languages, that share no code: whatever is done to a kit, they must say the same of it.
///
/// Some hundred kits each time; `MARTLET_KIT_MUTATIONS=10000` for as many as that. The seed is printed, and taken from
/// `MARTLET_KIT_SEED` if that is set.
@Suite struct KitMutationTests {
    private struct Judgement: Equatable {
        let exit: Int64
        let codes: Set<String>
    }

    @Test("Swift, Python and the page in a browser give the same verdict on every mutated kit, and none passes")
    func readersAgree() async throws {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["MARTLET_KIT_MUTATIONS"].flatMap { Int($0) } ?? 240
        let seed = environment["MARTLET_KIT_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64(UInt32.max))
        print("kit mutations: \(count), seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let directory = try TemporaryDirectory()
        let kinds = KitMutation.allCases
        var seen: Set<String> = []
        // So that the disk never holds more than a thousand.
        for start in stride(from: 0, to: count, by: 1_000) {
            let mutated = try directory.subdirectory("mutated-\(start)")
            // What one sample's random looks do not show, another's do.
            var samples: [(sample: KitSample, parts: KitParts)] = []
            for number in 0..<8 {
                let sample = try await KitSample(seed: seed &+ UInt64(start + number))
                try sample.write(to: "\(mutated)/genuine-\(number)")
                samples.append((sample, try KitParts(path: "\(mutated)/genuine-\(number)")))
            }
            var named: [String: KitMutation] = [:]
            for index in start..<min(start + 1_000, count) {
                let mutation = kinds[index % kinds.count]
                let (sample, original) = samples[index / kinds.count % samples.count]
                let name = "\(mutation)-\(index)"
                named[name] = mutation
                try Data(mutation.apply(to: original, of: sample, using: &random)).write(to: URL(filePath: "\(mutated)/\(name)"))
            }
            let python = try judgements("python3", ["\(repositoryRoot)/scripts/verify_kit.py", "--batch", mutated])
            let page = try judgements("python3", ["\(repositoryRoot)/scripts/checks/kit_page.py", "batch", Self.page, mutated])
            for name in named.keys.sorted() + samples.indices.map({ "genuine-\($0)" }) {
                let report = await KitVerifier(trust: .none, workers: 2).verify("\(mutated)/\(name)")
                let found = Judgement(exit: Int64(report.exitCode), codes: Set(report.findings.map(\.code.description)))
                seen.formUnion(found.codes)
                #expect(python[name] == found, "seed \(seed), \(name), verify_kit.py")
                #expect(page[name] == found, "seed \(seed), \(name), verify.html")
                guard let mutation = named[name] else {
                    #expect(found.exit == 0, "seed \(seed), \(name)")
                    continue
                }
                if !mutation.mayBeHarmless { #expect(found.exit != 0, "seed \(seed), \(name) was not noticed") }
            }
            try FileManager.default.removeItem(atPath: mutated)
        }
        // What a kit cannot be caught with would be no evidence of agreement; some of it takes luck.
        guard count >= 1_000 else { return }
        for code in [
            "log.wrong_root", "log.nodes_malformed", "log.leaves_malformed", "log.bad_checkpoint", "log.too_few_witnesses",
            "log.witnesses_malformed", "coverage.differs", "continuity.differs", "population.differs", "ledger.differs",
            "population.control_missing", "receipt.wrong_index", "kit.horizon", "kit.second_key", "kit.prior", "receipt.missing",
            "kit.zip_malformed", "statement.unknown_key", "statement.misplaced", "chain.gap",
        ] {
            #expect(seen.contains(code), "seed \(seed): no mutation led to \(code)")
        }
    }

    @Test("What is left of a chain must follow the bundle that is said to be the last gone, to all three readers")
    func beginsAfterWhatIsGone() async throws {
        let directory = try TemporaryDirectory()
        let kits = try directory.subdirectory("kits")
        for (name, last) in [("follows", Digest(of: [1])), ("another", Digest(of: [7]))] {
            try await KitSample(seed: 8, pruned: last).write(to: "\(kits)/\(name)")
        }
        let wanted = ["follows": Judgement(exit: 0, codes: []), "another": Judgement(exit: 1, codes: ["kit.pruned"])]
        #expect(try judgements("python3", ["\(repositoryRoot)/scripts/verify_kit.py", "--batch", kits]) == wanted)
        #expect(try judgements("python3", ["\(repositoryRoot)/scripts/checks/kit_page.py", "batch", Self.page, kits]) == wanted)
        for (name, judgement) in wanted {
            let report = await KitVerifier(trust: .none, workers: 2).verify("\(kits)/\(name)")
            #expect(Judgement(exit: Int64(report.exitCode), codes: Set(report.findings.map(\.code.description))) == judgement)
            #expect(report.pruned.map(\.lastSequence) == [39], "\(name)")
        }
    }

    @Test("What was looked at and is said not to have been expected is named by all three readers")
    func looksWithoutExpectation() async throws {
        let directory = try TemporaryDirectory()
        let kits = try directory.subdirectory("kits")
        let sample = try await KitSample(seed: 9)
        var silent = sample.whole
        // What the second box expected before the kit's begin is left out, and all that the kit states follows from the rest.
        silent.prior = []
        try await sample.write(sample.whole, to: "\(kits)/expected")
        try await sample.write(silent, to: "\(kits)/unexpected")
        let wanted = ["expected": Judgement(exit: 0, codes: []), "unexpected": Judgement(exit: 1, codes: ["ledger.not_expected"])]
        #expect(try judgements("python3", ["\(repositoryRoot)/scripts/verify_kit.py", "--batch", kits]) == wanted)
        #expect(try judgements("python3", ["\(repositoryRoot)/scripts/checks/kit_page.py", "batch", Self.page, kits]) == wanted)
        for (name, judgement) in wanted {
            let report = await KitVerifier(trust: .none, workers: 2).verify("\(kits)/\(name)")
            #expect(Judgement(exit: Int64(report.exitCode), codes: Set(report.findings.map(\.code.description))) == judgement)
        }
    }

    @Test("The page's policy allows its own script and style, by their digests, and no connection")
    func pageIsClosed() throws {
        let html = try String(contentsOfFile: Self.page, encoding: .utf8)
        func between(_ start: String, _ end: String) throws -> String {
            let from = try #require(html.range(of: start)).upperBound
            return String(html[from..<(try #require(html.range(of: end, range: from..<html.endIndex))).lowerBound])
        }
        let policy = try between("Content-Security-Policy\" content=\"", "\"")
        for (directive, start, end) in [("script-src", "<script>", "</script>"), ("style-src", "<style>", "</style>")] {
            let digest = Digest(of: Array(try between(start, end).utf8)).bytes.base64
            #expect(policy.contains("\(directive) 'sha256-\(digest)'"), "\(directive) is not of what the page holds: 'sha256-\(digest)'")
        }
        #expect(policy.hasPrefix("default-src 'none'; ") && !policy.contains("connect-src") && !policy.contains("unsafe"))
        #expect(!html.contains("innerHTML") && !html.contains("http://") && !html.contains("https://"))
    }

    @Test("The page says in words what was found, asks nobody, and fits a telephone", arguments: ["light", "dark"])
    func pageSpeaks(_ scheme: String) async throws {
        let directory = try TemporaryDirectory()
        let sample = try await KitSample(seed: 3)
        try sample.write(to: directory.file("kit.zip"))
        // Fails when the page complains, asks for anything or scrolls sideways.
        let said = try runCommand(
            "/usr/bin/env",
            [
                "python3", "\(repositoryRoot)/scripts/checks/kit_page.py", "show", Self.page, directory.file("kit.zip"),
                directory.file("page.png"), scheme, "390",
            ])
        let wanted = [
            "Everything that can be checked here is right", "Which days are covered", "the appliance did not run", "Draw a sample",
        ]
        for words in wanted {
            #expect(said.contains(words), "\(words)")
        }
    }

    @Test("All readers draw the same sample, and say so when the log is another")
    func drawTheSame() async throws {
        let directory = try TemporaryDirectory()
        let sample = try await KitSample(seed: 4)
        let kit = directory.file("kit.zip")
        try sample.write(to: kit)
        let (nonce, count) = ("chosen afterwards, é", 7)
        let request = try #require(KitVerifier.SampleRequest(count: count, nonce: nonce))
        let report = await KitVerifier(trust: .none, sample: request, workers: 2).verify(kit)
        let drawn = try #require(report.sample)
        #expect(drawn.count == count && Set(drawn).count == count)
        let script = "\(repositoryRoot)/scripts/verify_kit.py"
        let printed = try runCommand("/usr/bin/env", ["python3", script, "--sample", "\(count)", "--nonce", nonce, kit])
        let lines = printed.split(separator: "\n").filter { $0.hasPrefix("sample") }
        #expect(lines == drawn.map { "sample    \($0.appliance) \($0.sequence)" })
        #expect(KitVerifier.SampleRequest(count: 1, nonce: "too short") == nil && KitVerifier.SampleRequest(count: 0, nonce: nonce) == nil)

        let other = try NoteVerifier(name: "log.example/1", key: SigningKey().verifyingKey)
        let pinned = await KitVerifier(trust: .none, log: other, workers: 2).verify(kit)
        #expect(pinned.findings.map(\.code) == ["log.untrusted_key"] && pinned.figures != nil)
        let right = await KitVerifier(trust: .none, log: sample.subject.log.key, workers: 2).verify(kit)
        #expect(right.exitCode == 0)
    }

    static let page = "\(repositoryRoot)/Sources/Reports/verify.html"

    private func judgements(_ program: String, _ arguments: [String]) throws -> [String: Judgement] {
        var judged: [String: Judgement] = [:]
        for line in try runCommand("/usr/bin/env", [program] + arguments).split(separator: "\n") {
            let value = try JSONValue(parsing: String(line), limits: JSONLimits(bytesMax: 1 << 24))
            let codes = try #require(value["findings"]?.array).compactMap { $0["code"]?.string }
            judged[try #require(value["kit"]?.string)] = Judgement(exit: try #require(value["exit"]?.integer), codes: Set(codes))
        }
        return judged
    }
}

extension TemporaryDirectory {
    fileprivate func subdirectory(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: false)
        return file(name)
    }
}
