package import Model

/// Writes RFC 8785 pieces: strings, numbers and whole values. Who writes an object by hand must give its keys in order.
///
/// Owns plain memory and not an array, whose every append asks whether it is shared: each event on each host passes through here.
package struct CanonicalWriter: ~Copyable {
    private var start: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var count = 0

    package init(capacity: Int = 256) {
        self.capacity = max(capacity, 64)
        start = .allocate(capacity: self.capacity)
    }

    deinit { start.deallocate() }

    /// What was written.
    package consuming func finish() -> [UInt8] { [UInt8](UnsafeBufferPointer(start: start, count: count)) }

    /// Where the next `length` bytes go.
    private mutating func extend(by length: Int) -> UnsafeMutablePointer<UInt8> {
        if capacity - count < length { grow(by: length) }
        defer { count += length }
        return start + count
    }

    @inline(never)
    private mutating func grow(by length: Int) {
        capacity = max(2 * capacity, count + length)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: start, count: count)
        start.deallocate()
        start = larger
    }

    private mutating func append(_ byte: UInt8) { extend(by: 1).pointee = byte }

    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress else { return }
        extend(by: bytes.count).update(from: source, count: bytes.count)
    }

    /// Punctuation and keys that stand in the source.
    package mutating func raw(_ text: StaticString) {
        append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    package mutating func string(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            // Nearly no string needs an escape; without branches the compiler looks at many bytes at once.
            var special: UInt8 = 0
            for byte in utf8 {
                special |= byte < 0x20 ? 1 : 0
                special |= byte == UInt8(ascii: "\"") ? 1 : 0
                special |= byte == UInt8(ascii: "\\") ? 1 : 0
            }
            guard special != 0 else {
                let place = extend(by: utf8.count + 2)
                place[0] = UInt8(ascii: "\"")
                if let source = utf8.baseAddress { (place + 1).update(from: source, count: utf8.count) }
                return place[utf8.count + 1] = UInt8(ascii: "\"")
            }
            append(UInt8(ascii: "\""))
            var written = 0
            for index in utf8.indices {
                let byte = utf8[index]
                guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
                append(UnsafeBufferPointer(rebasing: utf8[written..<index]))
                escape(byte)
                written = index + 1
            }
            append(UnsafeBufferPointer(rebasing: utf8[written...]))
            append(UInt8(ascii: "\""))
        }
    }

    package mutating func digest(_ digest: Digest) {
        let place = extend(by: 2 * Digest.byteCount + 2)
        place[0] = UInt8(ascii: "\"")
        digest.withBytes { digest in
            for (index, byte) in digest.enumerated() {
                place[2 * index + 1] = Self.hexadecimalDigit(byte >> 4)
                place[2 * index + 2] = Self.hexadecimalDigit(byte & 15)
            }
        }
        place[2 * Digest.byteCount + 1] = UInt8(ascii: "\"")
    }

    private static func hexadecimalDigit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }

    package mutating func optional(_ text: String?) {
        if let text { string(text) } else { raw("null") }
    }

    package mutating func boolean(_ flag: Bool) { raw(flag ? "true" : "false") }

    /// - Precondition: within ±(2^53 - 1); the caller's types keep it so.
    package mutating func integer(_ number: Int64) {
        precondition(number.magnitude <= JSONValue.greatestInteger.magnitude, "an integer that JSON cannot hold: \(number)")
        var (rest, length) = (number.magnitude / 10, number < 0 ? 2 : 1)
        while rest > 0 { (rest, length) = (rest / 10, length + 1) }
        let place = extend(by: length)
        if number < 0 { place[0] = UInt8(ascii: "-") }
        rest = number.magnitude
        repeat {
            length -= 1
            place[length] = 48 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
    }

    package mutating func integer(_ number: Int64?) {
        if let number { integer(number) } else { raw("null") }
    }

    package mutating func timestamp(_ instant: Timestamp) {
        let place = extend(by: Timestamp.textLength + 2)
        place[0] = UInt8(ascii: "\"")
        instant.write(to: place + 1)
        place[Timestamp.textLength + 1] = UInt8(ascii: "\"")
    }

    /// - Throws: `.number` for what is not finite or an integer beyond ±(2^53 - 1), `.tooDeep`; offsets are in the output.
    package mutating func value(_ value: JSONValue) throws(JSONError) { try write(value, depth: 0) }

    private mutating func write(_ value: JSONValue, depth: Int) throws(JSONError) {
        switch value {
        case .null: raw("null")
        case .boolean(let flag): boolean(flag)
        case .integer(let number):
            guard number.magnitude <= JSONValue.greatestInteger.magnitude else { throw .number(offset: count) }
            integer(number)
        case .number(let number):
            guard let text = Self.text(of: number) else { throw .number(offset: count) }
            write(text)
        case .string(let text): string(text)
        case .array(let items):
            guard depth < JSONLimits.depthCeiling else { throw .tooDeep(offset: count, limit: JSONLimits.depthCeiling) }
            append(UInt8(ascii: "["))
            for (index, item) in items.enumerated() {
                if index > 0 { append(UInt8(ascii: ",")) }
                try write(item, depth: depth + 1)
            }
            append(UInt8(ascii: "]"))
        case .object(let members):
            guard depth < JSONLimits.depthCeiling else { throw .tooDeep(offset: count, limit: JSONLimits.depthCeiling) }
            append(UInt8(ascii: "{"))
            for (index, key) in members.keys.sorted(by: Self.precedes).enumerated() {
                if index > 0 { append(UInt8(ascii: ",")) }
                string(key)
                append(UInt8(ascii: ":"))
                try write(members[key]!, depth: depth + 1)
            }
            append(UInt8(ascii: "}"))
        }
    }

    private mutating func write(_ text: String) {
        var text = text
        text.withUTF8 { append($0) }
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case 0x08: raw("\\b")
        case 0x09: raw("\\t")
        case 0x0a: raw("\\n")
        case 0x0c: raw("\\f")
        case 0x0d: raw("\\r")
        case UInt8(ascii: "\""): raw("\\\"")
        case UInt8(ascii: "\\"): raw("\\\\")
        default: write("\\u00\(CollectionOfOne(byte).hexadecimal)")
        }
    }

    /// Order by UTF-16 code units (RFC 8785 3.2.3), without making them: it differs from the order of UTF-8 bytes only in
    /// that characters beyond the basic plane come before U+E000 to U+FFFF, whose UTF-8 starts with EE or EF.
    package static func precedes(_ left: String, _ right: String) -> Bool {
        var (left, right) = (left, right)
        return left.withUTF8 { a in
            right.withUTF8 { b in
                for index in 0..<min(a.count, b.count) where a[index] != b[index] { return weight(a[index]) < weight(b[index]) }
                return a.count < b.count
            }
        }
    }

    static func weight(_ byte: UInt8) -> UInt8 { byte == 0xee || byte == 0xef ? byte + 0x10 : byte }

    /// ECMAScript's Number::toString, which RFC 8785 3.2.2.3 prescribes; nil when not finite.
    ///
    /// The standard library already finds the shortest digits that read back as the same double, and among those the
    /// closest; only where the point and the exponent go differs.
    package static func text(of number: Double) -> String? {
        guard number.isFinite else { return nil }
        if number == 0 { return "0" }
        var digits: [UInt8] = []
        var exponent = 0
        var fraction = 0
        var seenPoint = false
        let written = Array(number.magnitude.description.utf8)
        for (index, byte) in written.enumerated() {
            if byte == UInt8(ascii: "e") {
                exponent = Int(String(decoding: written[(index + 1)...], as: UTF8.self))!
                break
            }
            if byte == UInt8(ascii: ".") {
                seenPoint = true
            } else {
                digits.append(byte)
                if seenPoint { fraction += 1 }
            }
        }
        // The value is 0.DIGITS times 10 to the power of `point`.
        var point = digits.count - fraction + exponent
        let zeros = digits.prefix { $0 == 48 }.count
        digits.removeFirst(zeros)
        point -= zeros
        while digits.last == 48 { digits.removeLast() }

        var text: [UInt8] = number < 0 ? [UInt8(ascii: "-")] : []
        switch point {
        case digits.count...21:
            text += digits + [UInt8](repeating: 48, count: point - digits.count)
        case 1...21:
            text += digits[..<point] + [UInt8(ascii: ".")] + digits[point...]
        case -5...0:
            text += Array("0.".utf8) + [UInt8](repeating: 48, count: -point) + digits
        default:
            text.append(digits[0])
            if digits.count > 1 { text += [UInt8(ascii: ".")] + digits[1...] }
            text += Array("e\(point > 0 ? "+" : "-")\(abs(point - 1))".utf8)
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension JSONValue {
    /// RFC 8785 canonical form.
    ///
    /// - Throws: `.number` for what is not finite or an integer beyond ±(2^53 - 1), `.tooDeep`; offsets are in the output.
    package func canonicalBytes() throws(JSONError) -> [UInt8] {
        var writer = CanonicalWriter()
        try writer.value(self)
        return writer.finish()
    }
}
