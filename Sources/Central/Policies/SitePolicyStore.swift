package import Catalog
import Compliance
package import Database
package import Model
import Seal
package import Wire

/// What is switched off at sites and which learned rules they are sent; and from both, one signed document per appliance.
///
/// Every change makes the documents of the appliances concerned, in its own transaction: a change that stands is on its way.
package struct SitePolicyStore: Sendable {
    private let database: any SQLDatabase
    private let now: @Sendable () -> Timestamp
    private let key: SigningKey

    init(_ database: any SQLDatabase, now: @escaping @Sendable () -> Timestamp, key: SigningKey) {
        self.database = database
        self.now = now
        self.key = key
    }

    // MARK: Learned rules

    /// Sets the learned rules that a site's appliances are sent: all of them, in place of those before. The same again changes nothing.
    ///
    /// In the transaction of what decided it (`StageChange`); the documents are made in it too.
    /// - Throws: `CentralError.notFound` for a site of another organization; `CentralError.policyTooLarge` where no appliance would take
    ///   the document. The transaction must not be committed then.
    package func setLearned(
        _ learned: [SitePolicy.Learned], of site: SiteID, in scope: TenantScope, _ transaction: any SQLTransaction
    ) throws {
        try Self.check(site, scope, in: transaction)
        guard learned.count <= SitePolicy.entriesMax, Set(learned.map(\.ruleID)).count == learned.count else {
            throw CentralError.policyTooLarge("\(learned.count) learned rules, or one twice")
        }
        let entries = String(
            decoding: try JSONValue.array(learned.sorted { $0.ruleID < $1.ruleID }.map(\.json)).canonicalBytes(), as: UTF8.self)
        try transaction.execute(
            """
            INSERT INTO learned_rules (site_id, entries) VALUES (\(site.description), \(entries))
            ON CONFLICT (site_id) DO UPDATE SET entries = excluded.entries
            """)
        try issue(to: site, in: transaction)
    }

    /// As they are set now.
    package func learned(of site: SiteID, in scope: TenantScope, _ transaction: any SQLTransaction) throws -> [SitePolicy.Learned] {
        try Self.check(site, scope, in: transaction)
        return try Self.learned(of: site, in: transaction)
    }

    private static func learned(of site: SiteID, in transaction: any SQLTransaction) throws -> [SitePolicy.Learned] {
        let rows = try transaction.query("SELECT entries FROM learned_rules WHERE site_id = \(site.description)")
        guard let row = rows.first else { return [] }
        let limits = JSONLimits(bytesMax: SitePolicy.entriesMax * (SitePolicy.ruleBytesMax + 1_024))
        return try SitePolicy.Learned.list(try JSONValue(parsing: Array(try row.text(0).utf8), limits: limits).array ?? [])
    }

    // MARK: Documents

    /// Makes the document of every appliance of a site whose content is not that of its newest one.
    func issue(to site: SiteID, in transaction: any SQLTransaction) throws {
        let rows = try transaction.query(
            "SELECT id, policy_version FROM appliance WHERE site_id = \(site.description) AND revoked_at IS NULL ORDER BY id")
        guard !rows.isEmpty else { return }
        let off = try EnablementTable.standing(at: site, in: transaction)
        let learned = try Self.learned(of: site, in: transaction)
        for row in rows {
            try issue(
                to: try row.parsed(0), of: site, inForce: try row.integer(1), off: off, learned: learned, in: transaction)
        }
    }

    /// - Parameter inForce: as the appliance said last: a Central that came back from a backup goes on above it.
    private func issue(
        to appliance: ApplianceID, of site: SiteID, inForce: Int64, off: [EnablementTable.Entry], learned: [SitePolicy.Learned],
        in transaction: any SQLTransaction
    ) throws {
        let newest = try transaction.query(
            """
            SELECT version, content FROM site_policy WHERE appliance_id = \(appliance.description) ORDER BY version DESC LIMIT 1
            """
        ).first
        let own = off.filter { $0.appliance == nil || $0.appliance == appliance }
        let last = try newest?.integer(0) ?? 0
        if newest == nil, inForce == 0, own.isEmpty, learned.isEmpty { return }
        func document(_ version: Int64, _ issued: Timestamp) -> SitePolicy {
            SitePolicy(
                version: version, site: site, appliance: appliance, issued: issued, checks: Self.list(own, .check),
                rules: Self.list(own, .rule), runbooks: Self.list(own, .runbook), learned: learned)
        }
        // What it says, whatever its number and date.
        let content = Digest(of: try document(1, Timestamp(milliseconds: 0)).json.canonicalBytes())
        if let newest, try newest.digest(1) == content, last >= inForce { return }
        let version = max(last, inForce) + 1
        // An appliance that claims the highest of all numbers gets none any more; the others' must not hang on it.
        guard version <= JSONValue.greatestInteger else { return }
        guard own.count <= SitePolicy.entriesMax else { throw CentralError.policyTooLarge("\(own.count) entries are switched off") }
        let now = now()
        let signed: (text: String, digest: Digest)
        do throws(JSONError) { signed = try document(version, now).signed(with: key) } catch {
            throw CentralError.policyTooLarge(error.code)
        }
        try transaction.execute(
            """
            INSERT INTO site_policy (appliance_id, version, digest, content, envelope, issued_at)
            VALUES (\(appliance.description), \(version), \(signed.digest.bytes), \(content.bytes), \(signed.text), \(now.milliseconds))
            """)
    }

    /// A thing that is off for the site and for the appliance too is so since the first of the two.
    private static func list<Subject>(_ off: [EnablementTable.Entry], _ kind: EnablementStatement.Kind) -> [SitePolicy.SwitchedOff<Subject>]
    {
        let entries = off.filter { $0.kind == kind }.compactMap { entry in
            Name<Subject>(entry.subject).map {
                SitePolicy.SwitchedOff<Subject>(id: $0, since: entry.changed, by: entry.by, reason: entry.reason)
            }
        }
        return Array(Dictionary(entries.map { ($0.id, $0) }, uniquingKeysWith: { $0.since <= $1.since ? $0 : $1 }).values)
    }

    /// What an appliance is to have; makes it for one that was enrolled after the site's last change, or that has a higher number than
    /// is known here.
    func offer(to credential: ApplianceCredential, inForce: Int64, in transaction: any SQLTransaction) throws -> PolicyOffer? {
        let known = try Self.newest(of: credential.appliance, in: transaction)
        guard (known?.version ?? 0) < max(inForce, 1) else { return known }
        let off = try EnablementTable.standing(at: credential.site, in: transaction)
        let learned = try Self.learned(of: credential.site, in: transaction)
        try issue(
            to: credential.appliance, of: credential.site, inForce: inForce, off: off, learned: learned, in: transaction)
        return try Self.newest(of: credential.appliance, in: transaction)
    }

    private static func newest(of appliance: ApplianceID, in transaction: any SQLTransaction) throws -> PolicyOffer? {
        let rows = try transaction.query(
            """
            SELECT version, digest FROM site_policy WHERE appliance_id = \(appliance.description) ORDER BY version DESC LIMIT 1
            """)
        return try rows.first.map { PolicyOffer(version: try $0.integer(0), digest: try $0.digest(1)) }
    }

    /// The caller's own, as it was signed. That of another appliance answers exactly as one that does not exist.
    func envelope(_ version: Int64, for credential: ApplianceCredential) async throws -> String {
        let rows = try await database.read {
            try $0.query(
                """
                SELECT envelope FROM site_policy
                WHERE appliance_id = \(credential.appliance.description) AND version = \(version)
                """)
        }
        guard let row = rows.first else { throw CentralError.notFound("site policy") }
        return try row.text(0)
    }

    /// Of each appliance of a site that is not revoked: its newest document, and what it said that it has in force.
    package func delivery(of site: SiteID, in scope: TenantScope) async throws -> [Delivery] {
        try await database.read { transaction in
            try Self.check(site, scope, in: transaction)
            return try transaction.query(
                """
                SELECT id, policy_version, (SELECT MAX(version) FROM site_policy WHERE appliance_id = appliance.id) FROM appliance
                WHERE site_id = \(site.description) AND revoked_at IS NULL ORDER BY id
                """
            ).map { Delivery(appliance: try $0.parsed(0), newest: try $0.optionalInteger(2) ?? 0, inForce: try $0.integer(1)) }
        }
    }

    package struct Delivery: Hashable, Sendable {
        package let appliance: ApplianceID
        /// 0, here and below: none.
        package let newest: Int64
        package let inForce: Int64
    }

    static func check(_ site: SiteID, _ scope: TenantScope, in transaction: any SQLTransaction) throws {
        let rows = try transaction.query(
            "SELECT 1 FROM site WHERE id = \(site.description) AND organization_id = \(scope.organization.description)")
        guard !rows.isEmpty else { throw CentralError.notFound("site") }
    }
}
