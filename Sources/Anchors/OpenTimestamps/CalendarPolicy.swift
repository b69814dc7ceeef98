/// Which calendars are asked, and how many must answer.
package struct CalendarPolicy: Sendable, Equatable {
    /// Addresses to which digests are submitted, without a slash at the end: 1 to 16.
    package let calendars: [String]
    /// How many of them must take a digest before it counts as anchored: 1 to as many as there are.
    package let needed: Int
    /// Addresses at which promises are redeemed, besides `calendars`: a pool hands over to calendars of other names. The first
    /// label of the host may be `*`, which stands for one label.
    package let redeemers: [String]

    package static let calendarsMax = 16

    /// nil when an address is malformed or a number is out of range.
    package init?(calendars: [String], needed: Int, redeemers: [String] = []) {
        let calendars = calendars.map(Self.trimmed)
        let redeemers = redeemers.map(Self.trimmed)
        guard (1...Self.calendarsMax).contains(calendars.count), Set(calendars).count == calendars.count,
            (1...calendars.count).contains(needed), redeemers.count <= Self.calendarsMax,
            calendars.allSatisfy({ Self.parts($0) != nil && !$0.contains("*") }),
            redeemers.allSatisfy({ Self.parts($0) != nil })
        else { return nil }
        self.calendars = calendars
        self.needed = needed
        self.redeemers = redeemers
    }

    /// Whether we would ever ask this address. A calendar names the address in its answer; without this it could send us anywhere.
    package func permits(_ address: String) -> Bool {
        guard let asked = Self.parts(address), !address.contains("*") else { return false }
        return (calendars + redeemers).contains { permitted in
            guard let permitted = Self.parts(permitted) else { return false }
            guard permitted.scheme == asked.scheme, permitted.path == asked.path else { return false }
            guard permitted.host.first == "*" else { return permitted.host == asked.host }
            guard let dot = asked.host.firstIndex(of: "."), dot != asked.host.startIndex else { return false }
            return permitted.host.dropFirst() == asked.host[dot...]
        }
    }

    private struct Parts { let scheme, host, path: Substring }

    /// `https://host[:port][/path]` of plain letters; host and port together.
    private static func parts(_ address: String) -> Parts? {
        guard let scheme = ["https://", "http://"].first(where: address.hasPrefix) else { return nil }
        let rest = trimmed(address).dropFirst(scheme.count)
        let host = rest.prefix { $0 != "/" }
        guard !host.isEmpty, address.utf8.count <= ProofAttestation.addressBytesMax,
            rest.utf8.allSatisfy({ byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "*"):
                    true
                default: false
                }
            })
        else { return nil }
        return Parts(scheme: Substring(scheme), host: host, path: rest.dropFirst(host.count))
    }

    private static func trimmed(_ address: String) -> String { address.hasSuffix("/") ? String(address.dropLast()) : address }
}
