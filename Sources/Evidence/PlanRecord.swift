package import Model
package import Seal

/// What a plan was made of, as far as a bundle's own members do not say it: the member `plan` of `healing` and `decision`.
///
/// Where no plan came about, because no rule answers or a person has to, only the platforms are known.
package struct PlanRecord: Hashable, Sendable {
    package static let parametersMax = 64
    package static let platformsMax = 32
    /// Of the parameters' canonical JSON: what a bundle has room for beside the facts.
    package static let bytesMax = 32_768

    /// What the host is held to, by its name in the catalog; nil in bundles from before it was said, and where the name is no name.
    package let baseline: String?
    package private(set) var parameters: [String: TypedValue]
    /// The host's, sorted, each once.
    package let platforms: [String]
    /// nil where a model or a person chose the runbook.
    package let rule: RuleID?
    /// Of a learned rule: which of its lives this was. nil for the catalog's own.
    package let ruleVersion: Int?
    /// Of the runbook's canonical definition; nil exactly where there is no plan.
    package let runbookDigest: Digest?

    /// nil for what would have no place in a bundle: too much of it, or names that no catalog has.
    package init?(
        baseline: String? = nil, parameters: [String: TypedValue], platforms: some Collection<String>, rule: RuleID?, ruleVersion: Int?,
        runbookDigest: Digest?
    ) {
        self.init(
            baseline.flatMap { Self.isName($0) ? $0 : nil }, parameters, Set(platforms).sorted(), rule, ruleVersion, runbookDigest)
        guard isWellFormed, let bytes = try? JSONValue.object(parameters.mapValues(\.json)).canonicalBytes(),
            bytes.count <= Self.bytesMax
        else { return nil }
    }

    private init(
        _ baseline: String?, _ parameters: [String: TypedValue], _ platforms: [String], _ rule: RuleID?, _ ruleVersion: Int?,
        _ runbookDigest: Digest?
    ) {
        self.baseline = baseline
        self.parameters = parameters
        self.platforms = platforms
        self.rule = rule
        self.ruleVersion = ruleVersion
        self.runbookDigest = runbookDigest
    }

    private static let versions: ClosedRange<Int64> = 1...1_000_000_000

    private var isWellFormed: Bool {
        parameters.count <= Self.parametersMax && platforms.count <= Self.platformsMax
            && baseline.map(Self.isName) ?? true && parameters.keys.allSatisfy(Self.isName) && platforms.allSatisfy(Self.isName)
            && (ruleVersion == nil || rule != nil) && (runbookDigest != nil || parameters.isEmpty)
            && zip(platforms, platforms.dropFirst()).allSatisfy { $0 < $1 }
    }

    private static func isName(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { TextForm.isName($0) }
    }

    /// Texts of hosts may have come in through a rule that takes an argument from a fact.
    package func mapTexts(_ change: (String) -> String) -> PlanRecord {
        var record = self
        record.parameters = parameters.mapValues { $0.mapTexts(change) }
        return record
    }
}

extension TypedValue {
    /// Numbers, instants and versions are what a probe made of them.
    package func mapTexts(_ change: (String) -> String) -> TypedValue {
        switch self {
        case .boolean, .integer, .instant, .version: self
        case .string(let text): .string(change(text))
        case .strings(let texts): .strings(texts.map(change))
        }
    }
}

extension PlanRecord {
    package init(reading reader: ObjectReader) throws(FieldError) {
        var parameters: [String: TypedValue] = [:]
        for (name, value) in try reader.object("parameters").all {
            parameters[name] = try TypedValue(json: value, at: "\(reader.path("parameters")).\(name)")
        }
        let version = try reader.optionalInteger("ruleVersion", in: Self.versions)
        self.init(
            try reader.optionalString("baseline", bytesMax: 100), parameters,
            try reader.strings("platforms", countMax: Self.platformsMax, bytesMax: 100), try reader.optionalParsed("rule"),
            version.map { Int($0) }, reader.has("runbookDigest") ? try reader.digest("runbookDigest") : nil)
        guard isWellFormed else { throw .outOfRange("plan", expected: "what a plan was made of") }
    }
}
