/// Reads the numbers and byte strings of the OpenTimestamps format. Strict: each value has one form, so what was read is
/// written back byte for byte.
struct ProofReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: some Collection<UInt8>) {
        self.bytes = ArraySlice(bytes)
        position = self.bytes.startIndex
    }

    mutating func byte() throws(ProofError) -> UInt8 {
        guard position < bytes.endIndex else { throw .truncated }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func bytes(_ count: Int) throws(ProofError) -> [UInt8] {
        guard count <= bytes.endIndex - position else { throw .truncated }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    /// Little-endian groups of seven bits; the high bit says that another follows.
    mutating func number() throws(ProofError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            value |= UInt64(next & 0x7f) << shift
            if next & 0x80 == 0 {
                guard next != 0 || shift == 0 else { throw .malformedNumber }
                return value
            }
            shift += 7
            guard shift < 63 else { throw .malformedNumber }
        }
    }

    /// A length, then as many bytes.
    mutating func string(_ what: String, limit: Int) throws(ProofError) -> [UInt8] {
        let count = try number()
        guard count <= UInt64(limit) else { throw .tooLong(what: what, limit: limit) }
        return try bytes(Int(count))
    }

    func finish() throws(ProofError) {
        guard position == bytes.endIndex else { throw .trailing }
    }
}

extension [UInt8] {
    mutating func append(number: UInt64) {
        var rest = number
        while rest > 0x7f {
            append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }

    mutating func append(string: [UInt8]) {
        append(number: UInt64(string.count))
        append(contentsOf: string)
    }
}
