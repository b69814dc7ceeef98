import Crypto
import SwiftASN1

/// The hash functions that a token's signature may use. SHA-1 is not among them.
enum TimestampHash {
    case sha256, sha384, sha512

    init(_ name: ASN1ObjectIdentifier) throws(TimestampError) {
        switch name {
        case .sha256: self = .sha256
        case .sha384: self = .sha384
        case .sha512: self = .sha512
        default: throw .unknownAlgorithm("\(name)")
        }
    }

    var byteCount: Int {
        switch self {
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    func hash(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        switch self {
        case .sha256: Array(SHA256.hash(data: bytes))
        case .sha384: Array(SHA384.hash(data: bytes))
        case .sha512: Array(SHA512.hash(data: bytes))
        }
    }
}
