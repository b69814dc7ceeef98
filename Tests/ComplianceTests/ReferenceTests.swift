import Compliance
import Foundation
import Model
import Seal
import TestSupport
import Testing

/// The product and a program that was written from the document alone must not differ in a byte.
@Suite struct ReferenceTests {
    @Test func productAndReferenceAgreeOnEveryHistory() throws {
        let seeds = UInt64(1)...200
        let directory = try TemporaryDirectory()
        let questions = directory.file("questions.jsonl")
        var text: [UInt8] = []
        var expected: [String] = []
        for seed in seeds {
            let history = History(seed: seed)
            text += try history.question.canonicalBytes() + [10]
            expected.append(String(decoding: try history.answer().canonicalBytes(), as: UTF8.self))
        }
        try Data(text).write(to: URL(filePath: questions))
        let output = try runCommand("/usr/bin/env", ["python3", "\(repositoryRoot)/scripts/coverage_reference.py", questions])
        let answers = output.split(separator: "\n").map(String.init)
        try #require(answers.count == expected.count)
        for (seed, pair) in zip(seeds, zip(answers, expected)) where pair.0 != pair.1 {
            Issue.record("seed \(seed): \(Self.difference(pair.0, pair.1))")
        }
        // Histories that never come to a made, a late, an excepted and a missing slot would prove little.
        for word in ["\"made\":", "\"late\":", "\"excepted\":"] {
            #expect(expected.contains { $0.contains("\(word)1") }, "\(word)")
        }
        for code in ["gap.clock", "gap.down", "gap.silent", "gap.unknown", "host.unreachable"] {
            #expect(expected.contains { $0.contains("\"cause\":\"\(code)\"") }, "\(code)")
        }
    }

    private static func difference(_ reference: String, _ product: String) -> String {
        let (a, b) = (Array(reference.utf8), Array(product.utf8))
        let at = zip(a, b).enumerated().first { $1.0 != $1.1 }?.offset ?? min(a.count, b.count)
        func around(_ bytes: [UInt8]) -> String { String(decoding: bytes[max(0, at - 300)..<min(bytes.count, at + 120)], as: UTF8.self) }
        return "\nreference \(around(a))\nproduct   \(around(b))"
    }
}
