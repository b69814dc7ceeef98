/// Why bytes are not an OpenTimestamps proof that we take. Nothing of a refused proof is used.
package enum ProofError: Error, Equatable, Sendable {
    case truncated
    /// Bytes after the end of the proof, or of an attestation's payload.
    case trailing
    case notAProof
    case unsupportedVersion(UInt64)
    /// The file digest is not SHA-256.
    case unsupportedDigest(tag: UInt8)
    case unknownOperation(tag: UInt8)
    /// A number with superfluous zero groups, or beyond 63 bits.
    case malformedNumber
    /// An argument, payload, message, address or the whole proof.
    case tooLong(what: String, limit: Int)
    case tooDeep(limit: Int)
    case tooMany(limit: Int)
    case empty(what: String)
    case malformedAddress
    /// The same operation or attestation twice at one message.
    case duplicate
    /// The proof is about another digest than the one that was asked about.
    case otherDigest

    /// Stable across releases.
    package var code: String {
        switch self {
        case .truncated: "ots.truncated"
        case .trailing: "ots.trailing"
        case .notAProof: "ots.not_a_proof"
        case .unsupportedVersion: "ots.version"
        case .unsupportedDigest: "ots.digest"
        case .unknownOperation: "ots.operation"
        case .malformedNumber: "ots.number"
        case .tooLong: "ots.too_long"
        case .tooDeep: "ots.too_deep"
        case .tooMany: "ots.too_many"
        case .empty: "ots.empty"
        case .malformedAddress: "ots.address"
        case .duplicate: "ots.duplicate"
        case .otherDigest: "ots.other_digest"
        }
    }

    /// One line for an operator.
    package var message: String {
        let reason =
            switch self {
            case .truncated: "it ends too early"
            case .trailing: "bytes follow its end"
            case .notAProof: "it does not begin as one"
            case .unsupportedVersion(let version): "its version is \(version), and only 1 is known"
            case .unsupportedDigest(let tag): "its digest is of kind \(tag), not SHA-256"
            case .unknownOperation(let tag): "operation \(tag) is not known"
            case .malformedNumber: "a number in it is malformed"
            case .tooLong(let what, let limit): "\(what) is longer than \(limit) bytes"
            case .tooDeep(let limit): "more than \(limit) operations follow one another"
            case .tooMany(let limit): "it has more than \(limit) items"
            case .empty(let what): "\(what) is empty"
            case .malformedAddress: "a calendar's address in it has characters that are not allowed"
            case .duplicate: "an item in it stands twice"
            case .otherDigest: "it is about another digest"
            }
        return "OpenTimestamps proof refused: \(reason); nothing of it was used. Fetch it again, or ask where it came from."
    }
}
