package import Model

/// A person who may approve, and the key that only they have.
package struct Approver: Hashable, Sendable, LosslessStringConvertible {
    package static let nameBytesMax = 200

    /// Printable ASCII.
    package let name: String
    package let key: VerifyingKey

    /// nil unless the name is 1 to 200 printable characters, without white space at its ends.
    package init?(name: String, key: VerifyingKey) {
        guard name.isPrintableASCII, name.utf8.count <= Self.nameBytesMax, name.first != " ", name.last != " " else { return nil }
        self.name = name
        self.key = key
    }

    /// `BASE64KEY NAME`, as `martlet key` prints the key.
    package init?(_ text: String) {
        guard let space = text.firstIndex(of: " "), let bytes = [UInt8](base64: String(text[..<space])),
            let key = VerifyingKey(bytes: bytes)
        else { return nil }
        self.init(name: String(text[text.index(after: space)...]), key: key)
    }

    package var description: String { "\(key.bytes.base64) \(name)" }
}

/// "This very plan, at this appliance, until then": `martlet.approval/v1`, signed with the approver's own key.
package struct Approval: Hashable, Sendable {
    package static let schema = "martlet.approval/v1"
    package static let ttlMin: Duration = .seconds(60)
    package static let ttlMax: Duration = .seconds(7 * 86_400)
    package static let ttlDefault: Duration = .seconds(86_400)
    /// The signed envelope.
    package static let bytesMax = 4_096

    package let site: SiteID
    package let appliance: ApplianceID
    /// Of the `PlanStatement`.
    package let plan: Digest
    package let approver: String
    package let issued: Timestamp
    package let expires: Timestamp
    /// 32 lower-case hexadecimal digits, never used twice.
    package let nonce: String

    package init(
        of plan: PlanStatement, approver: String, issued: Timestamp, expires: Timestamp, random: inout some RandomNumberGenerator
    ) {
        self.init(
            site: plan.site, appliance: plan.appliance, plan: plan.digest, approver: approver, issued: issued, expires: expires,
            nonce: (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }.hexadecimal)
    }

    package init(
        site: SiteID, appliance: ApplianceID, plan: Digest, approver: String, issued: Timestamp, expires: Timestamp, nonce: String
    ) {
        self.site = site
        self.appliance = appliance
        self.plan = plan
        self.approver = approver
        self.issued = issued
        self.expires = expires
        self.nonce = nonce
    }

    package var json: JSONValue {
        [
            "appliance": .string(appliance.description), "approver": .string(approver), "expires": .string(expires.description),
            "issued": .string(issued.description), "nonce": .string(nonce), "plan": .string(plan.description),
            "schema": .string(Self.schema), "site": .string(site.description),
        ]
    }

    package init(json: JSONValue) throws(FieldError) {
        let reader = try ObjectReader(json)
        try reader.refuseUnknown(except: ["appliance", "approver", "expires", "issued", "nonce", "plan", "schema", "site"])
        let nonce = try reader.string("nonce", bytesMax: 32)
        guard let bytes = [UInt8](hexadecimal: nonce), bytes.count == 16 else {
            throw .outOfRange("nonce", expected: "32 lower-case hexadecimal digits")
        }
        self.init(
            site: try reader.parsed("site"), appliance: try reader.parsed("appliance"), plan: try reader.digest("plan"),
            approver: try reader.string("approver", bytesMax: Approver.nameBytesMax), issued: try reader.instant("issued"),
            expires: try reader.instant("expires"), nonce: nonce)
    }

    /// The envelope that travels.
    package func signed(with key: SigningKey) -> String {
        // Nothing but texts: there always is a canonical form.
        SignedEnvelope(keyID: key.id, payload: bytes, signature: key.sign(bytes)).text
    }

    private var bytes: [UInt8] { (try? json.canonicalBytes()) ?? [] }
}
