package import Database
package import Model
package import Seal
package import TransparencyLog
import Wire

/// Who this appliance is and whom it believes: what enrolment granted, once.
package struct Identity: Hashable, Sendable {
    package let organization: OrganizationID
    package let site: SiteID
    package let appliance: ApplianceID
    /// `https://host:port` of Central's appliance API.
    package let centralURL: String
    /// Central's CA, PEM: the only trust root.
    package let authority: String
    package let orderKey: VerifyingKey
    package let receiptKey: VerifyingKey
    package let catalogKey: VerifyingKey
    /// Of the transparency log, whose origin is its name; nil where enrolment was before there was a log, until Central has said it.
    package let logKey: NoteVerifier?

    package init(
        organization: OrganizationID, site: SiteID, appliance: ApplianceID, centralURL: String, authority: String,
        orderKey: VerifyingKey, receiptKey: VerifyingKey, catalogKey: VerifyingKey, logKey: NoteVerifier? = nil
    ) {
        self.logKey = logKey
        self.organization = organization
        self.site = site
        self.appliance = appliance
        self.centralURL = centralURL
        self.authority = authority
        self.orderKey = orderKey
        self.receiptKey = receiptKey
        self.catalogKey = catalogKey
    }
}

extension Identity {
    package var json: JSONValue {
        [
            "organization": .string(organization.description), "site": .string(site.description),
            "appliance": .string(appliance.description), "centralUrl": .string(centralURL), "authority": .string(authority),
            "orderKey": .string(orderKey.bytes.base64), "receiptKey": .string(receiptKey.bytes.base64),
            "catalogKey": .string(catalogKey.bytes.base64), "logKey": logKey.map { .string($0.text) } ?? nil,
        ]
    }

    init(json: JSONValue) throws(FieldError) {
        let reader = try ObjectReader(json)
        func key(_ name: String) throws(FieldError) -> VerifyingKey {
            if let key = VerifyingKey(bytes: try reader.bytes(name, count: 32...32)) { return key }
            throw .outOfRange(name, expected: "a public key")
        }
        organization = try reader.parsed("organization")
        site = try reader.parsed("site")
        appliance = try reader.parsed("appliance")
        centralURL = try reader.string("centralUrl", bytesMax: 2_000)
        authority = try reader.string("authority", bytesMax: 65_536)
        orderKey = try key("orderKey")
        receiptKey = try key("receiptKey")
        catalogKey = try key("catalogKey")
        logKey = try reader.optionalString("logKey", bytesMax: 500).map { text throws(FieldError) in
            // Our own file: what it holds was verified at enrolment.
            guard let key = try? NoteVerifier(text) else { throw .outOfRange("logKey", expected: "a verifier key") }
            return key
        }
    }

    /// nil while this appliance is not enrolled.
    package static func load(_ database: any SQLDatabase) async throws -> Identity? { try await database.read { try stored(in: $0) } }

    static func stored(in transaction: any SQLTransaction) throws -> Identity? {
        guard let text = try SettingTable.read(.identity, in: transaction) else { return nil }
        return try Identity(json: try JSONValue(parsing: Array(text.utf8), limits: JSONLimits(bytesMax: 1 << 20)))
    }

    func store(in transaction: any SQLTransaction) throws {
        try SettingTable.write(.identity, String(decoding: try json.canonicalBytes(), as: UTF8.self), in: transaction)
    }
}
