/// One pass over a buffer: finds where an identifier may be, asks the recognisers there, collects what they confirm.
///
/// The first step costs a few instructions a byte and decides nothing: eight bytes at a time it notes the fourth digit of each
/// run, the first letter of each word, `@` and backslashes. Only a word that begins like a known label, and the other marks,
/// reach a recogniser. A recogniser sees `Scan.ahead` bytes after the mark and `Scan.behind` before it and never past a newline,
/// so the result does not depend on where the input was cut.
struct Scan {
    static let ahead = 1_024
    static let behind = 256
    /// Bytes behind the end of a buffer that must be readable.
    static let padding = 64

    let lexicon: Lexicon
    private(set) var matches: [Match] = []
    /// End of the last match: the next one begins here at the earliest.
    private(set) var free = 0
    /// The first mark that has not been decided, where a match reaches over the end of a turn.
    private var resume = 0
    /// Dates beside a person, in order, that were found ahead of the marks before them.
    private(set) var pending: [Match] = []
    /// In text whose escapes have been resolved already.
    let isResolved: Bool

    init(_ lexicon: Lexicon = .standard, isResolved: Bool = false) {
        self.lexicon = lexicon
        self.isResolved = isResolved
    }

    /// Decides the marks in `from ..< stop`; the buffer ends at `end`, readable for `padding` bytes more.
    mutating func run(_ base: UnsafePointer<UInt8>, from: Int, stop: Int, end: Int) {
        lexicon.prefixes.withUnsafeBufferPointer { prefixes in
            let rows = prefixes.baseAddress!
            var next = max(from, resume)
            var block = next
            while block < stop {
                var marks = Self.marks(base, block, hasBefore: block > 0)
                // Only what lies in this turn's stretch; the rest of the last block belongs to the next turn.
                if stop - block < 64 {
                    let kept: UInt64 = (1 << UInt64(stop - block)) - 1
                    marks.digits &= kept
                    marks.words &= kept
                    marks.others &= kept
                }
                if next > block {
                    if next >= block + 64 {
                        block = next
                        continue
                    }
                    let kept: UInt64 = ~0 << UInt64(next - block)
                    marks.digits &= kept
                    marks.words &= kept
                    marks.others &= kept
                }
                // Most words begin like no label.
                var words = marks.words
                var likely: UInt64 = 0
                while words != 0 {
                    let bit = words.trailingZeroBitCount
                    words &= words &- 1
                    let place = base + block + bit
                    let common =
                        rows[Int(place[0])] & rows[256 + Int(place[1])] & rows[512 + Int(place[2])] & rows[768 + Int(place[3])]
                    if common != 0 { likely |= 1 << UInt64(bit) }
                }
                var all = marks.digits | likely | marks.others
                while all != 0 {
                    let bit = all.trailingZeroBitCount
                    all &= all &- 1
                    let place = block + bit
                    let window = Window(base: base, floor: max(0, place - Self.behind), limit: min(end, place + Self.ahead))
                    let flag: UInt64 = 1 << UInt64(bit)
                    var after: Int
                    if marks.digits & flag != 0 {
                        after = digits(window, fourth: place)
                    } else if likely & flag != 0 {
                        after = word(window, place)
                    } else {
                        after = other(window, place)
                    }
                    after = max(after, free)
                    if after > place + 1 {
                        next = after
                        if next >= block + 64 { break }
                        all &= ~0 << UInt64(next - block)
                    }
                }
                block += 64
            }
            resume = next
        }
    }

    /// Ends the input: what was found ahead is decided.
    mutating func flush(before limit: Int) {
        while let found = pending.first, found.start < limit {
            pending.removeFirst()
            matches.append(found)
            free = max(free, found.end)
        }
    }

    /// Hands out what was found.
    mutating func take() -> [Match] {
        defer { matches.removeAll(keepingCapacity: true) }
        return matches
    }

    /// Everything moves `count` bytes towards the start: the buffer lost its first bytes.
    mutating func shift(by count: Int) {
        free = max(0, free - count)
        resume = max(0, resume - count)
        for index in pending.indices {
            pending[index].start -= count
            pending[index].end -= count
        }
    }

    mutating func add(_ match: Match) {
        var match = match
        match.start = max(match.start, free)
        guard match.start < match.end else { return }
        while let found = pending.first, found.start < match.end {
            pending.removeFirst()
            if found.end <= match.start {
                matches.append(found)
            } else {
                match.start = min(match.start, found.start)
                match.end = max(match.end, found.end)
            }
        }
        matches.append(match)
        free = match.end
    }

    /// Decides dates ahead of their turn; those of a person before stay.
    mutating func expect(_ dates: [Match]) {
        if pending.isEmpty { pending = dates }
    }

    // MARK: - Marks

    private struct Marks {
        /// Fourth digits of runs.
        var digits: UInt64
        /// First letters of words, also of the parts of `camelCase`.
        var words: UInt64
        /// `@` and backslashes.
        var others: UInt64
    }

    /// Marks of the 64 bytes from `block` on, bit 0 the first.
    @inline(__always)
    private static func marks(_ base: UnsafePointer<UInt8>, _ block: Int, hasBefore: Bool) -> Marks {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let high = ones &* 0x80
        let low7 = ones &* 0x7F
        // A product that gathers the eight top bits in the top byte.
        let gather: UInt64 = 0x0002_0408_1020_4081
        let place = UnsafeRawPointer(base + block)
        var (digits, words, others): (UInt64, UInt64, UInt64) = (0, 0, 0)
        var letterBefore: UInt64 = 0
        var lowerBefore: UInt64 = 0
        var digitsBefore: UInt64 = 0
        if hasBefore {
            let before = base[block - 1]
            letterBefore = before.isLetter ? 0x80 : 0
            lowerBefore = before.isLower ? 0x80 : 0
            for back in 1...min(4, block) where base[block - back].isDigit { digitsBefore |= 1 << UInt64(64 - back) }
        }
        for index in 0..<8 {
            let x = UInt64(littleEndian: place.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
            let y = x ^ (ones &* 0x30)
            let digit = ~(((y & low7) &+ (ones &* 0x76)) | y) & high
            let l = x | (ones &* 0x20)
            let letter = ((l & low7) &+ (ones &* 0x1F)) & ~((l & low7) &+ (ones &* 0x05)) & ~x & high
            let lower = letter & (x << 2)
            let letterShifted = (letter << 8) | letterBefore
            let lowerShifted = (lower << 8) | lowerBefore
            let start = letter & (~letterShifted | (lowerShifted & ~lower))
            letterBefore = letter >> 56
            lowerBefore = lower >> 56
            let at = x ^ (ones &* 0x40)
            let back = x ^ (ones &* 0x5C)
            let other = (~(((at & low7) &+ low7) | at) | ~(((back & low7) &+ low7) | back)) & high
            let shift = UInt64(index * 8)
            digits |= ((digit &* gather) >> 56) << shift
            words |= ((start &* gather) >> 56) << shift
            others |= ((other &* gather) >> 56) << shift
        }
        // As if the bytes before stood in front: exact at the block's seam, without a state from block to block.
        let three = digits << 3 | digitsBefore >> 61
        let run = digits & (digits << 1 | digitsBefore >> 63) & (digits << 2 | digitsBefore >> 62) & three
        return Marks(digits: run & ~(digits << 4 | digitsBefore >> 60), words: words, others: others)
    }
}
