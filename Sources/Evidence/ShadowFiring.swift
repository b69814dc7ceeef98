package import Model
package import Seal

/// A learned rule that would have answered a bundle's incident, and that only looks on: an item of the member `shadow`.
package struct ShadowFiring: Hashable, Sendable {
    /// In one bundle.
    package static let countMax = 16
    private static let prefix = "ptrn_"
    private static let versions: ClosedRange<Int64> = 1...1_000_000_000

    /// Of the incident's pattern. `docs/learning.md` has what is hashed.
    package let pattern: Digest
    package let version: Int
    package let rule: RuleID

    package init(pattern: Digest, version: Int, rule: RuleID) {
        self.pattern = pattern
        self.version = version
        self.rule = rule
    }

    /// `pattern` as it is written.
    package var patternText: String { Self.prefix + pattern.description }
}

extension ShadowFiring {
    package init(reading reader: ObjectReader) throws(FieldError) {
        let text = try reader.string("pattern", bytesMax: 100)
        guard text.hasPrefix(Self.prefix), let pattern = Digest(String(text.dropFirst(Self.prefix.count))) else {
            throw .outOfRange(reader.path("pattern"), expected: "a pattern")
        }
        self.init(
            pattern: pattern, version: Int(try reader.integer("version", in: Self.versions)), rule: try reader.parsed("rule"))
    }
}
