extension JSONLimits {
    /// Whatever a caller asks for: the parser and the writer recurse once per level, and a stack is finite.
    package static let depthCeiling = 256
}

extension JSONValue {
    /// Parses one RFC 8259 value, strictly: UTF-8, no duplicate keys, no unpaired surrogates, nothing after it.
    ///
    /// A number that is whole and within ±(2^53 - 1) becomes `.integer`, however it was written (`1.0`, `1e2`, `-0`). A
    /// whole number written without fraction or exponent beyond that is taken only if its digits are the ones a double
    /// keeps; otherwise reading and writing would silently change it.
    ///
    /// Keys that are canonically equivalent in Unicode ("é" composed and decomposed) count as the same key.
    package init(parsing bytes: [UInt8], limits: JSONLimits) throws(JSONError) {
        var isCanonical = true
        try self.init(parsing: bytes, limits: limits, isCanonical: &isCanonical)
    }

    /// Parses, and says whether the bytes are the RFC 8785 form of the value: exactly what `canonicalBytes()` would write.
    /// Told while reading, because whoever verifies evidence asks this of every bundle.
    package init(parsing bytes: [UInt8], limits: JSONLimits, isCanonical: inout Bool) throws(JSONError) {
        guard bytes.count <= limits.bytesMax else { throw .tooLarge(bytes: bytes.count, limit: limits.bytesMax) }
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            throw .notUTF8(offset: error.byteOffsets.lowerBound)
        }
        let depthMax = min(limits.depthMax, JSONLimits.depthCeiling)
        (self, isCanonical) = try bytes.withUnsafeBufferPointer { (input) throws(JSONError) in
            var parser = JSONParser(input: input, depthMax: depthMax, keys: limits.keys)
            return (try parser.document(), parser.isCanonical)
        }
    }

    package init(parsing text: String, limits: JSONLimits) throws(JSONError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }
}

/// Recursive descent over bytes that are already known to be UTF-8; depth is bounded before each descent.
///
/// The buffer does not check its bounds in release builds: every subscript stands behind a comparison with `input.count`.
/// It is never kept past the call that handed it in.
private struct JSONParser {
    private struct Member {
        let key: String
        let value: JSONValue
        let offset: Int
    }

    let input: UnsafeBufferPointer<UInt8>
    let depthMax: Int
    let keys: JSONLimits.Keys
    var offset = 0
    /// Nothing seen so far is written otherwise than RFC 8785 would.
    var isCanonical = true
    /// Members of all objects that are still open, innermost last: a dictionary that is made when its size is known never grows.
    private var open: [Member] = []

    init(input: UnsafeBufferPointer<UInt8>, depthMax: Int, keys: JSONLimits.Keys) {
        self.input = input
        self.depthMax = depthMax
        self.keys = keys
    }

