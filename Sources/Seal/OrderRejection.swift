package import Model

/// Why the appliance refused an order. A refusal is evidence: every case is recorded.
package enum OrderRejection: Error, Hashable, Sendable {
    case malformed(EnvelopeError)
    case unknownKey(KeyID)
    case badSignature(claimedKey: KeyID)
    case wrongSite(OrderID, SiteID)
    case wrongAppliance(OrderID, ApplianceID)
    case ttlTooShort(OrderID, Duration)
    case ttlTooLong(OrderID, Duration)
    case fromFuture(OrderID, issued: Timestamp)
    case expired(OrderID, at: Timestamp)
    case replayedNonce(OrderID)
    case replayedSequence(OrderID, sequence: Int64, last: Int64)

    /// Stable across releases. Tests, alerts and clients match on this, never on `message`.
    package var code: Code {
        switch self {
        case .malformed: "order.malformed"
        case .unknownKey: "order.unknown_key"
        case .badSignature: "order.bad_signature"
        case .wrongSite: "order.wrong_site"
        case .wrongAppliance: "order.wrong_appliance"
        case .ttlTooShort: "order.ttl_too_short"
        case .ttlTooLong: "order.ttl_too_long"
        case .fromFuture: "order.from_future"
        case .expired: "order.expired"
        case .replayedNonce: "order.replayed_nonce"
        case .replayedSequence: "order.replayed_sequence"
        }
    }

    /// Which order, where a signature vouches for that.
    package var order: OrderID? {
        switch self {
        case .malformed, .unknownKey, .badSignature: nil
        case .wrongSite(let order, _), .wrongAppliance(let order, _), .ttlTooShort(let order, _), .ttlTooLong(let order, _),
            .fromFuture(let order, _), .expired(let order, _), .replayedNonce(let order), .replayedSequence(let order, _, _):
            order
        }
    }

    /// The word in evidence: `expired` for an order past its time, `rejected` for all else.
    package var outcome: Outcome {
        if case .expired = self { return .expired }
        return .rejected(code)
    }

    package var message: String {
        switch self {
        case .malformed(let error): "order refused: \(error.message)"
        case .unknownKey(let key): "order refused: \(key) is not an enrolled order key; nothing was run. Check the enrolled keys."
        case .badSignature(let key): "order refused: not signed by \(key); nothing was run. Check the enrolled key."
        case .wrongSite(let order, let site): "order \(order) refused: it is for \(site); nothing was run."
        case .wrongAppliance(let order, let appliance): "order \(order) refused: it is for \(appliance); nothing was run."
        case .ttlTooShort(let order, let ttl):
            "order \(order) refused: valid for \(ttl.wholeSeconds) s, at least \(OrderAuthenticator.ttlMin.wholeSeconds) s are needed; nothing was run."
        case .ttlTooLong(let order, let ttl):
            "order \(order) refused: valid for \(ttl.wholeSeconds) s, at most \(OrderAuthenticator.ttlMax.wholeSeconds) s are allowed; nothing was run."
        case .fromFuture(let order, let issued):
            "order \(order) refused: issued at \(issued), which is in the future; nothing was run. Check the clocks."
        case .expired(let order, let deadline): "order \(order) refused: expired at \(deadline); nothing was run. Issue it again."
        case .replayedNonce(let order): "order \(order) refused: its nonce was used before; nothing was run. Issue it again."
        case .replayedSequence(let order, let sequence, let last):
            "order \(order) refused: sequence \(sequence) is not above \(last); nothing was run. Issue it again."
        }
    }
}
