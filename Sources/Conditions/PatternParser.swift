indirect enum PatternSyntax: Sendable {
    case one(ScalarSet)
    /// Never empty.
    case sequence([PatternSyntax])
    case alternatives([PatternSyntax])
    /// `most` nil is without bound.
    case repeated(PatternSyntax, least: Int, most: Int?)
}

/// Ranges of Unicode scalar values, or all but them.
struct ScalarSet: Hashable, Sendable {
    var ranges: [ClosedRange<UInt32>] = []
    var isNegated = false

    static let any = ScalarSet(ranges: [], isNegated: true)
    func contains(_ value: UInt32) -> Bool { ranges.contains { $0.contains(value) } != isNegated }
}

/// Recursive descent over `choice | choice`, `piece piece`, `atom{n,m}`.
struct PatternParser {
    private let scalars: [Unicode.Scalar]
    private var position = 0

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    mutating func parse() throws(PatternError) -> PatternSyntax {
        let syntax = try alternatives(depth: 0)
        guard position == scalars.count else { throw PatternError("has a \")\" without its \"(\"") }
        return syntax
    }

    private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        position += 1
        return true
    }

    private mutating func alternatives(depth: Int) throws(PatternError) -> PatternSyntax {
        guard depth <= Pattern.depthMax else { throw PatternError("is nested deeper than \(Pattern.depthMax)") }
        var choices = [try sequence(depth: depth)]
        while take("|") { choices.append(try sequence(depth: depth)) }
        return choices.count == 1 ? choices[0] : .alternatives(choices)
    }

    private mutating func sequence(depth: Int) throws(PatternError) -> PatternSyntax {
        var parts: [PatternSyntax] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            let part = try atom(depth: depth)
            parts.append(try repetition(of: part))
        }
        guard !parts.isEmpty else { throw PatternError("is empty, or has an empty alternative or group") }
        return .sequence(parts)
    }

    private mutating func atom(depth: Int) throws(PatternError) -> PatternSyntax {
        let scalar = scalars[position]
        position += 1
        switch scalar {
        case "(":
            if next == "?" { throw PatternError("begins a group with \"(?\", which is not in the grammar") }
            let inner = try alternatives(depth: depth + 1)
            guard take(")") else { throw PatternError("has a \"(\" without its \")\"") }
            return inner
        case "[": return .one(try characterClass())
        case ".": return .one(.any)
        case "\\": return .one(try escape())
        case "*", "+", "?", "{": throw PatternError("repeats nothing with \"\(scalar)\"")
        case "^", "$": throw PatternError("has \"\(scalar)\": it always matches the whole text; write \"\\\(scalar)\" for the sign")
        case "]", "}": throw PatternError("has \"\(scalar)\" alone; write \"\\\(scalar)\"")
        default: return .one(ScalarSet(ranges: [scalar.value...scalar.value]))
        }
    }

    private mutating func repetition(of part: PatternSyntax) throws(PatternError) -> PatternSyntax {
        let repeated: PatternSyntax
        switch next {
        case "*": repeated = .repeated(part, least: 0, most: nil)
        case "+": repeated = .repeated(part, least: 1, most: nil)
        case "?": repeated = .repeated(part, least: 0, most: 1)
        case "{":
            position += 1
            return try rejectingSecond(try counted(part))
        default: return part
        }
        position += 1
        return try rejectingSecond(repeated)
    }

    private func rejectingSecond(_ syntax: PatternSyntax) throws(PatternError) -> PatternSyntax {
        if let next, "*+?{".unicodeScalars.contains(next) { throw PatternError("repeats a repetition with \"\(next)\"") }
        return syntax
    }

    /// After `{`: `n}`, `n,}` or `n,m}`.
    private mutating func counted(_ part: PatternSyntax) throws(PatternError) -> PatternSyntax {
        guard let least = number() else { throw PatternError("has \"{\" without a number; write \"\\{\" for the sign") }
        var most: Int? = least
        if take(",") { most = next == "}" ? nil : number() ?? -1 }
        guard take("}") else { throw PatternError("has \"{\" without its \"}\"") }
        let bounded = most ?? max(least, 1)
        guard bounded >= least, bounded > 0, max(least, bounded) <= Pattern.repetitionsMax else {
            throw PatternError(
                "repeats from \(least) to \(bounded) times; taken are 0 to \(Pattern.repetitionsMax), not falling, not only 0")
        }
        return .repeated(part, least: least, most: most)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let scalar = next, ("0"..."9").contains(scalar), (value ?? 0) <= Pattern.repetitionsMax {
            value = (value ?? 0) * 10 + Int(scalar.value - 48)
            position += 1
        }
        return value
    }

    /// After `[`.
    private mutating func characterClass() throws(PatternError) -> ScalarSet {
        var set = ScalarSet(isNegated: take("^"))
        while let scalar = next, scalar != "]" {
            position += 1
            if scalar == "[" { throw PatternError("has \"[\" inside a class; write \"\\[\"") }
            let first = scalar == "\\" ? try escape() : ScalarSet(ranges: [scalar.value...scalar.value])
            guard next == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else {
                set.ranges += first.ranges
                continue
            }
            position += 1
            let last = scalars[position]
            position += 1
            let end = last == "\\" ? try escape() : ScalarSet(ranges: [last.value...last.value])
            guard let low = first.single, let high = end.single, low <= high else {
                throw PatternError("has a range in a class that does not rise")
            }
            set.ranges.append(low...high)
        }
        guard take("]") else { throw PatternError("has \"[\" without its \"]\"") }
        guard !set.ranges.isEmpty else { throw PatternError("has an empty class") }
        return set
    }

    /// After a backslash: `\d \w \s` (ASCII), `\n \t`, or a sign that stands for itself.
    private mutating func escape() throws(PatternError) -> ScalarSet {
        guard let scalar = next else { throw PatternError("ends with a backslash") }
        position += 1
        switch scalar {
        case "d": return ScalarSet(ranges: [48...57])
        case "w": return ScalarSet(ranges: [48...57, 65...90, 95...95, 97...122])
        case "s": return ScalarSet(ranges: [9...13, 32...32])
        case "n": return ScalarSet(ranges: [10...10])
        case "t": return ScalarSet(ranges: [9...9])
        case _
        where scalar.isASCII && scalar.value > 32 && scalar != "_" && !scalar.properties.isAlphabetic && !("0"..."9").contains(scalar):
            return ScalarSet(ranges: [scalar.value...scalar.value])
        default: throw PatternError("has the escape \"\\\(scalar)\", which is not in the grammar")
        }
    }
}

extension ScalarSet {
    fileprivate var single: UInt32? {
        guard !isNegated, ranges.count == 1, ranges[0].lowerBound == ranges[0].upperBound else { return nil }
        return ranges[0].lowerBound
    }
}
