package import Model
package import Seal

/// What Central says of a time in which an appliance said nothing: `martlet.gap/v1`, signed with the receipt key and logged.
package struct GapStatement: Hashable, Sendable {
    package static let schema = "martlet.gap/v1"
    package static let noteBytesMax = 1_000

    package let site: SiteID
    /// nil, here and below: all.
    package let appliance: ApplianceID?
    package let host: HostID?
    package let check: CheckID?
    package let from: Timestamp
    package let until: Timestamp
    package let cause: GapCause
    package let issued: Timestamp
    package let note: String

    /// nil unless `from` < `until` ≤ `issued`, the cause is one that Central can know, and the note is short enough.
    package init?(
        site: SiteID, appliance: ApplianceID?, host: HostID? = nil, check: CheckID? = nil, from: Timestamp, until: Timestamp,
        cause: GapCause, issued: Timestamp, note: String = ""
    ) {
        guard from < until, until <= issued, cause.isOfCentral, note.utf8.count <= Self.noteBytesMax else { return nil }
        self.site = site
        self.appliance = appliance
        self.host = host
        self.check = check
        self.from = from
        self.until = until
        self.cause = cause
        self.issued = issued
        self.note = note
    }
}

extension GapStatement {
    package var json: JSONValue {
        [
            "appliance": appliance.map { .string($0.description) } ?? .null, "check": check.map { .string($0.description) } ?? .null,
            "code": .string(cause.rawValue), "from": .string(from.description),
            "host": host.map { .string($0.description) } ?? .null, "issued": .string(issued.description), "note": .string(note),
            "schema": .string(Self.schema), "site": .string(site.description), "until": .string(until.description),
        ]
    }

    package init(json: JSONValue) throws(FieldError) {
        let reader = try ObjectReader(json)
        guard try reader.string("schema", bytesMax: 100) == Self.schema else { throw .outOfRange("schema", expected: Self.schema) }
        guard
            let statement = GapStatement(
                site: try reader.parsed("site"), appliance: try reader.optionalParsed("appliance"), host: try reader.optionalParsed("host"),
                check: try reader.optionalParsed("check"), from: try reader.instant("from"), until: try reader.instant("until"),
                cause: try reader.word("code"), issued: try reader.instant("issued"),
                note: try reader.string("note", bytesMax: Self.noteBytesMax))
        else { throw .outOfRange("from", expected: "before until, which is not after issued, with a cause that Central can know") }
        self = statement
    }
}
