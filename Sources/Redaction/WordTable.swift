/// Up to 16 ASCII letters in lower case, packed.
struct WordKey: Hashable {
    var low: UInt64 = 0
    var high: UInt64 = 0

    init() {}

    init(_ text: StaticString) {
        self.init(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    init(_ bytes: some Sequence<UInt8>) {
        var count = 0
        for byte in bytes {
            append(byte, at: count)
            count += 1
        }
    }

    /// `count` below 16.
    @inline(__always) mutating func append(_ byte: UInt8, at count: Int) {
        let value = UInt64(byte | 0x20) << UInt64((count & 7) * 8)
        if count < 8 { low |= value } else { high |= value }
    }
}

/// Words and what each stands for: open addressing, at most half full, without a hash that costs more than the look-up.
struct WordTable: Sendable {
    private let keys: [WordKey]
    private let values: [UInt8]
    private let mask: Int

    init(_ words: [(String, UInt8)]) {
        var size = 16
        while size < words.count * 3 { size *= 2 }
        var (keys, values) = ([WordKey](repeating: WordKey(), count: size), [UInt8](repeating: 0, count: size))
        for (word, value) in words {
            precondition(word.utf8.count <= 16 && value != 0, "a word of at most 16 letters")
            let key = WordKey(word.utf8)
            var slot = Self.hash(key) & (size - 1)
            while values[slot] != 0, keys[slot] != key { slot = (slot + 1) & (size - 1) }
            (keys[slot], values[slot]) = (key, value)
        }
        (self.keys, self.values, mask) = (keys, values, size - 1)
    }

    /// A set: every word has the value 1.
    init(_ words: String) { self.init(words.split(separator: " ").map { (String($0), 1) }) }

    /// 0 for a word that is not in the table.
    subscript(_ key: WordKey) -> UInt8 {
        var slot = Self.hash(key) & mask
        while values[slot] != 0 {
            if keys[slot] == key { return values[slot] }
            slot = (slot + 1) & mask
        }
        return 0
    }

    func contains(_ key: WordKey) -> Bool { self[key] != 0 }

    private static func hash(_ key: WordKey) -> Int {
        let mixed = (key.low ^ (key.high &* 0x9E37_79B9_7F4A_7C15)) &* 0xD6E8_FEB8_6659_FD93
        return Int(truncatingIfNeeded: mixed >> 40)
    }
}
