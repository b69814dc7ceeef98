import Model
import Redaction
import Seal
import TestSupport
import Testing

@Suite struct JSONTests {
    private let scrubber = Scrubber(key: PseudonymKey(secret: [UInt8](repeating: 1, count: 32))!)

    private let limits = JSONLimits(bytesMax: 65_536, depthMax: 16)

    /// The kind of each value, in order, without the values.
    private func shape(_ value: JSONValue) -> String {
        switch value {
        case .null: "n"
        case .boolean: "b"
        case .string: "s"
        case .array(let items): "[\(items.map(shape).joined(separator: ","))]"
        case .object(let members): "{\(members.sorted { $0.key < $1.key }.map { "\($0.key):\(shape($0.value))" }.joined(separator: ","))}"
        default: "#"
        }
    }

    @Test("Every JSON line of the corpus parses afterwards, with the same names and types")
    func staysJSON() throws {
        var corpus = RedactionCorpus(seed: 5)
        var count = 0
        for line in corpus.lines(4_000) where line.text.hasPrefix("{") {
            // Nanoseconds are more than our own strict parser takes for an integer.
            guard let before = try? JSONValue(parsing: Array(line.text.utf8), limits: limits) else { continue }
            let after = try JSONValue(parsing: Array(scrubber.scrub(line.text).description.utf8), limits: limits)
            #expect(shape(before) == shape(after), "\(line.text)")
            count += 1
        }
        #expect(count > 300)
    }
}
