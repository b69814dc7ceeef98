import Crypto
import Model
import Seal

/// What leads from one message of a proof to the next.
package enum ProofOperation: Hashable, Sendable {
    /// 1 to 4096 bytes behind the message.
    case append([UInt8])
    /// 1 to 4096 bytes before the message.
    case prepend([UInt8])
    case reverse
    /// The message as lower-case hexadecimal text.
    case hexlify
    case sha1
    case ripemd160
    case sha256
    /// Of Ethereum's time: read and kept, never computed. What stands behind it proves nothing here.
    case keccak256

    /// Longest message and longest argument, in bytes; the format's own number.
    package static let messageBytesMax = 4_096

    var tag: UInt8 {
        switch self {
        case .sha1: 0x02
        case .ripemd160: 0x03
        case .sha256: 0x08
        case .keccak256: 0x67
        case .append: 0xf0
        case .prepend: 0xf1
        case .reverse: 0xf2
        case .hexlify: 0xf3
        }
    }

    var argument: [UInt8]? {
        switch self {
        case .append(let bytes), .prepend(let bytes): bytes
        default: nil
        }
    }

    init(tag: UInt8, from reader: inout ProofReader) throws(ProofError) {
        func argument() throws(ProofError) -> [UInt8] {
            let bytes = try reader.string("an operation's argument", limit: Self.messageBytesMax)
            guard !bytes.isEmpty else { throw .empty(what: "an operation's argument") }
            return bytes
        }
        switch tag {
        case 0x02: self = .sha1
        case 0x03: self = .ripemd160
        case 0x08: self = .sha256
        case 0x67: self = .keccak256
        case 0xf0: self = .append(try argument())
        case 0xf1: self = .prepend(try argument())
        case 0xf2: self = .reverse
        case 0xf3: self = .hexlify
        default: throw .unknownOperation(tag: tag)
        }
    }

    func write(to bytes: inout [UInt8]) {
        bytes.append(tag)
        if let argument { bytes.append(string: argument) }
    }

    /// By tag, then by argument: the order in which the published library writes.
    static func precedes(_ left: ProofOperation, _ right: ProofOperation) -> Bool {
        guard left.tag == right.tag else { return left.tag < right.tag }
        return (left.argument ?? []).lexicographicallyPrecedes(right.argument ?? [])
    }
}

/// A message on the way from the digest to an attestation. Behind an operation that is not computed only its length is known.
package enum ProofMessage: Equatable, Sendable {
    case known([UInt8])
    case unknown(count: Int)

    package var bytes: [UInt8]? {
        guard case .known(let bytes) = self else { return nil }
        return bytes
    }

    var count: Int {
        switch self {
        case .known(let bytes): bytes.count
        case .unknown(let count): count
        }
    }
}

extension ProofOperation {
    /// - Throws: `empty` or `tooLong`, as the format demands, before anything of that size is made.
    package func apply(to message: ProofMessage) throws(ProofError) -> ProofMessage {
        let count = try countOfResult(from: message.count)
        guard case .known(let bytes) = message else { return .unknown(count: count) }
        switch self {
        case .append(let argument): return .known(bytes + argument)
        case .prepend(let argument): return .known(argument + bytes)
        case .reverse: return .known(bytes.reversed())
        case .hexlify: return .known(Array(bytes.hexadecimal.utf8))
        case .sha1: return .known(Array(Insecure.SHA1.hash(data: bytes)))
        case .ripemd160: return .known(RIPEMD160.hash(bytes))
        case .sha256: return .known(Model.Digest(of: bytes).bytes)
        case .keccak256: return .unknown(count: count)
        }
    }

    private func countOfResult(from count: Int) throws(ProofError) -> Int {
        let result: Int
        switch self {
        case .append(let argument), .prepend(let argument): result = count + argument.count
        case .reverse, .hexlify:
            guard count > 0 else { throw .empty(what: "a message") }
            result = self == .hexlify ? 2 * count : count
        case .sha1, .ripemd160: result = 20
        case .sha256, .keccak256: result = 32
        }
        guard result <= Self.messageBytesMax else { throw .tooLong(what: "a message", limit: Self.messageBytesMax) }
        return result
    }
}
