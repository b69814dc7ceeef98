package import Model
package import Seal

/// A person's word that a check, rule or runbook is switched off at a site, or on again: `martlet.enablement/v1`, signed with the receipt
/// key and logged.
package struct EnablementStatement: Hashable, Sendable {
    package static let schema = "martlet.enablement/v1"
    package static let reasonBytesMax = 1_000
    package static let personBytesMax = 200

    package enum Kind: String, Hashable, Sendable, CaseIterable { case check, rule, runbook }

    package let site: SiteID
    /// nil: all of the site.
    package let appliance: ApplianceID?
    package let kind: Kind
    /// The check's, rule's or runbook's.
    package let id: String
    package let isEnabled: Bool
    package let by: String
    package let reason: String
    package let issued: Timestamp

    package init(
        site: SiteID, appliance: ApplianceID?, kind: Kind, id: String, isEnabled: Bool, by: String, reason: String, issued: Timestamp
    ) throws(FieldError) {
        // One name to every reader, and nothing that could forge lines of a report.
        guard Name<EnablementSubject>(id) != nil else { throw .outOfRange("id", expected: "1 to 100 of A-Z a-z 0-9 . _ -") }
        guard (1...Self.personBytesMax).contains(by.utf8.count), by.isPlain else {
            throw .outOfRange("by", expected: "a name of at most \(Self.personBytesMax) bytes without control characters")
        }
        guard (1...Self.reasonBytesMax).contains(reason.utf8.count), reason.isPlain else {
            throw .outOfRange("reason", expected: "a reason of at most \(Self.reasonBytesMax) bytes without control characters")
        }
        self.site = site
        self.appliance = appliance
        self.kind = kind
        self.id = id
        self.isEnabled = isEnabled
        self.by = by
        self.reason = reason
        self.issued = issued
    }

    /// What is switched on again by this one.
    func ends(_ other: EnablementStatement) -> Bool {
        (site, appliance, kind, id) == (other.site, other.appliance, other.kind, other.id)
    }
}

private enum EnablementSubject: Sendable {}

extension EnablementStatement {
    package var json: JSONValue {
        [
            "appliance": appliance.map { .string($0.description) } ?? .null, "by": .string(by), "enabled": .boolean(isEnabled),
            "id": .string(id), "issued": .string(issued.description), "kind": .string(kind.rawValue), "reason": .string(reason),
            "schema": .string(Self.schema), "site": .string(site.description),
        ]
    }

    package init(json: JSONValue) throws(FieldError) {
        let reader = try ObjectReader(json)
        guard try reader.string("schema", bytesMax: 100) == Self.schema else { throw .outOfRange("schema", expected: Self.schema) }
        try self.init(
            site: try reader.parsed("site"), appliance: try reader.optionalParsed("appliance"), kind: try reader.word("kind"),
            id: try reader.string("id", bytesMax: 100), isEnabled: try reader.boolean("enabled"),
            by: try reader.string("by", bytesMax: Self.personBytesMax),
            reason: try reader.string("reason", bytesMax: Self.reasonBytesMax), issued: try reader.instant("issued"))
    }
}

/// A span in which something was switched off, by who said so and why.
package struct SwitchedOffSpan: Hashable, Sendable {
    package let statement: EnablementStatement
    /// nil while it is off.
    package let until: Timestamp?

    package init(statement: EnablementStatement, until: Timestamp?) {
        self.statement = statement
        self.until = until
    }

    package var from: Timestamp { statement.issued }

    package func contains(_ instant: Timestamp) -> Bool { from <= instant && until.map { instant < $0 } ?? true }

    /// - Parameter statements: in their order in the log. A later one about the same ends one before it.
    package static func all(_ statements: [EnablementStatement]) -> [SwitchedOffSpan] {
        statements.enumerated().compactMap { place, statement in
            guard !statement.isEnabled else { return nil }
            return SwitchedOffSpan(
                statement: statement, until: statements.dropFirst(place + 1).first { $0.ends(statement) }?.issued)
        }
    }

    /// Those of a period, as `continuity.json` lists them.
    package static func all(_ statements: [EnablementStatement], during period: CoveragePeriod) -> [SwitchedOffSpan] {
        all(statements).filter { span in span.from < period.until && span.until.map { $0 > period.from } ?? true }
    }

    package var json: JSONValue {
        [
            "appliance": statement.appliance.map { .string($0.description) } ?? .null, "by": .string(statement.by),
            "from": .string(from.description), "id": .string(statement.id), "kind": .string(statement.kind.rawValue),
            "reason": .string(statement.reason), "until": until.map { .string($0.description) } ?? .null,
        ]
    }
}
