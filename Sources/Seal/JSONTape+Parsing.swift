extension JSONLimits {
    /// Whatever a caller asks for: the parser and the writer recurse once per level, and a stack is finite.
    package static let depthCeiling = 256
}

extension JSONTape {
    /// Parses one RFC 8259 value, strictly: UTF-8, no duplicate keys, no unpaired surrogates, nothing after it.
    ///
    /// A number that is whole and within ±(2^53 - 1) becomes an integer, however it was written (`1.0`, `1e2`, `-0`). A
    /// whole number written without fraction or exponent beyond that is taken only if its digits are the ones a double
    /// keeps; otherwise reading and writing would silently change it.
    ///
    /// Keys that are canonically equivalent in Unicode ("é" composed and decomposed) count as the same key.
    ///
    /// - Parameters:
    ///   - isCanonical: whether the bytes are the RFC 8785 form of the value, exactly what `canonicalBytes()` would
    ///     write. Told while reading, because whoever verifies evidence asks this of every bundle.
    ///   - memory: where the tape's room comes from, and goes to with the tape's end.
    package convenience init(
        parsing bytes: [UInt8], limits: JSONLimits, isCanonical: inout Bool, memory: JSONMemory? = nil
    ) throws(JSONError) {
        let bytesMax = min(limits.bytesMax, Self.bytesMax)
        guard bytes.count <= bytesMax else { throw .tooLarge(bytes: bytes.count, limit: bytesMax) }
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            throw .notUTF8(offset: error.byteOffsets.lowerBound)
        }
        let depthMax = min(limits.depthMax, JSONLimits.depthCeiling)
        let (nodes, texts): ([Node], [String])
        (nodes, texts, isCanonical) = try bytes.withUnsafeBufferPointer { (input) throws(JSONError) in
            var parser = JSONParser(input: input, depthMax: depthMax, keys: limits.keys, room: memory?.take() ?? [])
            try parser.document()
            return (parser.nodes, parser.texts, parser.isCanonical)
        }
        self.init(bytes: bytes, nodes: nodes, texts: texts, memory: memory)
    }
}

extension JSONValue {
    /// Parses as `JSONTape` does.
    package init(parsing bytes: [UInt8], limits: JSONLimits) throws(JSONError) {
        var isCanonical = true
        try self.init(parsing: bytes, limits: limits, isCanonical: &isCanonical)
    }

    package init(parsing bytes: [UInt8], limits: JSONLimits, isCanonical: inout Bool) throws(JSONError) {
        self = try JSONTape(parsing: bytes, limits: limits, isCanonical: &isCanonical).value(at: 0)
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
    let input: UnsafeBufferPointer<UInt8>
    let depthMax: Int
    let keys: JSONLimits.Keys
    var offset = 0
    /// Nothing seen so far is written otherwise than RFC 8785 would.
    var isCanonical = true
    var nodes: [JSONTape.Node]
    /// Strings that had escapes, without them.
    var texts: [String] = []

    /// - Parameter room: empty.
    init(input: UnsafeBufferPointer<UInt8>, depthMax: Int, keys: JSONLimits.Keys, room: consuming [JSONTape.Node]) {
        nodes = room
        self.input = input
        self.depthMax = depthMax
        self.keys = keys
        // Evidence has one node for about ten bytes.
        nodes.reserveCapacity(input.count / 8 + 1)
    }

    mutating func document() throws(JSONError) {
        skipSpace()
        try value(depth: 0)
        skipSpace()
        guard offset == input.count else { throw .trailing(offset: offset) }
    }

    private mutating func value(depth: Int) throws(JSONError) {
        guard offset < input.count else { throw .syntax(offset: offset) }
        switch input[offset] {
        case UInt8(ascii: "{"): try object(depth: depth + 1)
        case UInt8(ascii: "["): try array(depth: depth + 1)
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"): try word("true", .boolean, 1)
        case UInt8(ascii: "f"): try word("false", .boolean)
        case UInt8(ascii: "n"): try word("null", .null)
        default: try number()
        }
    }

    private mutating func object(depth: Int) throws(JSONError) {
        guard depth <= depthMax else { throw .tooDeep(offset: offset, limit: depthMax) }
        offset += 1
        skipSpace()
        let object = nodes.count
        append(.object, 0)
        if take(UInt8(ascii: "}")) { return }
        var last: JSONTape.Node?
        var (isAscending, isPlain) = (true, true)
        var count: UInt64 = 0
        while true {
            guard offset < input.count, input[offset] == UInt8(ascii: "\"") else { throw .syntax(offset: offset) }
            let start = offset
            let isPrintable = try string()
            let (position, name) = (nodes.count - 1, nodes[nodes.count - 1])
            guard isPrintable || keys == .any else { throw .key(offset: start) }
            isPlain = isPlain && isPrintable
            if isAscending, let last { isAscending = precedes(last, name) }
            last = name
            count += 1
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw .syntax(offset: offset) }
            skipSpace()
            try value(depth: depth)
            nodes[position].next = UInt32(nodes.count)
            skipSpace()
            if take(UInt8(ascii: "}")) { break }
            guard take(UInt8(ascii: ",")) else { throw .syntax(offset: offset) }
            skipSpace()
        }
        nodes[object] = JSONTape.Node(.object, next: nodes.count, payload: count)
        if !isAscending { isCanonical = false }
        // Of ascending names none is there twice, unless it is one that Unicode holds equivalent.
        if !isAscending || !isPlain { try refuseDuplicates(in: object) }
    }

