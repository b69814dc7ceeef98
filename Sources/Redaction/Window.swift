/// The bytes that a decision may look at. Whatever is asked for outside of them is a newline, where every recogniser stops:
/// nothing is read out of bounds, and nothing depends on how the input was cut.
struct Window {
    let base: UnsafePointer<UInt8>
    let floor: Int
    let limit: Int

    @inline(__always) subscript(_ index: Int) -> UInt8 { index >= floor && index < limit ? base[index] : UInt8(ascii: "\n") }

    /// Whether the character at `index` is escaped, or the letter of an escape (`\n`), by a backslash before it.
    func isEscaped(_ index: Int) -> Bool {
        var first = index
        while self[first - 1] == UInt8(ascii: "\\"), index - first < 16 { first -= 1 }
        return (index - first) % 2 == 1
    }

    /// Whether something may begin at `index`: no letter, digit or part of a longer number stands before it.
    func begins(_ index: Int) -> Bool {
        let before = self[index - 1]
        if before.isAlphanumeric { return before.isEscapeLetter && isEscaped(index - 1) }
        if before == UInt8(ascii: "-") || before == UInt8(ascii: ".") || before == UInt8(ascii: "/") {
            return !self[index - 2].isAlphanumeric
        }
        return true
    }

    /// Whether a number may end before `index`.
    func ends(_ index: Int) -> Bool {
        let after = self[index]
        if after.isAlphanumeric { return false }
        if after == UInt8(ascii: "-") || after == UInt8(ascii: ".") || after == UInt8(ascii: ":") { return !self[index + 1].isDigit }
        return true
    }

    /// Length of what may separate groups of digits at `index`: blank, hyphen and its Unicode kin; 0 when there is none.
    func separator(_ index: Int) -> Int {
        switch self[index] {
        case UInt8(ascii: "-"), UInt8(ascii: " "), UInt8(ascii: "."), UInt8(ascii: "_"): 1
        case 0xC2 where self[index + 1] == 0xA0: 2
        case 0xE2 where self[index + 1] == 0x80 && (0x90...0x95).contains(self[index + 2]): 3
        case 0xE2 where self[index + 1] == 0x88 && self[index + 2] == 0x92: 3
        default: 0
        }
    }

    /// The same for the separator that ends before `index`.
    func separator(before index: Int) -> Int {
        if self[index - 1] < 0x80 { return separator(index - 1) }
        if separator(index - 2) == 2 { return 2 }
        return separator(index - 3) == 3 ? 3 : 0
    }

    /// End of the digits from `index` on, at most `atMost` of them.
    func digits(_ index: Int, atMost: Int = 32) -> Int {
        var end = index
        while self[end].isDigit, end - index < atMost { end += 1 }
        return end
    }

    /// First of the digits that end before `index`.
    func digits(before index: Int, atMost: Int = 32) -> Int {
        var first = index
        while self[first - 1].isDigit, index - first < atMost { first -= 1 }
        return first
    }

    func isWhite(_ index: Int) -> Bool { self[index] == UInt8(ascii: " ") || self[index] == UInt8(ascii: "\t") }
}

extension UInt8 {
    @inline(__always) var isDigit: Bool { self &- 48 < 10 }
    @inline(__always) var isUpper: Bool { self &- 65 < 26 }
    @inline(__always) var isLower: Bool { self &- 97 < 26 }
    @inline(__always) var isLetter: Bool { (self | 0x20) &- 97 < 26 }
    @inline(__always) var isAlphanumeric: Bool { isDigit || isLetter }
    /// A letter, or part of one outside of ASCII.
    @inline(__always) var isTextual: Bool { isLetter || self >= 0x80 }
    @inline(__always) var lowercase: UInt8 { isUpper ? self | 0x20 : self }
    var isHexadecimal: Bool { isDigit || (self | 0x20) &- 97 < 6 }
    /// May follow the backslash of a JSON escape that stands for white space.
    var isEscapeLetter: Bool {
        switch self {
        case UInt8(ascii: "n"), UInt8(ascii: "t"), UInt8(ascii: "r"), UInt8(ascii: "b"), UInt8(ascii: "f"): true
        default: false
        }
    }
}
