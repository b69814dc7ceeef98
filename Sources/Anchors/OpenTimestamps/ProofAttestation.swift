/// Who vouches for a message, and since when. Only a Bitcoin block can be checked; the others are kept as they are.
package enum ProofAttestation: Hashable, Sendable {
    /// A calendar has promised to bring the message into a block. Proves nothing.
    case pending(calendar: String)
    /// The message is the Merkle root of the block at this height.
    case bitcoin(height: Int64)
    /// Any other kind, Litecoin too: `tag` is 8 bytes, `payload` at most 8192.
    case other(tag: [UInt8], payload: [UInt8])

    /// The format's own numbers, in bytes.
    package static let payloadBytesMax = 8_192
    package static let addressBytesMax = 1_000
    /// Ours: no chain gets there, and a node's RPC takes no more.
    package static let heightMax: Int64 = 2_147_483_647

    private static let pendingTag: [UInt8] = [0x83, 0xdf, 0xe3, 0x0d, 0x2e, 0xf9, 0x0c, 0x8e]
    private static let bitcoinTag: [UInt8] = [0x05, 0x88, 0x96, 0x0d, 0x73, 0xd7, 0x19, 0x01]

    init(from reader: inout ProofReader) throws(ProofError) {
        let tag = try reader.bytes(8)
        let payload = try reader.string("an attestation", limit: Self.payloadBytesMax)
        var inner = ProofReader(payload)
        switch tag {
        case Self.pendingTag:
            let address = try inner.string("a calendar's address", limit: Self.addressBytesMax)
            guard address.allSatisfy(Self.isAddressByte) else { throw .malformedAddress }
            try inner.finish()
            self = .pending(calendar: String(decoding: address, as: UTF8.self))
        case Self.bitcoinTag:
            let height = try inner.number()
            guard height <= UInt64(Self.heightMax) else { throw .malformedNumber }
            try inner.finish()
            self = .bitcoin(height: Int64(height))
        default: self = .other(tag: tag, payload: payload)
        }
    }

    /// No queries, fragments, log-ins or escapes: what a calendar may call itself is an address and nothing else.
    private static func isAddressByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "/"), UInt8(ascii: ":"):
            true
        default: false
        }
    }

    func write(to bytes: inout [UInt8]) {
        bytes.append(contentsOf: tag)
        bytes.append(string: payload)
    }

    private var tag: [UInt8] {
        switch self {
        case .pending: Self.pendingTag
        case .bitcoin: Self.bitcoinTag
        case .other(let tag, _): tag
        }
    }

    private var payload: [UInt8] {
        var bytes: [UInt8] = []
        switch self {
        case .pending(let calendar): bytes.append(string: Array(calendar.utf8))
        case .bitcoin(let height): bytes.append(number: UInt64(height))
        case .other(_, let payload): bytes = payload
        }
        return bytes
    }

    /// By tag, then by value: the order in which the published library writes.
    static func precedes(_ left: ProofAttestation, _ right: ProofAttestation) -> Bool {
        switch (left, right) {
        case (.pending(let left), .pending(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
        case (.bitcoin(let left), .bitcoin(let right)): left < right
        default:
            left.tag == right.tag
                ? left.payload.lexicographicallyPrecedes(right.payload) : left.tag.lexicographicallyPrecedes(right.tag)
        }
    }
}
