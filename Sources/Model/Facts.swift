/// What a value in facts, parameters and conditions can be.
package enum ValueType: String, Hashable, Sendable, CaseIterable {
    case boolean, integer, string, strings, instant, version
}

/// A typed value: a fact read from a host, or a parameter from a baseline.
package enum TypedValue: Hashable, Sendable {
    case boolean(Bool)
    case integer(Int64)
    case string(String)
    /// In the order that the probe documents; comparisons that need a set say so.
    case strings([String])
    case instant(Timestamp)
    case version(Version)

    package var type: ValueType {
        switch self {
        case .boolean: .boolean
        case .integer: .integer
        case .string: .string
        case .strings: .strings
        case .instant: .instant
        case .version: .version
        }
    }
}

/// What was read from one host in one look: values, and for what could not be read, why.
///
/// A name is in `values`, or in `unknowns`, or in neither: the last means that the thing does not exist on this host
/// (an option that is not set, a service that is not installed), which is a fact and not ignorance.
package struct Facts: Hashable, Sendable {
    package private(set) var values: [FactName: TypedValue]
    package private(set) var unknowns: [FactName: Code]

    package init(_ values: [FactName: TypedValue] = [:], unknowns: [FactName: Code] = [:]) {
        self.values = values
        self.unknowns = unknowns
        if !unknowns.isEmpty { for name in values.keys { self.unknowns[name] = nil } }
    }

    package subscript(_ name: FactName) -> TypedValue? {
        get { values[name] }
        set {
            values[name] = newValue
            unknowns[name] = nil
        }
    }

    /// Records that `name` exists or may exist but could not be read.
    package mutating func markUnknown(_ name: FactName, _ code: Code) {
        values[name] = nil
        unknowns[name] = code
    }

    /// Facts of `other` win where both speak.
    package mutating func merge(_ other: Facts) {
        for (name, value) in other.values { self[name] = value }
        for (name, code) in other.unknowns { markUnknown(name, code) }
    }
}

/// A version as distributions write them, compared by the rules of Debian Policy 5.6.12 (epoch, upstream, revision;
/// `~` sorts before the end), which orders plain dotted versions the way everybody expects too.
package struct Version: Hashable, Comparable, Sendable, LosslessStringConvertible {
    package let description: String

    /// nil when empty, longer than 200 bytes, or with bytes outside the printable ASCII characters.
    package init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= 200, text.utf8.allSatisfy({ (33...126).contains($0) }) else { return nil }
        description = text
    }

    package static func < (left: Version, right: Version) -> Bool { compare(left, right) < 0 }
    /// `1.0` and `1.00` are the same version and not the same text; equality is of versions.
    package static func == (left: Version, right: Version) -> Bool { compare(left, right) == 0 }
    package func hash(into hasher: inout Hasher) {
        // Equal versions may have unequal text, so only what comparison keeps may enter the hash.
        let parts = split()
        hasher.combine(parts.epoch)
    }

    private static func compare(_ left: Version, _ right: Version) -> Int {
        let (a, b) = (left.split(), right.split())
        if a.epoch != b.epoch { return a.epoch < b.epoch ? -1 : 1 }
        let upstream = compareText(a.upstream, b.upstream)
        return upstream != 0 ? upstream : compareText(a.revision, b.revision)
    }

    private func split() -> (epoch: Int, upstream: [UInt8], revision: [UInt8]) {
        var rest = Array(description.utf8)[...]
        var epoch = 0
        if let colon = rest.firstIndex(of: UInt8(ascii: ":")),
            let number = Int(String(decoding: rest[..<colon], as: UTF8.self))
        {
            epoch = number
            rest = rest[(colon + 1)...]
        }
        guard let dash = rest.lastIndex(of: UInt8(ascii: "-")) else { return (epoch, Array(rest), []) }
        return (epoch, Array(rest[..<dash]), Array(rest[(dash + 1)...]))
    }

    private static func compareText(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var (i, j) = (0, 0)
        func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
        func weight(_ bytes: [UInt8], _ index: Int) -> Int {
            guard index < bytes.count, !isDigit(bytes[index]) else { return 0 }
            let byte = bytes[index]
            if byte == UInt8(ascii: "~") { return -1 }
            let isLetter = (65...90).contains(byte) || (97...122).contains(byte)
            return isLetter ? Int(byte) : Int(byte) + 256
        }
        while i < left.count || j < right.count {
            while (i < left.count && !isDigit(left[i])) || (j < right.count && !isDigit(right[j])) {
                let (a, b) = (weight(left, i), weight(right, j))
                if a != b { return a < b ? -1 : 1 }
                if i < left.count { i += 1 }
                if j < right.count { j += 1 }
            }
            while i < left.count, left[i] == 48 { i += 1 }
            while j < right.count, right[j] == 48 { j += 1 }
            var first = 0
            while i < left.count, j < right.count, isDigit(left[i]), isDigit(right[j]) {
                if first == 0, left[i] != right[j] { first = left[i] < right[j] ? -1 : 1 }
                i += 1
                j += 1
            }
            if i < left.count, isDigit(left[i]) { return 1 }
            if j < right.count, isDigit(right[j]) { return -1 }
            if first != 0 { return first }
        }
        return 0
    }
}
