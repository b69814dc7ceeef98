import Evidence
package import Model
import Seal

/// Which organization's data a call may touch. Every store method of tenant data takes one, and it is made from a
/// credential only: forgetting the question does not compile.
package struct TenantScope: Hashable, Sendable {
    package let organization: OrganizationID

    package init(_ credential: ApplianceCredential) { organization = credential.organization }

    /// For Central's own periodic work, which goes through every organization in turn.
    init(ofCentral organization: OrganizationID) { self.organization = organization }

    /// For a person at the database's own machine, who may act for any one organization at a time.
    package init(_ credential: OperatorCredential, organization: OrganizationID) { self.organization = organization }
}

/// Who an appliance is: its certificate's word, found valid in the database at this request. Only `ApplianceStore` makes one.
package struct ApplianceCredential: Hashable, Sendable {
    package let organization: OrganizationID
    package let site: SiteID
    package let appliance: ApplianceID
    /// Of the certificate that was shown: lower-case hexadecimal digits.
    package let serial: String
    package let issued: Timestamp
    package let notAfter: Timestamp
    /// Those that may sign this appliance's evidence.
    let evidenceKeys: [EnrolledKey]
    /// The same keys as the log names them: SHA-256 of the raw key.
    private let signers: [KeyID: Digest]

    init(
        organization: OrganizationID, site: SiteID, appliance: ApplianceID, serial: String, issued: Timestamp, notAfter: Timestamp,
        evidenceKeys: [EnrolledKey]
    ) {
        self.organization = organization
        self.site = site
        self.appliance = appliance
        self.serial = serial
        self.issued = issued
        self.notAfter = notAfter
        self.evidenceKeys = evidenceKeys
        signers = Dictionary(evidenceKeys.map { ($0.key.id, Digest(of: $0.key.bytes)) }, uniquingKeysWith: { first, _ in first })
    }

    /// - Parameter key: one of `evidenceKeys`: what a verified bundle of this appliance was signed with.
    func signer(_ key: KeyID) -> Digest { signers[key]! }
}

/// A person who works on Central's machine with access to its database and keys: the operating system checked that.
package struct OperatorCredential: Hashable, Sendable {
    /// Recorded as the maker of claim codes, orders and catalogs: `alice@central-host`.
    package let name: String
    package init(localUser name: String) { self.name = name }
}
