/// A resource of a log: C2SP tlog-tiles, `tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]`, relative to the log's prefix.
package struct TilePath: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// Hashes of the tree's level 8·`level`. A tree of 2^63-1 leaves has levels 0...7.
        case hashes(level: Int)
        /// The entries themselves.
        case entries
    }

    package let kind: Kind
    package let index: Int64
    /// How many hashes or entries: 256 in a full tile, 1...255 in a partial one.
    package let width: Int

    package static let fullWidth = 256
    package static let levels = 8

    package init(_ kind: Kind, index: Int64, width: Int = TilePath.fullWidth) {
        precondition(index >= 0 && (1...Self.fullWidth).contains(width), "tile \(index) of width \(width)")
        if case .hashes(let level) = kind { precondition((0..<Self.levels).contains(level), "tile level \(level)") }
        self.kind = kind
        self.index = index
        self.width = width
    }

    package var isFull: Bool { width == Self.fullWidth }

    /// The full tile in the same place.
    package var full: TilePath { TilePath(kind, index: index) }

    /// Level 0 for the entries, whose hashes are there.
    var level: Int { if case .hashes(let level) = kind { level } else { 0 } }

    /// How wide a tree of `size` leaves makes the tile in this place: 0 where it has none.
    static func width(level: Int, index: Int64, size: Int64) -> Int {
        let hashes = size >> Int64(8 * level)
        guard hashes >> 8 >= index else { return 0 }
        return hashes >> 8 > index ? fullWidth : Int(hashes & 255)
    }
}

extension TilePath: LosslessStringConvertible {
    package var description: String {
        var text = "tile/"
        switch kind {
        case .hashes(let level): text += String(level)
        case .entries: text += "entries"
        }
        var groups: [String] = []
        var rest = index
        repeat {
            let digits = String(rest % 1_000)
            groups.append(String(repeating: "0", count: 3 - digits.utf8.count) + digits)
            rest /= 1_000
        } while rest > 0
        for group in groups.dropFirst().reversed() { text += "/x" + group }
        text += "/" + groups[0]
        return isFull ? text : text + ".p/\(width)"
    }

    /// Accepts exactly what `description` writes.
    package init?(_ text: String) {
        guard text.utf8.count <= 64 else { return nil }
        var parts = text.split(separator: "/", omittingEmptySubsequences: false)[...]
        guard parts.popFirst() == "tile", let level = parts.popFirst() else { return nil }
        let kind: Kind
        if level == "entries" {
            kind = .entries
        } else {
            guard let number = level.decimal, number < Self.levels else { return nil }
            kind = .hashes(level: Int(number))
        }
        var width = Self.fullWidth
        if parts.count >= 2, parts[parts.endIndex - 2].hasSuffix(".p") {
            guard let number = parts.popLast()?.decimal, (1...255).contains(number) else { return nil }
            width = Int(number)
            parts[parts.endIndex - 1] = parts[parts.endIndex - 1].dropLast(2)
        }
        var index: Int64 = 0
        guard !parts.isEmpty else { return nil }
        for (position, part) in zip(parts.indices, parts) {
            var digits = part
            if position != parts.endIndex - 1 { guard digits.popFirst() == "x" else { return nil } }
            guard digits.utf8.count == 3, digits.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
            let (shifted, isLost) = index.multipliedReportingOverflow(by: 1_000)
            let (sum, isOver) = shifted.addingReportingOverflow(Int64(digits)!)
            guard !isLost, !isOver else { return nil }
            index = sum
        }
        self.init(kind, index: index, width: width)
        guard description == text else { return nil }
    }
}