    mutating func document() throws(JSONError) -> JSONValue {
        skipSpace()
        let value = try value(depth: 0)
        skipSpace()
        guard offset == input.count else { throw .trailing(offset: offset) }
        return value
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard offset < input.count else { throw .syntax(offset: offset) }
        switch input[offset] {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .boolean(true))
        case UInt8(ascii: "f"): return try word("false", .boolean(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= depthMax else { throw .tooDeep(offset: offset, limit: depthMax) }
        offset += 1
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object([:]) }
        let first = open.count
        var last: (key: String, bytes: Range<Int>)?
        while true {
            let start = offset
            guard offset < input.count, input[offset] == UInt8(ascii: "\"") else { throw .syntax(offset: offset) }
            let key = try string()
            if keys == .printableASCII, !key.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) { throw .key(offset: start) }
            let bytes = (start + 1)..<(offset - 1)
            if isCanonical, let last { isCanonical = precedes(last, (key, bytes)) }
            last = (key, bytes)
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw .syntax(offset: offset) }
            skipSpace()
            open.append(Member(key: key, value: try value(depth: depth), offset: start))
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(try close(from: first)) }
            guard take(UInt8(ascii: ",")) else { throw .syntax(offset: offset) }
            skipSpace()
        }
    }

    private mutating func close(from first: Int) throws(JSONError) -> [String: JSONValue] {
        var members = [String: JSONValue](minimumCapacity: open.count - first)
        for member in open[first...] {
            guard members.updateValue(member.value, forKey: member.key) == nil else {
                throw .duplicateKey(member.key, offset: member.offset)
            }
        }
        open.removeSubrange(first...)
        return members
    }

    /// `CanonicalWriter.precedes`, decided by the bytes as they stand where both are ASCII without escapes up to where they differ.
    private func precedes(_ left: (key: String, bytes: Range<Int>), _ right: (key: String, bytes: Range<Int>)) -> Bool {
        var (i, j) = (left.bytes.lowerBound, right.bytes.lowerBound)
        while i < left.bytes.upperBound, j < right.bytes.upperBound {
            let (a, b) = (input[i], input[j])
            if a | b >= 0x80 || a == UInt8(ascii: "\\") || b == UInt8(ascii: "\\") {
                return CanonicalWriter.precedes(left.key, right.key)
            }
            if a != b { return a < b }
            i += 1
            j += 1
        }
        return i == left.bytes.upperBound && j < right.bytes.upperBound
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= depthMax else { throw .tooDeep(offset: offset, limit: depthMax) }
        offset += 1
        var items: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array(items) }
        while true {
            items.append(try value(depth: depth))
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(items) }
            guard take(UInt8(ascii: ",")) else { throw .syntax(offset: offset) }
            skipSpace()
        }
    }

    // MARK: Strings

    private mutating func string() throws(JSONError) -> String {
        offset += 1
        let start = offset
        // Nearly every string has no escapes and is copied in one piece.
        while offset < input.count {
            let byte = input[offset]
            if byte == UInt8(ascii: "\"") {
                let text = text(start..<offset)
                offset += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
            guard byte >= 0x20 else { throw .syntax(offset: offset) }
            offset += 1
        }
        throw .syntax(offset: offset)
    }

    /// Continues a string at its first backslash.
    private mutating func escapedString(from start: Int) throws(JSONError) -> String {
        var bytes = Array(input[start..<offset])
        while offset < input.count {
            let byte = input[offset]
            switch byte {
            case UInt8(ascii: "\""):
                offset += 1
                return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                offset += 1
                try escape(into: &bytes)
            case ..<0x20:
                throw .syntax(offset: offset)
            default:
                bytes.append(byte)
                offset += 1
            }
        }
        throw .syntax(offset: offset)
    }

    private mutating func escape(into bytes: inout [UInt8]) throws(JSONError) {
        guard offset < input.count else { throw .syntax(offset: offset) }
        let byte = input[offset]
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case UInt8(ascii: "/"):
            isCanonical = false
            bytes.append(byte)
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "f"): bytes.append(0x0c)
        case UInt8(ascii: "n"): bytes.append(0x0a)
        case UInt8(ascii: "r"): bytes.append(0x0d)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "u"): return try unicodeEscape(into: &bytes)
        default: throw .syntax(offset: offset)
        }
        offset += 1
    }

    /// `uXXXX`, or two of them for a character beyond the basic plane; stands on the `u`.
    private mutating func unicodeEscape(into bytes: inout [UInt8]) throws(JSONError) {
        let start = offset - 1
        var code = try fourDigits()
        if !isShortest(code, start..<offset) { isCanonical = false }
        if (0xdc00...0xdfff).contains(code) { throw .loneSurrogate(offset: start) }
        if (0xd800...0xdbff).contains(code) {
            guard offset + 1 < input.count, input[offset] == UInt8(ascii: "\\"), input[offset + 1] == UInt8(ascii: "u") else {
                throw .loneSurrogate(offset: start)
            }
            offset += 1
            let low = try fourDigits()
            guard (0xdc00...0xdfff).contains(low) else { throw .loneSurrogate(offset: start) }
            code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw .loneSurrogate(offset: start) }
        bytes.append(contentsOf: UTF8.encode(scalar)!)
    }

    /// Whether RFC 8785 writes this character as `\u00xx`, in these very digits: control characters without a short escape.
    private func isShortest(_ code: UInt32, _ range: Range<Int>) -> Bool {
        guard code < 0x20, ![0x08, 0x09, 0x0a, 0x0c, 0x0d].contains(code) else { return false }
        return !input[range].contains { (65...70).contains($0) }
    }

    private mutating func fourDigits() throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            offset += 1
            guard offset < input.count else { throw .syntax(offset: input.count) }
            let digit: UInt8
            switch input[offset] {
            case let byte where isDigit(byte): digit = byte - 48
            case let byte where (65...70).contains(byte): digit = byte - 55
            case let byte where (97...102).contains(byte): digit = byte - 87
            default: throw .syntax(offset: offset)
            }
            code = code << 4 | UInt32(digit)
        }
        offset += 1
        return code
    }

    // MARK: Numbers and words

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = offset
        let isNegative = take(UInt8(ascii: "-"))
        let first = offset
        var magnitude: Int64 = 0
        while offset < input.count, isDigit(input[offset]) {
            // Past 18 digits the double decides; until then this cannot overflow.
            if offset - first < 18 { magnitude = magnitude * 10 + Int64(input[offset] - 48) }
            offset += 1
        }
        let digits = offset - first
        guard digits > 0 else { throw .syntax(offset: offset) }
        guard digits == 1 || input[first] != 48 else { throw .syntax(offset: first) }
        var isPlain = true
        if take(UInt8(ascii: ".")) {
            isPlain = false
            try skipDigits()
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isPlain = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try skipDigits()
        }
        if isPlain, digits <= 18, magnitude <= JSONValue.greatestInteger {
            if isNegative, magnitude == 0 { isCanonical = false }
            return .integer(isNegative ? -magnitude : magnitude)
        }

        let text = text(start..<offset)
        guard let double = Double(text), double.isFinite else { throw .number(offset: start) }
        let isShortest = CanonicalWriter.text(of: double) == text
        if !isShortest { isCanonical = false }
        if double.rounded(.towardZero) == double, double.magnitude <= Double(JSONValue.greatestInteger) { return .integer(Int64(double)) }
        if isPlain, !isShortest { throw .number(offset: start) }
        return .number(double)
    }

    private mutating func skipDigits() throws(JSONError) {
        let start = offset
        while offset < input.count, isDigit(input[offset]) { offset += 1 }
        guard offset > start else { throw .syntax(offset: offset) }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let end = offset + word.utf8CodeUnitCount
        guard end <= input.count, text(offset..<end) == word.description else { throw .syntax(offset: offset) }
        offset = end
        return value
    }

    // MARK: Bytes

    private mutating func take(_ byte: UInt8) -> Bool {
        guard offset < input.count, input[offset] == byte else { return false }
        offset += 1
        return true
    }

    private mutating func skipSpace() {
        while offset < input.count {
            switch input[offset] {
            case 0x20, 0x0a, 0x0d, 0x09:
                isCanonical = false
                offset += 1
            default: return
            }
        }
    }

    /// The range may end inside a character where a word is compared; such a text equals none of ours.
    private func text(_ range: Range<Int>) -> String { String(decoding: input[range], as: UTF8.self) }

    private func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
}
