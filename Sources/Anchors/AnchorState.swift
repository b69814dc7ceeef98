package import Model
package import Seal

/// What an anchor proves today. Only `isProven` may be shown as proof.
package enum AnchorState: Equatable, Sendable {
    /// Calendars have promised to bring the digest into a Bitcoin block. Proves nothing.
    case pending(calendars: [String])
    /// The proof leads to the Bitcoin block at this height. `blockTime` is that block's own time when its header, from a node that
    /// the operator trusts, has the Merkle root that the proof leads to; nil: not checked, so nothing is proven.
    case attested(height: Int64, blockTime: Timestamp?)
    /// An RFC 3161 authority, whose certificate leads to the configured ones, has signed this time for the digest.
    case stamped(at: Timestamp)

    /// Whether the digest was shown to have existed at a time.
    package var isProven: Bool { provenTime != nil }

    /// The digest existed at this time. A block's time may be up to two hours off; miners choose it.
    package var provenTime: Timestamp? {
        switch self {
        case .pending: nil
        case .attested(_, let blockTime): blockTime
        case .stamped(let instant): instant
        }
    }
}

extension AnchorState: CustomStringConvertible {
    /// For people.
    package var description: String {
        switch self {
        case .pending(let calendars): "pending at \(calendars.joined(separator: ", "))"
        case .attested(let height, nil): "attested in Bitcoin block \(height), not checked"
        case .attested(let height, let time?): "in Bitcoin block \(height) of \(time), checked"
        case .stamped(let instant): "stamped \(instant)"
        }
    }
}

extension AnchorState {
    /// `{"state":"pending","calendars":[…]}`, `{"state":"attested","height":N,"blockTime":instant?}`, `{"state":"stamped","at":instant}`.
    package var json: JSONValue {
        switch self {
        case .pending(let calendars): ["state": "pending", "calendars": .array(calendars.map(JSONValue.string))]
        case .attested(let height, nil): ["state": "attested", "height": .integer(height)]
        case .attested(let height, let time?):
            ["state": "attested", "height": .integer(height), "blockTime": .string(time.description)]
        case .stamped(let instant): ["state": "stamped", "at": .string(instant.description)]
        }
    }

    /// nil for anything that `json` does not write.
    package init?(json: JSONValue) {
        switch json["state"]?.string {
        case "pending":
            guard let items = json["calendars"]?.array else { return nil }
            let calendars = items.compactMap(\.string)
            guard calendars.count == items.count else { return nil }
            self = .pending(calendars: calendars)
        case "attested":
            guard let height = json["height"]?.integer else { return nil }
            guard let text = json["blockTime"] else {
                self = .attested(height: height, blockTime: nil)
                break
            }
            guard let time = text.string.flatMap({ Timestamp($0) }) else { return nil }
            self = .attested(height: height, blockTime: time)
        case "stamped":
            guard let instant = json["at"]?.string.flatMap({ Timestamp($0) }) else { return nil }
            self = .stamped(at: instant)
        default: return nil
        }
        guard self.json == json else { return nil }
    }
}