    private func refuseDuplicates(in object: Int) throws(JSONError) {
        var seen = Set<String>(minimumCapacity: Int(nodes[object].payload))
        var index = object + 1
        while index < nodes[object].next {
            let name = self.name(nodes[index])
            guard seen.insert(name).inserted else { throw .duplicateKey(name, offset: nodes[index].offset - 1) }
            index = Int(nodes[index].next)
        }
    }

    private func name(_ node: JSONTape.Node) -> String {
        node.kind == .text ? texts[node.number] : text(node.offset..<(node.offset + node.number))
    }

    /// `CanonicalWriter.precedes`, over the bytes as they stand where both have no escapes.
    private func precedes(_ left: JSONTape.Node, _ right: JSONTape.Node) -> Bool {
        guard left.kind == .string, right.kind == .string else { return CanonicalWriter.precedes(name(left), name(right)) }
        for index in 0..<min(left.number, right.number) {
            let (a, b) = (input[left.offset + index], input[right.offset + index])
            if a != b { return CanonicalWriter.weight(a) < CanonicalWriter.weight(b) }
        }
        return left.number < right.number
    }

    private mutating func array(depth: Int) throws(JSONError) {
        guard depth <= depthMax else { throw .tooDeep(offset: offset, limit: depthMax) }
        offset += 1
        let array = nodes.count
        append(.array, 0)
        skipSpace()
        if take(UInt8(ascii: "]")) { return }
        var count: UInt64 = 0
        while true {
            try value(depth: depth)
            count += 1
            skipSpace()
            if take(UInt8(ascii: "]")) { break }
            guard take(UInt8(ascii: ",")) else { throw .syntax(offset: offset) }
            skipSpace()
        }
        nodes[array] = JSONTape.Node(.array, next: nodes.count, payload: count)
    }

    // MARK: Strings

    /// - Returns: whether all of it is U+0020 to U+007E.
    private mutating func string() throws(JSONError) -> Bool {
        offset += 1
        let start = offset
        var highest: UInt8 = 0
        // Nearly every string has no escapes and stays where it is.
        let input = input
        var end = start
        while end + 8 <= input.count {
            let skipped = Self.plainBytes(UnsafeRawPointer(input.baseAddress! + end).loadUnaligned(as: UInt64.self))
            end += skipped
            if skipped < 8 { break }
        }
        while end < input.count {
            let byte = input[end]
            if byte == UInt8(ascii: "\"") {
                nodes.append(JSONTape.Node(.string, next: nodes.count + 1, at: start, end - start))
                offset = end + 1
                return highest <= 0x7e
            }
            if byte == UInt8(ascii: "\\") {
                offset = end
                return try escapedString(from: start)
            }
            guard byte >= 0x20 else { throw .syntax(offset: end) }
            highest = max(highest, byte)
            end += 1
        }
        throw .syntax(offset: end)
    }

    /// How many of eight bytes, from the first, are U+0020 to U+007E, no quotation mark and no backslash.
    ///
    /// All eight at once, in the upper bit of each: what is borrowed or carried goes to later bytes only, so the first is right.
    private static func plainBytes(_ word: UInt64) -> Int {
        let (word, ones, upper): (UInt64, UInt64, UInt64) = (word.littleEndian, 0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
        func equal(_ byte: UInt8) -> UInt64 {
            let difference = word ^ (ones &* UInt64(byte))
            return (difference &- ones) & ~difference
        }
        let control = (word &- ones &* 0x20) & ~word
        let beyond = word | (word &+ ones)
        return ((control | beyond | equal(UInt8(ascii: "\"")) | equal(UInt8(ascii: "\\"))) & upper).trailingZeroBitCount / 8
    }

    /// Continues a string at its first backslash.
    private mutating func escapedString(from start: Int) throws(JSONError) -> Bool {
        var bytes = Array(input[start..<offset])
        while offset < input.count {
            let byte = input[offset]
            switch byte {
            case UInt8(ascii: "\""):
                offset += 1
                nodes.append(JSONTape.Node(.text, next: nodes.count + 1, at: start, texts.count))
                texts.append(String(decoding: bytes, as: UTF8.self))
                return bytes.allSatisfy { (0x20...0x7e).contains($0) }
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

    private mutating func number() throws(JSONError) {
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
            return append(.integer, UInt64(bitPattern: isNegative ? -magnitude : magnitude))
        }

        let text = text(start..<offset)
        guard let double = Double(text), double.isFinite else { throw .number(offset: start) }
        let isShortest = CanonicalWriter.text(of: double) == text
        if !isShortest { isCanonical = false }
        if double.rounded(.towardZero) == double, double.magnitude <= Double(JSONValue.greatestInteger) {
            return append(.integer, UInt64(bitPattern: Int64(double)))
        }
        if isPlain, !isShortest { throw .number(offset: start) }
        append(.number, double.bitPattern)
    }

    private mutating func skipDigits() throws(JSONError) {
        let start = offset
        while offset < input.count, isDigit(input[offset]) { offset += 1 }
        guard offset > start else { throw .syntax(offset: offset) }
    }

    private mutating func word(_ word: StaticString, _ kind: JSONTape.Kind, _ payload: UInt64 = 0) throws(JSONError) {
        let end = offset + word.utf8CodeUnitCount
        guard end <= input.count, text(offset..<end) == word.description else { throw .syntax(offset: offset) }
        offset = end
        append(kind, payload)
    }

    private mutating func append(_ kind: JSONTape.Kind, _ payload: UInt64) {
        nodes.append(JSONTape.Node(kind, next: nodes.count + 1, payload: payload))
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
