package import Model

/// Writes RFC 8785 pieces: strings, numbers and whole values. Who writes an object by hand must give its keys in order.
package struct CanonicalWriter {
    package private(set) var bytes: [UInt8] = []

    package init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    /// Punctuation and keys that stand in the source.
    package mutating func raw(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    package mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { utf8 in
            // Nearly no string needs an escape; without branches the compiler looks at many bytes at once.
            var special: UInt8 = 0
            for byte in utf8 {
                special |= byte < 0x20 ? 1 : 0
                special |= byte == UInt8(ascii: "\"") ? 1 : 0
                special |= byte == UInt8(ascii: "\\") ? 1 : 0
            }
            guard special != 0 else { return bytes.append(contentsOf: utf8) }
            var written = 0
            for index in utf8.indices {
                let byte = utf8[index]
                guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
                bytes.append(contentsOf: utf8[written..<index])
                escape(byte)
                written = index + 1
            }
            bytes.append(contentsOf: utf8[written...])
        }
        bytes.append(UInt8(ascii: "\""))
    }

    package mutating func digest(_ digest: Digest) {
        bytes.append(UInt8(ascii: "\""))
        for byte in digest.bytes {
            bytes.append(hexadecimalDigits[Int(byte >> 4)])
            bytes.append(hexadecimalDigits[Int(byte & 15)])
        }
        bytes.append(UInt8(ascii: "\""))
    }

    package mutating func optional(_ text: String?) {
        if let text { string(text) } else { raw("null") }
    }

    package mutating func boolean(_ flag: Bool) { raw(flag ? "true" : "false") }

    /// - Precondition: within ±(2^53 - 1); the caller's types keep it so.
    package mutating func integer(_ number: Int64) {
        precondition(number.magnitude <= JSONValue.greatestInteger.magnitude, "an integer that JSON cannot hold: \(number)")
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        var rest = number.magnitude
        let start = bytes.count
        repeat {
            bytes.append(48 + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    package mutating func integer(_ number: Int64?) {
        if let number { integer(number) } else { raw("null") }
    }

    package mutating func timestamp(_ instant: Timestamp) {
        bytes.append(UInt8(ascii: "\""))
        instant.appendText(to: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// - Throws: `.number` for what is not finite or an integer beyond ±(2^53 - 1), `.tooDeep`; offsets are in the output.
    package mutating func value(_ value: JSONValue) throws(JSONError) { try write(value, depth: 0) }

    private mutating func write(_ value: JSONValue, depth: Int) throws(JSONError) {
        switch value {
        case .null: raw("null")
        case .boolean(let flag): boolean(flag)
        case .integer(let number):
            guard number.magnitude <= JSONValue.greatestInteger.magnitude else { throw .number(offset: bytes.count) }
            integer(number)
        case .number(let number):
            guard let text = Self.text(of: number) else { throw .number(offset: bytes.count) }
            bytes.append(contentsOf: text.utf8)
        case .string(let text): string(text)
        case .array(let items):
            guard depth < JSONLimits.depthCeiling else { throw .tooDeep(offset: bytes.count, limit: JSONLimits.depthCeiling) }
            bytes.append(UInt8(ascii: "["))
            for (index, item) in items.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                try write(item, depth: depth + 1)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            guard depth < JSONLimits.depthCeiling else { throw .tooDeep(offset: bytes.count, limit: JSONLimits.depthCeiling) }
            bytes.append(UInt8(ascii: "{"))
            for (index, key) in members.keys.sorted(by: Self.precedes).enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                string(key)
                bytes.append(UInt8(ascii: ":"))
                try write(members[key]!, depth: depth + 1)
            }
            bytes.append(UInt8(ascii: "}"))
        }
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
        default: bytes.append(contentsOf: "\\u00\(CollectionOfOne(byte).hexadecimal)".utf8)
        }
    }

    /// Order by UTF-16 code units (RFC 8785 3.2.3), without making them: it differs from the order of UTF-8 bytes only in
    /// that characters beyond the basic plane come before U+E000 to U+FFFF, whose UTF-8 starts with EE or EF.
    package static func precedes(_ left: String, _ right: String) -> Bool {
        var (a, b) = (left.utf8.makeIterator(), right.utf8.makeIterator())
        while true {
            guard let y = b.next() else { return false }
            guard let x = a.next() else { return true }
            if x != y { return weight(x) < weight(y) }
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

private let hexadecimalDigits = Array("0123456789abcdef".utf8)

extension JSONValue {
    /// RFC 8785 canonical form.
    ///
    /// - Throws: `.number` for what is not finite or an integer beyond ±(2^53 - 1), `.tooDeep`; offsets are in the output.
    package func canonicalBytes() throws(JSONError) -> [UInt8] {
        var writer = CanonicalWriter()
        try writer.value(self)
        return writer.bytes
    }
}
