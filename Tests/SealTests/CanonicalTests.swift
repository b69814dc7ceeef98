import Seal
import TestSupport
import Testing

/// RFC 8785's own examples and table, and the round trip.
@Suite struct CanonicalTests {
    let limits = JSONLimits(bytesMax: 1 << 20)

    func canonical(_ text: String) throws -> String {
        String(decoding: try JSONValue(parsing: text, limits: limits).canonicalBytes(), as: UTF8.self)
    }

    @Test("RFC 8785 3.2.2 and 3.2.4: literals, numbers and strings")
    func writesThePublishedExample() throws {
        let input = #"""
            {
              "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false]
            }
            """#
        let expected =
            #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#
        #expect(try canonical(input) == expected)
    }

    @Test("RFC 8785 3.2.3: keys in the order of their UTF-16 code units")
    func ordersKeys() throws {
        let input = #"""
            {
              "\u20ac": "Euro Sign",
              "\r": "Carriage Return",
              "\ufb33": "Hebrew Letter Dalet With Dagesh",
              "1": "One",
              "\ud83d\ude00": "Emoji: Grinning Face",
              "\u0080": "Control",
              "\u00f6": "Latin Small Letter O With Diaeresis"
            }
            """#
        let expected =
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\","
            + "\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}"
        // As bytes: Swift compares strings by canonical equivalence, and U+FB33 has a decomposition.
        #expect(try Array(canonical(input).utf8) == Array(expected.utf8))
    }

    @Test("The key order equals that of real UTF-16, for any two keys")
    func comparesLikeUTF16() {
        var random = SeededGenerator(seed: 16)
        let scalars: [ClosedRange<UInt32>] = [0x20...0x7f, 0x80...0x7ff, 0x800...0xd7ff, 0xe000...0xffff, 0x10000...0x10ffff]
        func key() -> String {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                text.append(Unicode.Scalar(UInt32.random(in: scalars.randomElement(using: &random)!, using: &random))!)
            }
            return String(text)
        }
        for _ in 0..<5_000 {
            let (a, b) = (key(), key())
            #expect(
                CanonicalWriter.precedes(a, b) == a.utf16.lexicographicallyPrecedes(b.utf16), "\(a.debugDescription) \(b.debugDescription)")
        }
    }

    @Test(
        "RFC 8785 appendix B: IEEE 754 bits and their text",
        arguments: [
            (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"), (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"), (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x7fff_ffff_ffff_ffff, nil), (0x7ff0_0000_0000_0000, nil), (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"), (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"), (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"), (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"), (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"), (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"), (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0x41b3_de43_5555_5557, "333333333.33333343"), (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ] as [(UInt64, String?)])
    func writesPublishedNumbers(bits: UInt64, text: String?) {
        #expect(CanonicalWriter.text(of: Double(bitPattern: bits)) == text)
    }

    @Test("Any double reads back from its text with the same bits")
    func numbersRoundTrip() throws {
        var random = SeededGenerator(seed: 754)
        for _ in 0..<20_000 {
            let number = Double(bitPattern: random.next())
            guard number.isFinite else { continue }
            let text = try #require(CanonicalWriter.text(of: number))
            #expect(Double(text) == number)
            #expect(try canonical(text) == text)
        }
    }

    @Test("Random values read back from their canonical bytes, and writing those again changes nothing")
    func valuesRoundTrip() throws {
        var random = SeededGenerator(seed: 8_785)
        for _ in 0..<2_000 {
            let value = JSONValue.random(depth: 4, using: &random)
            let bytes = try value.canonicalBytes()
            let read = try JSONValue(parsing: bytes, limits: limits)
            #expect(read == value)
            #expect(try read.canonicalBytes() == bytes)
        }
    }

    @Test("What has no canonical form is refused")
    func refusesTheUnwritable() throws {
        for value in [JSONValue.number(.nan), .number(.infinity), .integer(JSONValue.greatestInteger + 1), .integer(.min)] {
            #expect(throws: JSONError.number(offset: 1)) { try JSONValue.array([value]).canonicalBytes() }
        }
        var deep = JSONValue.null
        for _ in 0..<JSONLimits.depthCeiling { deep = .array([deep]) }
        #expect(throws: Never.self) { try deep.canonicalBytes() }
        #expect(throws: JSONError.self) { try JSONValue.array([deep]).canonicalBytes() }
    }

    @Test("Integers of both kinds write alike", arguments: [0, 1, -1, 42, 1_000_000, 9_007_199_254_740_991, -9_007_199_254_740_991])
    func writesIntegers(number: Int64) throws {
        #expect(try JSONValue.integer(number).canonicalBytes() == Array(String(number).utf8))
        #expect(try JSONValue.number(Double(number)).canonicalBytes() == Array(String(number).utf8))
    }
}
