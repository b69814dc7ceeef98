/// Scrubs a stream in pieces. The result does not depend on where the pieces were cut, and memory not on how long a line is.
package struct ScrubStream {
    private let scrubber: Scrubber
    private var scan: Scan
    private var buffer: [UInt8] = []
    /// In `buffer`: marks before have been decided, and bytes before have been written.
    private var decided = 0
    private var written = 0

    package init(_ scrubber: Scrubber) {
        self.scrubber = scrubber
        scan = Scan(scrubber.lexicon)
    }

    /// Appends to `output` all that is sure: every complete line, and of a longer one all but its end.
    package mutating func feed(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Self.pieceBytes)
            rest = rest.dropFirst(piece.count)
            buffer.append(contentsOf: piece)
            let newline = UnsafeRawBufferPointer(rebasing: piece).lastIndex(of: UInt8(ascii: "\n"))
            let lines = newline.map { buffer.count - piece.count + $0 + 1 } ?? 0
            advance(lines: lines, stop: max(lines, buffer.count - Scan.ahead), to: &output)
        }
    }

    package mutating func feed(_ bytes: [UInt8], to output: inout [UInt8]) {
        bytes.withUnsafeBytes { feed($0, to: &output) }
    }

    /// Appends the rest: nothing follows.
    package mutating func finish(to output: inout [UInt8]) {
        advance(lines: buffer.count, stop: buffer.count, to: &output)
    }

    private static let pieceBytes = 131_072

    /// - Parameters:
    ///   - lines: the end of the last complete line, behind which no decision about it looks.
    ///   - stop: marks before it have all in view that they may need.
    private mutating func advance(lines: Int, stop: Int, to output: inout [UInt8]) {
        guard stop > decided || lines > written else { return }
        let end = buffer.count
        buffer.append(contentsOf: repeatElement(UInt8(ascii: "\n"), count: Scan.padding))
        buffer.withUnsafeBufferPointer { buffer in
            let base = buffer.baseAddress!
            if stop > decided { scan.run(base, from: decided, stop: stop, end: end) }
            scan.flush(before: lines)
            written = scrubber.write(scan.take(), of: base, from: written, to: &output)
            // A match may still begin a little before the first mark that is not decided.
            let sure = max(lines, min(stop - Scan.behind, scan.pending.first?.start ?? .max))
            if sure > written {
                output.append(contentsOf: UnsafeBufferPointer(start: base + written, count: sure - written))
                written = sure
            }
        }
        buffer.removeLast(Scan.padding)
        decided = max(decided, stop)
        // What decisions may look back at stays.
        let dropped = max(0, min(written, decided - Scan.behind - 8))
        guard dropped > 0 else { return }
        buffer.removeFirst(dropped)
        decided -= dropped
        written -= dropped
        scan.shift(by: dropped)
    }
}
