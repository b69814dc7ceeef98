/// Why an RFC 3161 time-stamp is not taken as one. Nothing is proven by it, and nothing was stored.
package enum TimestampError: Error, Equatable, Sendable {
    /// The authority gave no answer that could be read whole.
    case link(AnchorLinkError)
    /// Not the DER of RFC 3161 and RFC 5652 that we read; what was expected there.
    case malformed(String)
    /// The authority says no: its PKIStatus, 2 or more.
    case rejected(status: Int)
    case wrongImprint
    case wrongNonce
    /// The token names no certificate of its signer, or another than the one that it carries.
    case wrongSigner
    case unknownAlgorithm(String)
    case badSignature
    /// The signer's certificate is not for time-stamping, and that alone (RFC 3161 2.3).
    case wrongUsage
    /// The signer's certificate does not lead to a configured authority, or one on the way was not valid at the time of the stamp.
    case untrusted(String)

    /// Stable across releases.
    package var code: String {
        switch self {
        case .link(let error): error.code
        case .malformed: "tsa.malformed"
        case .rejected: "tsa.rejected"
        case .wrongImprint: "tsa.imprint"
        case .wrongNonce: "tsa.nonce"
        case .wrongSigner: "tsa.signer"
        case .unknownAlgorithm: "tsa.algorithm"
        case .badSignature: "tsa.signature"
        case .wrongUsage: "tsa.usage"
        case .untrusted: "tsa.untrusted"
        }
    }

    /// One line for an operator.
    package var message: String {
        let reason =
            switch self {
            case .link(let error): error.message
            case .malformed(let expected): "no \(expected) where one must stand"
            case .rejected(let status): "the authority refused the request with status \(status)"
            case .wrongImprint: "it is about another digest"
            case .wrongNonce: "it answers another request"
            case .wrongSigner: "it does not carry and name its signer's certificate"
            case .unknownAlgorithm(let name): "algorithm \(name) is not accepted"
            case .badSignature: "its signature is not its signer's"
            case .wrongUsage: "its signer's certificate is not for time-stamping alone"
            case .untrusted(let reason): "its signer's certificate does not lead to a configured authority (\(reason))"
            }
        return "time-stamp refused: \(reason); nothing was stored. Check the authority's address and certificate."
    }
}
