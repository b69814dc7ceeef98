package import Model

/// An incident as it is asked about: what rules decide by, and nothing of what became of it.
extension Incident {
    package static let decisionLimits = JSONLimits(bytesMax: 4 << 20, depthMax: 8)

    package var json: JSONValue {
        [
            "check": .string(check.description), "code": .string(code.description), "facts": facts.json,
            "host": .string(host.description), "id": .string(id.description), "opened": .string(opened.description),
            "severity": .string(severity.rawValue),
        ]
    }

    package init(json: JSONValue) throws(FieldError) {
        try self.init(reading: ObjectReader(json))
    }

    init(reading reader: ObjectReader) throws(FieldError) {
        let opened = try reader.instant("opened")
        self.init(
            id: try reader.parsed("id"), host: try reader.parsed("host"), check: try reader.parsed("check"),
            code: try reader.parsed("code"), severity: try reader.word("severity"), opened: opened, lastSeen: opened,
            facts: try Facts(reading: reader.object("facts")))
    }
}
