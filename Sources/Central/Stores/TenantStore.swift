import Database
package import Learning
package import Model

package struct Organization: Hashable, Sendable {
    package let id: OrganizationID
    package let name: String
}

package struct Site: Hashable, Sendable {
    package let id: SiteID
    package let organization: OrganizationID
    package let name: String
    package let organizationName: String
}

/// Organizations and their sites. Only a person at Central's machine makes or lists them.
package struct TenantStore: Sendable {
    private let database: any SQLDatabase
    private let now: @Sendable () -> Timestamp

    init(_ database: any SQLDatabase, now: @escaping @Sendable () -> Timestamp) {
        self.database = database
        self.now = now
    }

    /// - Parameter partner: whose practice it is, for good: what is learned at one of a partner's practices is used at all of them. nil: a
    ///   partner of its own, by its id.
    package func createOrganization(
        _ name: String, partner: PartnerID? = nil, by credential: OperatorCredential
    ) async throws -> Organization {
        let name = try checked(name)
        let organization = Organization(id: OrganizationID(at: now()), name: name)
        let created = now().milliseconds
        try await database.write { transaction in
            guard try transaction.query("SELECT id FROM organization WHERE name = \(name)").isEmpty else {
                throw CentralError.nameTaken("an organization \"\(name)\"")
            }
            try transaction.execute(
                """
                INSERT INTO organization (id, name, partner, created_at)
                VALUES (\(organization.id.description), \(name), \(partner?.description), \(created))
                """)
        }
        return organization
    }

    package func createSite(_ name: String, in scope: TenantScope) async throws -> Site {
        let name = try checked(name)
        let id = SiteID(at: now())
        let created = now().milliseconds
        return try await database.write { transaction in
            let owner = scope.organization.description
            guard let organization = try transaction.query("SELECT name FROM organization WHERE id = \(owner)").first else {
                throw CentralError.notFound("organization")
            }
            guard try transaction.query("SELECT id FROM site WHERE organization_id = \(owner) AND name = \(name)").isEmpty else {
                throw CentralError.nameTaken("a site \"\(name)\"")
            }
            try transaction.execute(
                "INSERT INTO site (id, organization_id, name, created_at) VALUES (\(id.description), \(owner), \(name), \(created))")
            return Site(id: id, organization: scope.organization, name: name, organizationName: try organization.text(0))
        }
    }

    package func organizations(for credential: OperatorCredential) async throws -> [Organization] {
        try await database.read { transaction in
            try transaction.query("SELECT id, name FROM organization ORDER BY name").map {
                Organization(id: try $0.parsed(0), name: try $0.text(1))
            }
        }
    }

    /// How many days an organization's evidence is kept: 2190 and more, and never fewer than before.
    /// - Throws: `CentralError.retentionShorter`, `.value`, `.notFound`, `DatabaseError`.
    package func retain(_ days: Int, in scope: TenantScope) async throws {
        guard (2_190...36_500).contains(days) else { throw CentralError.value("evidence is kept 2190 to 36500 days") }
        let owner = scope.organization
        try await database.write { transaction in
            let known = try Self.retentionDays(of: owner, in: transaction)
            guard days >= known else { throw CentralError.retentionShorter(known) }
            try transaction.execute("UPDATE organization SET retention_days = \(days) WHERE id = \(owner.description)")
        }
    }

    static func retentionDays(of organization: OrganizationID, in transaction: any SQLTransaction) throws -> Int {
        let row = try transaction.query("SELECT retention_days FROM organization WHERE id = \(organization.description)").first
        guard let row else { throw CentralError.notFound("organization") }
        return Int(try row.integer(0))
    }

    package func sites(for credential: OperatorCredential) async throws -> [Site] {
        try await database.read { transaction in
            try transaction.query(
                """
                SELECT site.id, organization.id, site.name, organization.name
                FROM site JOIN organization ON organization.id = site.organization_id ORDER BY organization.name, site.name
                """
            ).map { Site(id: try $0.parsed(0), organization: try $0.parsed(1), name: try $0.text(2), organizationName: try $0.text(3)) }
        }
    }

    private func checked(_ name: String) throws -> String {
        guard !name.isEmpty, name.utf8.count <= 200, name.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 }) else {
            throw CentralError.value("a name has 1 to 200 bytes and no control characters")
        }
        return name
    }
}
