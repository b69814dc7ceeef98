package import Model
package import Seal

/// A time in which nothing was anchored, as Central states it: `martlet.anchor-stall/v1`, signed with the receipt key and logged, once when
/// it is noticed and once when it is over.
package struct AnchorStall: Hashable, Sendable {
    package static let schema = "martlet.anchor-stall/v1"

    package let kind: AnchorKind
    /// When last all that was due had been done.
    package let from: Timestamp
    /// When it was done again, or was no longer asked for; nil: the stall lasts.
    package let until: Timestamp?
    /// What failed when the stall was noticed.
    package let code: String
    package let issued: Timestamp

    package init(kind: AnchorKind, from: Timestamp, until: Timestamp?, code: String, issued: Timestamp) {
        self.kind = kind
        self.from = from
        self.until = until
        self.code = code
        self.issued = issued
    }

    package var json: JSONValue {
        [
            "code": .string(code), "from": .string(from.description), "issued": .string(issued.description),
            "kind": .string(kind.rawValue), "schema": .string(Self.schema), "until": until.map { .string($0.description) } ?? .null,
        ]
    }

    /// What is to be stated now.
    ///
    /// - Parameters:
    ///   - open: what was stated last, if that stall was not yet stated to be over.
    ///   - health: nil where this kind is not configured any more.
    ///   - lastSuccess: of the lane's heartbeat.
    /// - Returns: nil where nothing is. After one is, there may be another.
    package static func next(
        _ kind: AnchorKind, open: AnchorStall?, health: AnchorHealth?, lastSuccess: Timestamp?, now: Timestamp
    ) -> AnchorStall? {
        func end(at instant: Timestamp?) -> AnchorStall? {
            open.map { AnchorStall(kind: kind, from: $0.from, until: max(instant ?? now, $0.from), code: $0.code, issued: now) }
        }
        guard let health else { return end(at: now) }
        guard case .stalled(let since, let code) = health else { return end(at: lastSuccess) }
        guard let open else { return AnchorStall(kind: kind, from: since, until: nil, code: code, issued: now) }
        // It worked for a while in between. Where the clock is wrong, nothing can be told: the stall goes on.
        if since > open.from, since < now, let lastSuccess, lastSuccess == since { return end(at: lastSuccess) }
        return nil
    }
}
