import Redaction
import TestSupport
import Testing

@Suite struct ScrubStreamTests {
    private let scrubber = Scrubber(key: PseudonymKey(secret: [UInt8](repeating: 1, count: 32))!)

    private func stream(_ bytes: [UInt8], cuts: [Int]) -> [UInt8] {
        var stream = ScrubStream(scrubber)
        var output: [UInt8] = []
        var start = 0
        for cut in cuts + [bytes.count] {
            stream.feed(Array(bytes[start..<cut]), to: &output)
            start = cut
        }
        stream.finish(to: &output)
        return output
    }

    @Test("The result does not depend on where the input was cut", arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func ignoresCuts(seed: UInt64) {
        var corpus = RedactionCorpus(seed: seed)
        // With lines that are joined, and escapes, so that nothing rests on newlines.
        let separator = seed % 2 == 0 ? "\n" : seed % 3 == 0 ? "\\n" : " \\u00e9 "
        let bytes = Array(corpus.lines(120).map(\.text).joined(separator: separator).utf8)
        let whole = scrubber.scrub(bytes)
        var random = SplitMix(state: seed)
        for most in [1, 7, 64, 500, 5_000] {
            var cuts: [Int] = []
            var at = 0
            while true {
                at += Int(random.next() % UInt64(most)) + 1
                guard at < bytes.count else { break }
                cuts.append(at)
            }
            #expect(stream(bytes, cuts: cuts) == whole, "pieces of at most \(most)")
        }
    }

    @Test("A line that is complete is written at once")
    func writesCompleteLines() {
        var stream = ScrubStream(scrubber)
        var output: [UInt8] = []
        stream.feed(Array("ssn 123-45-6789 on 10.0.0.1\nnext".utf8), to: &output)
        #expect(String(decoding: output, as: UTF8.self).hasSuffix("on 10.0.0.1\n"))
    }

    @Test("A line of 4 MB without an end is scrubbed as it comes")
    func boundsLines() {
        var stream = ScrubStream(scrubber)
        var (output, written, tags) = ([UInt8](), 0, 0)
        let piece = Array((String(repeating: "x ", count: 5_000) + "123-45-6789 ").utf8)
        let count = 4_000_000 / piece.count
        for index in 0..<count {
            stream.feed(piece, to: &output)
            written += output.count
            tags += output.count(where: { $0 == UInt8(ascii: "[") })
            // Never more than a turn behind.
            #expect((index + 1) * piece.count - written < 200_000 + index * 12)
            output.removeAll(keepingCapacity: true)
        }
        stream.finish(to: &output)
        tags += output.count(where: { $0 == UInt8(ascii: "[") })
        #expect(tags == count)
    }

    @Test("Bytes of any kind pass: nothing stops, nothing is read out of bounds", arguments: [11, 12, 13] as [UInt64])
    func survivesAnything(seed: UInt64) {
        var random = SplitMix(state: seed)
        let tokens = [
            "\\u", "0031", "\\", "\"", "@", "mrn:", "patient ", "123-45-", "6789", "name=", " St", ", ", "\u{e9}", "dob ", "PID|", "4111",
            "+", "\n", "%40",
        ]
        for _ in 0..<400 {
            var bytes: [UInt8] = []
            for _ in 0..<Int(random.next() % 60) {
                if random.next() % 3 == 0 {
                    bytes.append(UInt8(truncatingIfNeeded: random.next()))
                } else {
                    bytes += Array(tokens[Int(random.next() % UInt64(tokens.count))].utf8)
                }
            }
            let whole = scrubber.scrub(bytes)
            #expect(stream(bytes, cuts: bytes.isEmpty ? [] : [bytes.count / 2]) == whole)
            #expect(stream(bytes, cuts: Array(bytes.indices)) == whole)
        }
    }

    @Test("Garbage does not stop it: what follows is scrubbed")
    func passesGarbage() {
        let bytes: [UInt8] = [0xFF, 0xC0, 0x80, 0, 0xED, 0xA0, 0x80, 32] + Array("123-45-6789".utf8) + [0xF5, 0xFF]
        let output = scrubber.scrub(bytes)
        #expect(output.starts(with: bytes[..<8]))
        #expect(output.suffix(2) == [0xF5, 0xFF])
        #expect(output.count == bytes.count - 11 + "[ssn:abcdefghijkl]".utf8.count)
    }
}

/// A seeded source of chance.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
