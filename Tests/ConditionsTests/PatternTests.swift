import Conditions
import Testing

@Suite struct PatternTests {
    @Test(
        "The whole text must match",
        arguments: [
            ("no|yes", "no", true), ("no|yes", "nope", false), ("[a-z-]{1,4}", "a-b", true), ("[a-z-]{1,4}", "abcde", false),
            ("a{2}", "aa", true), ("a{2}", "aaa", false), ("a{2,}", "aaaa", true), ("(ab)+c?", "ababc", true), (".*", "", true),
            ("\\d+\\.\\d+", "1.10", true), ("[^/]+", "a/b", false), ("caf.", "café", true), ("\\[x\\]", "[x]", true), ("a.b", "a\nb", true),
        ] as [(String, String, Bool)])
    func matchesWholeTexts(pattern: String, text: String, expected: Bool) throws {
        #expect(try Pattern(pattern).matches(text) == expected)
    }

    @Test(
        "What is not in the grammar is refused with a reason",
        arguments: [
            "", "a|", "(", ")", "(a", "a)", "[a", "[]", "[z-a]", "a**", "a+?", "*a", "{2}", "a{2", "a{3,2}", "a{0}", "a{1001}", "^a", "a$",
            "(?:a)",
            "(?i)a", "\\1", "\\b", "\\", "a{99999999999999999999}", "(a{100}){100}", "]", "}", "[[]", "()",
        ])
    func refuses(pattern: String) {
        #expect(throws: PatternError.self) { try Pattern(pattern) }
    }

    @Test func refusesNestingAndLengthPastTheLimit() {
        let depth = Pattern.depthMax
        func nested(_ levels: Int) -> String { String(repeating: "(", count: levels) + "a" + String(repeating: ")", count: levels) }
        #expect(throws: Never.self) { try Pattern(nested(depth)) }
        #expect(throws: PatternError.self) { try Pattern(nested(depth + 1)) }
        #expect(throws: Never.self) { try Pattern(String(repeating: "a", count: Pattern.bytesMax)) }
        #expect(throws: PatternError.self) { try Pattern(String(repeating: "a", count: Pattern.bytesMax + 1)) }
    }

    @Test(
        "The classic explosions take steps in proportion to the text",
        arguments: ["(a+)+b", "(a|a)*b", "(a|aa)+b", "(.*)*b", "a{0,50}a{50}b"])
    func isLinear(pattern: String) throws {
        let compiled = try Pattern(pattern)
        let short = compiled.run(String(repeating: "a", count: 1_000))
        let long = compiled.run(String(repeating: "a", count: 2_000))
        #expect(!short.matches && !long.matches)
        #expect(long.steps <= short.steps * 2 + short.steps / 10)
        #expect(long.steps <= 2_001 * 4 * 160)
    }

    /// `Fixtures/patterns.tsv` was made by `Fixtures/make-patterns.py` with Python's `re.fullmatch`.
    @Test func agreesWithPythonOnThousandsOfPatterns() throws {
        let lines = try Fixture.lines("patterns.tsv")
        #expect(lines.count > 3_000)
        var matched = 0
        for line in lines {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard fields.count == 3 else { return #expect(Bool(false), "malformed line: \(line)") }
            let expected = fields[2] == "1"
            matched += expected ? 1 : 0
            #expect(try Pattern(String(fields[0])).matches(String(fields[1])) == expected, "\(fields[0]) on \(fields[1])")
        }
        #expect(matched > 700 && matched < lines.count - 700)
    }
}
