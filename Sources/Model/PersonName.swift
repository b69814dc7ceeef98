/// Whether two names could be one person's: the rule behind every "by somebody else".
package enum PersonName {
    /// `alice`, `Alice ` and `alice@central` are taken for one person; only two whole addresses tell people of one name apart.
    /// An empty name is nobody's, and so not somebody else's.
    package static func mayBeSame(_ one: String, _ other: String) -> Bool {
        let (one, other) = (words(of: one), words(of: other))
        guard !one.isEmpty, !other.isEmpty, one != other else { return true }
        guard !one.contains("@") || !other.contains("@") else { return false }
        return one.prefix { $0 != "@" } == other.prefix { $0 != "@" }
    }

    /// Who stands behind a plan's proposer: the person of `order:alice@msp.example`, otherwise the rule or model itself.
    package static func behind(_ proposer: String) -> String {
        proposer.hasPrefix("order:") ? String(proposer.dropFirst("order:".count)) : proposer
    }

    /// A name without what two ways of writing it differ in.
    private static func words(of name: String) -> String {
        name.lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
