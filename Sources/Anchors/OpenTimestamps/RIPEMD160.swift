/// RIPEMD-160 (Dobbertin, Bosselaers, Preneel 1996), which no library here has. Proofs of Bitcoin addresses contain it; nothing
/// of ours rests on its strength.
enum RIPEMD160 {
    static func hash(_ message: [UInt8]) -> [UInt8] {
        var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
        var padded = message + [0x80]
        padded.append(contentsOf: repeatElement(0, count: (120 - padded.count % 64) % 64))
        let bits = UInt64(message.count) * 8
        for shift in stride(from: 0, to: 64, by: 8) { padded.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift))) }
        for start in stride(from: 0, to: padded.count, by: 64) {
            let words = (0..<16).map { index in
                let at = start + 4 * index
                return UInt32(padded[at]) | UInt32(padded[at + 1]) << 8 | UInt32(padded[at + 2]) << 16 | UInt32(padded[at + 3]) << 24
            }
            compress(words, into: &state)
        }
        return state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) } }
    }

    /// Two lines of 80 steps run side by side, and meet in the sums at the end.
    private static func compress(_ words: [UInt32], into state: inout [UInt32]) {
        var left = Line(state)
        var right = Line(state)
        for step in 0..<80 {
            let round = step / 16
            left.step(mix(round, left), words[leftWord[step]], leftConstant[round], leftShift[step])
            right.step(mix(4 - round, right), words[rightWord[step]], rightConstant[round], rightShift[step])
        }
        let first = state[1] &+ left.c &+ right.d
        state[1] = state[2] &+ left.d &+ right.e
        state[2] = state[3] &+ left.e &+ right.a
        state[3] = state[4] &+ left.a &+ right.b
        state[4] = state[0] &+ left.b &+ right.c
        state[0] = first
    }

    private struct Line {
        var a, b, c, d, e: UInt32

        init(_ state: [UInt32]) { (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4]) }

        mutating func step(_ mixed: UInt32, _ word: UInt32, _ constant: UInt32, _ shift: UInt32) {
            let sum = rotated(a &+ mixed &+ word &+ constant, by: shift) &+ e
            (a, b, c, d, e) = (e, sum, b, rotated(c, by: 10), d)
        }
    }

    private static func mix(_ round: Int, _ line: Line) -> UInt32 {
        switch round {
        case 0: line.b ^ line.c ^ line.d
        case 1: (line.b & line.c) | (~line.b & line.d)
        case 2: (line.b | ~line.c) ^ line.d
        case 3: (line.b & line.d) | (line.c & ~line.d)
        default: line.b ^ (line.c | ~line.d)
        }
    }

    private static func rotated(_ value: UInt32, by count: UInt32) -> UInt32 { value << count | value >> (32 - count) }

    // The standard defines the orders of the words by one permutation and one linear start, so they are computed here.
    private static let permutation = [7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8]
    private static let leftWord = rounds(from: Array(0..<16))
    private static let rightWord = rounds(from: (0..<16).map { (9 * $0 + 5) % 16 })

    private static func rounds(from first: [Int]) -> [Int] {
        var row = first
        var all = row
        for _ in 1..<5 {
            row = row.map { permutation[$0] }
            all += row
        }
        return all
    }

    /// How far the step that reads word `w` in round `r` rotates.
    private static let shiftOfWord: [[UInt32]] = [
        [11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8],
        [12, 13, 11, 15, 6, 9, 9, 7, 12, 15, 11, 13, 7, 8, 7, 7],
        [13, 15, 14, 11, 7, 7, 6, 8, 13, 14, 13, 12, 5, 5, 6, 9],
        [14, 11, 12, 14, 8, 6, 5, 5, 15, 12, 15, 14, 9, 9, 8, 6],
        [15, 12, 13, 13, 9, 5, 8, 6, 14, 11, 12, 11, 8, 6, 5, 5],
    ]
    private static let leftShift = leftWord.enumerated().map { shiftOfWord[$0 / 16][$1] }
    private static let rightShift = rightWord.enumerated().map { shiftOfWord[$0 / 16][$1] }

    // 2^30 times the square and cube roots of 2, 3, 5 and 7.
    private static let leftConstant: [UInt32] = [0, 0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xa953_fd4e]
    private static let rightConstant: [UInt32] = [0x50a2_8be6, 0x5c4d_d124, 0x6d70_3ef3, 0x7a6d_76e9, 0]
}
