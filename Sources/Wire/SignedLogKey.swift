package import Model
package import Seal

/// Central's word to one appliance which key its transparency log has: `martlet.log-key/v1`, signed with the order-signing key,
/// which the appliance pinned at its enrolment. For appliances that were enrolled before there was a log.
package struct LogKeyStatement: Hashable, Sendable {
    package static let schema = "martlet.log-key/v1"
    package let site: SiteID
    package let appliance: ApplianceID
    /// A vkey; unchecked.
    package let key: String
    package let made: Timestamp

    package init(site: SiteID, appliance: ApplianceID, key: String, made: Timestamp) {
        self.site = site
        self.appliance = appliance
        self.key = key
        self.made = made
    }

    fileprivate var json: JSONValue {
        [
            "appliance": .string(appliance.description), "key": .string(key), "made": .string(made.description),
            "schema": .string(Self.schema), "site": .string(site.description),
        ]
    }

    fileprivate init(json: JSONValue) throws(FieldError) {
        let reader = try ObjectReader(json)
        self.init(
            site: try reader.parsed("site"), appliance: try reader.parsed("appliance"),
            key: try reader.string("key", bytesMax: WitnessReport.keyBytesMax), made: try reader.instant("made"))
    }
}

/// The statement as it travels in a check-in's reply: the text of a `SignedEnvelope`.
package struct SignedLogKey: Sendable {
    package static let bytesMax = 4_096
    private static let limits = JSONLimits(bytesMax: bytesMax, depthMax: 4)

    package let text: String

    package init(signing statement: LogKeyStatement, with key: SigningKey) {
        // Texts only, which always have a canonical form.
        text = try! SignedEnvelope(signing: statement.json, with: key).text
    }

    /// - Parameter key: of Central's orders, as enrolment pinned it.
    package static func open(_ text: String, key: VerifyingKey) throws(EnvelopeError) -> LogKeyStatement {
        let payload = try SignedEnvelope(parsing: text, limits: limits).open(schema: LogKeyStatement.schema, keys: [key], limits: limits)
            .payload
        do throws(FieldError) { return try LogKeyStatement(json: payload) } catch { throw .field(error) }
    }
}
