import Seal
import TestSupport
import Testing

@Suite struct JSONParsingTests {
    let limits = JSONLimits(bytesMax: 1 << 20)

    func refusal(_ text: String, _ limits: JSONLimits? = nil) -> String? { refusal(Array(text.utf8), limits) }

    func refusal(_ bytes: [UInt8], _ limits: JSONLimits? = nil) -> String? {
        do throws(JSONError) {
            _ = try JSONValue(parsing: bytes, limits: limits ?? self.limits)
            return nil
        } catch {
            return error.code
        }
    }

    @Test("Whole numbers have one value however they are written")
    func readsNumbers() throws {
        let text = "[0, -0, 1.0, 1e2, -12.50e1, 9007199254740991, -9007199254740991, 0.5, 9007199254740992, 295147905179352830000, 1E400]"
        #expect(refusal(text) == "json.number")
        let value = try JSONValue(parsing: String(text.dropLast(8)) + "]", limits: limits)
        #expect(
            value == [
                0, 0, 1, 100, -125, 9_007_199_254_740_991, -9_007_199_254_740_991, .number(0.5), .number(9_007_199_254_740_992),
                .number(295_147_905_179_352_825_856),
            ])
    }

    @Test(
        "An integer that a double would change is refused",
        arguments: ["9007199254740993", "-9007199254740993", "295147905179352825856", "18446744073709551615", "1000000000000000000000"])
    func refusesInexactIntegers(text: String) { #expect(refusal(text) == "json.number") }

    @Test(
        "What is not JSON is refused",
        arguments: [
            "", " ", "{", "[", "\"", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1,]", "[,1]", "{,}", "{a:1}", "{'a':1}", "01", "-", "+1", ".5",
            "1.",
            "1e", "1e+", "--1", "NaN", "Infinity", "-Infinity", "tru", "nul", "True", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\",
            "\"tab\there\"", "\"a\nb\"", "\u{feff}1", "[1 2]", "{\"a\":1 \"b\":2}", "/* c */1", "\u{a0}1", "\"\u{0}\"", "trué", "\"\\u\"",
        ])
    func refusesBadSyntax(text: String) { #expect(refusal(text) == "json.syntax") }

    @Test(arguments: ["1 2", "{}{}", "[]]", "\"a\"b", "null,", "truex", "0x10"])
    func refusesWhatFollows(text: String) { #expect(refusal(text) == "json.trailing") }

    @Test(
        "Half a surrogate pair is refused",
        arguments: ["\"\\ud800\"", "\"\\udc00\"", "\"\\ud800x\"", "\"\\ud800\\n\"", "\"\\ud800\\ud800\"", "\"\\ude00\\ud83d\""])
    func refusesLoneSurrogates(text: String) { #expect(refusal(text) == "json.lone_surrogate") }

    @Test("Where only printable ASCII keys are taken, any other is refused at any depth, and texts stay free")
    func refusesOtherKeys() {
        let signed = JSONLimits.signed(bytesMax: 1_000)
        for text in [
            #"{"é":1}"#, "[{\"a\":{\"e\u{301}\":1}}]", "{\"\u{212a}\":1}", "{\"\u{7f}\":1}", #"{"\u00e9":1}"#, #"{"\n":1}"#, #"{"😀":1}"#,
        ] {
            #expect(refusal(text, signed) == "json.key")
            #expect(refusal(text) == nil)
        }
        for text in [#"{" ~":"é😀"}"#, #"{"":1}"#, #"{"\u0041":1}"#, #"["é"]"#] { #expect(refusal(text, signed) == nil) }
    }

    @Test("A key twice is refused, also when one is escaped or decomposed, at any depth")
    func refusesDuplicateKeys() {
        #expect(refusal(#"{"a":1,"a":1}"#) == "json.duplicate_key")
        #expect(refusal(#"[{"x":{"a":1,"b":2,"\u0061":1}}]"#) == "json.duplicate_key")
        #expect(refusal("{\"\u{e9}\":1,\"e\u{301}\":1}") == "json.duplicate_key")
        #expect(refusal(#"[{"a":1},{"a":1}]"#) == nil)
    }

    @Test(
        "Bytes that are not UTF-8 are refused wherever they stand",
        arguments: [
            [0xff], [0x22, 0xc3, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22],
            [0x22, 0xe2, 0x82, 0x22], [0x31, 0x80],
        ] as [[UInt8]])
    func refusesBadUTF8(bytes: [UInt8]) { #expect(refusal(bytes) == "json.not_utf8") }

    @Test("Depth and size: the limit passes, one more is refused, and a hundred thousand levels do not crash")
    func keepsLimits() {
        func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        let limits = JSONLimits(bytesMax: 64, depthMax: 8)
        #expect(refusal(nested(8), limits) == nil)
        #expect(refusal(nested(9), limits) == "json.too_deep")
        #expect(refusal("\"" + String(repeating: "a", count: 62) + "\"", limits) == nil)
        #expect(refusal("\"" + String(repeating: "a", count: 63) + "\"", limits) == "json.too_large")
        #expect(refusal(nested(10_000)) == "json.too_deep")
        #expect(refusal(nested(JSONLimits.depthCeiling), JSONLimits(bytesMax: 1 << 20, depthMax: .max)) == nil)
        #expect(refusal(nested(100_000), JSONLimits(bytesMax: 1 << 20, depthMax: .max)) == "json.too_deep")
        #expect(refusal(String(repeating: "{\"a\":", count: 100_000), JSONLimits(bytesMax: 1 << 20, depthMax: .max)) == "json.too_deep")
    }

    /// The reader looks at eight bytes at once; what it must stop at has to be seen at each place of the eight.
    @Test("Each ASCII byte at each place of a text or a name is taken, refused or ends it, as its kind has it")
    func readsEveryByteAtEveryPlace() throws {
        for length in 1...19 {
            for place in 0..<length {
                for byte in 0...UInt8(0x7f) {
                    var text = [UInt8](repeating: UInt8(ascii: "a"), count: length)
                    text[place] = byte
                    let (quoted, named) = ([34] + text + [34], [123, 34] + text + [34, 58, 49, 125])
                    switch byte {
                    case UInt8(ascii: "\""): #expect(refusal(quoted) == "json.trailing" && refusal(named) == "json.syntax")
                    case ..<0x20: #expect(refusal(quoted) == "json.syntax" && refusal(named) == "json.syntax")
                    case UInt8(ascii: "\\"): #expect(refusal(quoted) == "json.syntax")
                    default:
                        #expect(try JSONValue(parsing: quoted, limits: limits) == .string(String(decoding: text, as: UTF8.self)))
                        #expect(refusal(named, .signed(bytesMax: 100)) == (byte == 0x7f ? "json.key" : nil))
                    }
                }
            }
        }
    }

    @Test("Every escape reads as its character")
    func readsEscapes() throws {
        let value = try JSONValue(parsing: #""\"\\\/\b\f\n\r\t\u0000\u00e9\u20AC\ud83d\ude00é""#, limits: limits)
        #expect(value == .string("\"\\/\u{8}\u{c}\n\r\t\0é€😀é"))
    }

    @Test("Random bytes and mutated documents never crash, and what is taken reads back from its canonical form")
    func survivesMutations() throws {
        var random = SeededGenerator(seed: 8_259)
        let seed = Array(#"{"a":[1,-2.5e3,"x\u00e9\ud83d\ude00",{"b":null,"c":[true,false]}],"é":"\"\\"}"#.utf8)
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                default: bytes.insert(seed.randomElement(using: &random)!, at: index)
                }
            }
            guard let value = try? JSONValue(parsing: bytes, limits: limits) else { continue }
            #expect(try JSONValue(parsing: value.canonicalBytes(), limits: limits) == value)
        }
    }

    @Test("The reader says canonical of exactly those bytes that the writer would write")
    func tellsCanonicalForm() throws {
        var random = SeededGenerator(seed: 8_785)
        // Canonical, with something in it of all that can be written in two ways.
        let seed = try JSONValue(
            parsing: #"{"a":[1,-2500,1e-7,0,1e21,"x\u00e9😀\u001f\n\/\\\""],"b":{"ab":1,"a":-1.5,"é":[],"😀":{},"\ufb33":null},"c":true}"#,
            limits: limits
        ).canonicalBytes()
        let pieces = [" ", "\n", "\\u0041", "\\u001F", "\\u000a", "\\/", ".0", "0", "-", "e0", "E+1", "1e21", "\"", ",", "\\t"].map {
            Array($0.utf8)
        }
        var canonical = 0
        for _ in 0..<20_000 {
            var bytes = seed
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes.insert(contentsOf: pieces.randomElement(using: &random)!, at: index)
            case 1: bytes[index] = UInt8.random(in: 0x20...0x7e, using: &random)
            case 2: bytes.swapAt(index, Int.random(in: 0..<bytes.count, using: &random))
            default: break
            }
            var isCanonical = false
            guard let value = try? JSONValue(parsing: bytes, limits: limits, isCanonical: &isCanonical) else { continue }
            #expect(try isCanonical == (value.canonicalBytes() == bytes), "\(String(decoding: bytes, as: UTF8.self))")
            canonical += isCanonical ? 1 : 0
        }
        #expect(canonical > 5_000)
    }
}
