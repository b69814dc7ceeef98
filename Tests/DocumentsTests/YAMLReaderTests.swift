import Documents
import Testing

@Suite struct YAMLReaderTests {
    private func read(_ text: String, limits: YAMLLimits = YAMLLimits()) throws(Diagnostic) -> Node {
        try YAMLReader.read(Array(text.utf8), file: "a.yaml", limits: limits)
    }

    private func refusal(_ bytes: [UInt8], limits: YAMLLimits = YAMLLimits()) -> Diagnostic? {
        do {
            _ = try YAMLReader.read(bytes, file: "a.yaml", limits: limits)
            return nil
        } catch { return error }
    }

    @Test func scalarsKeepTheirTextAndEveryPieceItsLine() throws {
        let root = try read("id: 1.10\nlist:\n  - no\n  - \"no\"\ntext: |\n  two\n  lines\n")
        guard case .mapping(let entries) = root.content, entries.count == 3 else { return #expect(Bool(false), "no mapping") }
        guard case .scalar("1.10", isQuoted: false) = entries[0].value.content else { return #expect(Bool(false), "1.10 was guessed") }
        guard case .sequence(let items) = entries[1].value.content else { return #expect(Bool(false), "no list") }
        #expect(items.map(\.mark.line) == [3, 4])
        guard case .scalar("no", isQuoted: false) = items[0].content, case .scalar("no", isQuoted: true) = items[1].content else {
            return #expect(Bool(false), "quotes were lost")
        }
        guard case .scalar("two\nlines\n", isQuoted: true) = entries[2].value.content else { return #expect(Bool(false), "block text") }
        #expect(entries[2].key.mark.description == "a.yaml:5")
    }

    @Test(
        "What could surprise is refused with its code and line",
        arguments: [
            ("", "yaml.empty", 1), ("# only a comment\n", "yaml.empty", 2), ("a: 1\n---\nb: 2\n", "yaml.documents", 2),
            ("a: &x 1\n", "yaml.anchor", 1), ("a: 1\nb: *x\n", "yaml.alias", 2), ("a: !!int 1\n", "yaml.tag", 1),
            ("? *a\n: 1\n", "yaml.alias", 1), ("? [a]\n: 1\n", "yaml.key", 1), ("a: 1\nb: 2\na: 3\n", "yaml.duplicate_key", 3),
            ("a: 1\n\"a\": 3\n", "yaml.duplicate_key", 2), ("a:\n\t- b\n", "yaml.syntax", 2), ("a: [1, 2\n", "yaml.syntax", 2),
            ("a: \"x\n", "yaml.syntax", 2), ("%TAG ! tag:x,2000:\n--- !y\na: 1\n", "yaml.tag", 2), ("a: \u{1}\n", "yaml.syntax", 1),
            ("a: 'x' y\n", "yaml.syntax", 1), ("}", "yaml.syntax", 1),
        ])
    func refuses(text: String, code: String, line: Int) {
        let found = refusal(Array(text.utf8))
        #expect(found?.code == code)
        #expect(found?.mark.line == line)
        #expect(found?.sentence.isEmpty == false)
    }

    @Test("Bytes that are not UTF-8 text are refused before the parser sees them")
    func refusesOtherEncodings() {
        let wrong: [[UInt8]] = [
            [0x61, 0x3a, 0x20, 0xff], [0xff, 0xfe, 0x61, 0x00], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0x61, 0x3a, 0x20, 0x00, 0x62],
            [0xe2, 0x82],
        ]
        for bytes in wrong { #expect(refusal(bytes)?.code == "yaml.not_utf8") }
        #expect(refusal([0x61, 0x3a, 0x0a, 0x20, 0xff])?.mark.line == 2)
    }

    @Test func aBillionLaughsEndsAtTheFirstAnchor() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...20 { text += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", "))]\n" }
        #expect(refusal(Array(text.utf8))?.code == "yaml.anchor")
        #expect(refusal(Array(text.utf8))?.mark.line == 1)
    }

    @Test("Size, depth and count pass at the limit and are refused one past it")
    func holdsItsLimits() throws {
        let limits = YAMLLimits(bytesMax: 40, depthMax: 4, nodesMax: 8)
        _ = try read("a: " + String(repeating: "x", count: 37), limits: limits)
        #expect(refusal(Array(("a: " + String(repeating: "x", count: 38)).utf8), limits: limits)?.code == "yaml.too_large")
        _ = try read("[[[x]]]", limits: limits)
        #expect(refusal(Array("[[[[x]]]]".utf8), limits: limits)?.code == "yaml.too_deep")
        _ = try read("[1,2,3,4,5,6,7]", limits: limits)
        #expect(refusal(Array("[1,2,3,4,5,6,7,8]".utf8), limits: limits)?.code == "yaml.too_many")
    }

    @Test(
        "A mebibyte of brackets, keys, dashes or one word is refused, or read, without a crash",
        arguments: ["[", "{", "- ", "a: ", "? ", "[a,"])
    func survivesRepetition(piece: String) {
        let text = String(repeating: piece, count: (1 << 20) / piece.utf8.count)
        #expect(refusal(Array(text.utf8)) != nil)
    }

    @Test func aQuarterMillionKeysAreRefusedByCount() {
        let text = (0..<130_000).map { "k\($0):\n" }.joined()
        #expect(refusal(Array(text.utf8.prefix(1 << 20)))?.code == "yaml.too_many")
    }

    @Test("Flipped bytes of a good document never crash the reader")
    func survivesMutation() {
        let good = Array("schema: x/v1\nlist: [a, \"b\", {c: d}]\ntext: >\n  folded\n  text\nmap:\n  - k: 'v'\n".utf8)
        var random = SplitMix(seed: 7)
        var refused = 0
        for _ in 0..<4_000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let found = refusal(bytes) {
                refused += 1
                #expect(found.code.hasPrefix("yaml."))
            }
        }
        #expect(refused > 1_000)
    }

    @Test func aFileThatCannotBeReadIsNamed() {
        #expect(throws: Diagnostic.self) { try YAMLReader.read(path: "/nowhere/x.yaml") }
        #expect(throws: Diagnostic.self) { try YAMLReader.read(path: "/") }
    }
}

/// Random numbers that a seed repeats (splitmix64).
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
