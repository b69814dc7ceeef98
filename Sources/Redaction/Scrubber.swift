/// Takes out what says who a patient is, and leaves what says how a machine is. `docs/redaction.md` has the rules.
///
/// A value: cheap to copy, safe to share. What it finds becomes `[kind:letters]`, a pseudonym under the site's key.
package struct Scrubber: Sendable {
    let key: PseudonymKey
    let lexicon = Lexicon.standard

    package init(key: PseudonymKey) { self.key = key }

    /// The text without identifiers; the same text, not copied, where there are none.
    package func scrub(_ text: String) -> ScrubbedText {
        var text = text
        let output = text.withUTF8 { scrubbed($0) }
        guard let output else { return ScrubbedText(scrubbed: text) }
        return ScrubbedText(scrubbed: String(decoding: output, as: UTF8.self))
    }

    /// The same for bytes of any kind; what is no UTF-8 passes as it is.
    package func scrub(_ bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBufferPointer { scrubbed($0) } ?? bytes
    }

    /// nil where nothing was found.
    private func scrubbed(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        // Nothing that is searched for is shorter than a name of two letters behind its label.
        guard bytes.count >= 5, let base = bytes.baseAddress else { return nil }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: bytes.count + Scan.padding) { buffer in
            let start = buffer.baseAddress!
            start.update(from: base, count: bytes.count)
            (start + bytes.count).update(repeating: UInt8(ascii: "\n"), count: Scan.padding)
            var scan = Scan(lexicon)
            scan.run(start, from: 0, stop: bytes.count, end: bytes.count)
            scan.flush(before: bytes.count)
            let matches = scan.take()
            guard !matches.isEmpty else { return nil }
            var output: [UInt8] = []
            output.reserveCapacity(bytes.count + matches.count * 16)
            let rest = write(matches, of: start, from: 0, to: &output)
            output.append(contentsOf: bytes[rest...])
            return output
        }
    }

    /// Appends what lies between the matches and what takes their place.
    /// - Returns: the end of the last match.
    func write(_ matches: [Match], of base: UnsafePointer<UInt8>, from: Int, to output: inout [UInt8]) -> Int {
        var copied = from
        for match in matches {
            output.append(contentsOf: UnsafeBufferPointer(start: base + copied, count: match.start - copied))
            if match.isNumber {
                // A number has no place for a tag, and invented digits would be taken for true.
                output.append(UInt8(ascii: "0"))
            } else {
                key.appendTag(match.kind, UnsafeBufferPointer(start: base + match.start, count: match.end - match.start), to: &output)
            }
            copied = match.end
        }
        return copied
    }
}
