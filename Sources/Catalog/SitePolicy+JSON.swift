package import Model
package import Seal

extension SitePolicy {
    package var json: JSONValue {
        [
            "appliance": .string(appliance.description),
            "disabled": [
                "checks": .array(checks.map(\.json)), "rules": .array(rules.map(\.json)), "runbooks": .array(runbooks.map(\.json)),
            ],
            "issued": .string(issued.description), "learned": .array(learned.map(\.json)), "schema": .string(Self.schema),
            "site": .string(site.description), "version": .integer(version),
        ]
    }

    /// The text of the envelope.
    /// - Throws: `JSONError.tooLarge` for a document that no appliance would take, and what has no canonical form.
    package func signed(with key: SigningKey) throws(JSONError) -> (text: String, digest: Digest) {
        let envelope = try SignedEnvelope(signing: json, with: key)
        guard envelope.payload.count <= Self.bytesMax else { throw .tooLarge(bytes: envelope.payload.count, limit: Self.bytesMax) }
        return (envelope.text, Digest(of: envelope.payload))
    }

    package init(json: JSONValue) throws(FieldError) {
        let reader = try ObjectReader(json)
        // A member that is not known could be a condition that would not be kept.
        try reader.refuseUnknown(except: ["appliance", "disabled", "issued", "learned", "schema", "site", "version"])
        let disabled = try reader.object("disabled")
        try disabled.refuseUnknown(except: ["checks", "rules", "runbooks"])
        version = try reader.integer("version", in: 1...JSONValue.greatestInteger)
        site = try reader.parsed("site")
        appliance = try reader.parsed("appliance")
        issued = try reader.instant("issued")
        checks = try SwitchedOff.list("checks", of: disabled)
        rules = try SwitchedOff.list("rules", of: disabled)
        runbooks = try SwitchedOff.list("runbooks", of: disabled)
        learned = try Learned.list(try reader.array("learned", countMax: Self.entriesMax))
    }

    /// One text for one document: ascending, and none twice.
    fileprivate static func requireOrder<Key: Comparable>(_ keys: [Key], _ path: String) throws(FieldError) {
        guard zip(keys, keys.dropFirst()).allSatisfy(<) else { throw .outOfRange(path, expected: "in ascending order, each once") }
    }
}

extension SitePolicy.SwitchedOff {
    package var json: JSONValue {
        ["by": .string(by), "id": .string(id.description), "reason": .string(reason), "since": .string(since.description)]
    }

    fileprivate static func list(_ key: String, of reader: ObjectReader) throws(FieldError) -> [Self] {
        var entries: [Self] = []
        for item in try reader.objects(key, countMax: SitePolicy.entriesMax) {
            try item.refuseUnknown(except: ["by", "id", "reason", "since"])
            entries.append(
                Self(
                    id: try item.parsed("id"), since: try item.instant("since"),
                    by: try item.plain("by", bytesMax: SitePolicy.personBytesMax),
                    reason: try item.plain("reason", bytesMax: SitePolicy.reasonBytesMax)))
        }
        try SitePolicy.requireOrder(entries.map(\.id), reader.path(key))
        return entries
    }
}

extension SitePolicy.Learned {
    private static let prefix = "ptrn_"

    package var json: JSONValue {
        [
            "pattern": .string(Self.prefix + pattern.description), "rule": rule, "stage": .string(stage.rawValue),
            "version": .integer(Int64(version)),
        ]
    }

    /// `ptrn_` and 64 hexadecimal digits.
    package var patternText: String { Self.prefix + pattern.description }

    /// Those of a document, or as Central keeps them.
    package static func list(_ items: [JSONValue]) throws(FieldError) -> [Self] {
        var entries: [Self] = []
        for (index, item) in items.enumerated() { entries.append(try Self(ObjectReader(item, at: "learned[\(index)]"))) }
        try SitePolicy.requireOrder(entries.map(\.ruleID), "learned")
        return entries
    }

    private init(_ reader: ObjectReader) throws(FieldError) {
        try reader.refuseUnknown(except: ["pattern", "rule", "stage", "version"])
        let name = try reader.string("pattern", bytesMax: 100)
        guard name.hasPrefix(Self.prefix), let pattern = Digest(String(name.dropFirst(Self.prefix.count))) else {
            throw .outOfRange(reader.path("pattern"), expected: "a pattern's signature")
        }
        let rule = try reader.required("rule")
        guard let bytes = try? rule.canonicalBytes(), bytes.count <= SitePolicy.ruleBytesMax else {
            throw .outOfRange(reader.path("rule"), expected: "at most \(SitePolicy.ruleBytesMax) bytes")
        }
        self.init(
            pattern: pattern, version: Int(try reader.integer("version", in: SitePolicy.learnedVersions)),
            stage: try reader.word("stage"), ruleID: try reader.object("rule").parsed("id"), rule: rule)
    }
}

extension ObjectReader {
    /// Something, without what could forge lines of a report.
    fileprivate func plain(_ key: String, bytesMax: Int) throws(FieldError) -> String {
        let text = try string(key, bytesMax: bytesMax)
        guard !text.isEmpty, text.isPlain else { throw .outOfRange(path(key), expected: "a text without control characters") }
        return text
    }
}
