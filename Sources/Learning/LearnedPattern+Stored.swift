import Model
package import Seal

/// A learned rule's life for the store that keeps it between two events, and back.
extension LearnedPattern {
    package var stored: JSONValue {
        [
            "partner": .string(partner.description), "rule": rule.stored, "stage": .string(stage.rawValue),
            "version": .integer(Int64(version)), "rounds": .integer(Int64(rounds)), "since": .string(since.description),
            "sites": .array(sites.map { .string($0.description) }), "awaiting": awaiting.map { .string($0.rawValue) } ?? .null,
            "successes": .integer(Int64(successes)), "failures": .integer(Int64(failures)), "number": .integer(Int64(number)),
            "bundles": .array(bundles.map { .string($0.description) }), "recent": .string(String(recent, radix: 16)),
            "recentCount": .integer(Int64(recentCount)), "failuresInARow": .integer(Int64(failuresInARow)),
            "forgotten": .integer(forgotten), "refusals": .array(refusals.map(\.stored)),
        ]
    }

    /// Appliances of one partner.
    private static let refusalsMax = 100_000
    private static let counts: ClosedRange<Int64> = 0...1_000_000_000

    package init(stored json: JSONValue) throws(FieldError) {
        let reader = try ObjectReader(json)
        func count(_ key: String) throws(FieldError) -> Int { Int(try reader.integer(key, in: Self.counts)) }
        partner = try reader.parsed("partner")
        rule = try LearnedRule(stored: reader.object("rule"))
        key = rule.key
        stage = try reader.word("stage")
        (version, rounds, number) = (try count("version"), try count("rounds"), try count("number"))
        since = try reader.instant("since")
        awaiting = try reader.optionalWord("awaiting")
        (successes, failures) = (try count("successes"), try count("failures"))
        (sites, bundles) = (try reader.ids("sites", countMax: 20), try reader.ids("bundles", countMax: StageChange.bundlesMax))
        guard let recent = UInt64(try reader.string("recent", bytesMax: 16), radix: 16) else {
            throw .outOfRange("recent", expected: "hexadecimal digits")
        }
        self.recent = recent
        (recentCount, failuresInARow) = (try count("recentCount"), try count("failuresInARow"))
        forgotten = try reader.integer("forgotten")
        // Absent in what was kept before there were any.
        if reader.has("refusals") {
            for item in try reader.objects("refusals", countMax: Self.refusalsMax) { refusals.append(try RuleRefusal(stored: item)) }
        }
    }
}

extension ObjectReader {
    func ids<Subject>(_ name: String, countMax: Int) throws(FieldError) -> [ID<Subject>] {
        let texts = try strings(name, countMax: countMax, bytesMax: 40)
        let ids = texts.compactMap { ID<Subject>($0) }
        guard ids.count == texts.count else { throw .outOfRange(path(name), expected: "identifiers") }
        return ids
    }
}
