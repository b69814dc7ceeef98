import Database
package import Model
package import Seal
import Wire

/// Who may approve, and the plans that wait for one of them, as the appliances' newest check-ins have them.
package struct ApprovalStore: Sendable {
    private let database: any SQLDatabase
    private let now: @Sendable () -> Timestamp
    private let orders: OrderStore

    init(_ database: any SQLDatabase, now: @escaping @Sendable () -> Timestamp, orders: OrderStore) {
        self.database = database
        self.now = now
        self.orders = orders
    }

    package struct Waiting: Hashable, Sendable {
        package let organization: OrganizationID
        package let statement: PlanStatement
        /// When Central first heard of it.
        package let heard: Timestamp
    }

    // MARK: Approvers

    /// - Throws: `CentralError` where the name could be taken for another's, or the key is another's: nobody was registered.
    package func register(_ approver: Approver, in scope: TenantScope, by person: OperatorCredential) async throws {
        let now = now().milliseconds
        try await database.write { transaction in
            for known in try Self.approvers(in: scope, in: transaction) {
                guard known.key != approver.key else { throw CentralError.nameTaken("an approver with this key, \(known.name)") }
                guard !PersonName.mayBeSame(known.name, approver.name) else {
                    throw CentralError.nameTaken("an approver \(known.name), who could be the same person")
                }
            }
            try transaction.execute(
                """
                INSERT INTO approver (organization_id, name, key, added_at, added_by)
                VALUES (\(scope.organization.description), \(approver.name), \(approver.key.bytes), \(now), \(person.name))
                """)
        }
    }

    /// From the next approval on, theirs are not handed over any more; who registered and removed whom stays on record.
    package func remove(_ name: String, in scope: TenantScope, by person: OperatorCredential) async throws {
        let now = now().milliseconds
        try await database.write { transaction in
            let changed = try transaction.execute(
                """
                UPDATE approver SET removed_at = \(now), removed_by = \(person.name)
                WHERE organization_id = \(scope.organization.description) AND name = \(name) AND removed_at IS NULL
                """)
            guard changed == 1 else { throw CentralError.notFound("approver") }
        }
    }

    package func approvers(in scope: TenantScope) async throws -> [Approver] {
        try await database.read { try Self.approvers(in: scope, in: $0) }
    }

    private static func approvers(in scope: TenantScope, in transaction: any SQLTransaction) throws -> [Approver] {
        try transaction.query(
            "SELECT name, key FROM approver WHERE organization_id = \(scope.organization.description) AND removed_at IS NULL ORDER BY name"
        ).map { row in
            guard let key = VerifyingKey(bytes: try row.blob(1)), let approver = Approver(name: try row.text(0), key: key) else {
                throw DatabaseError.corrupt("an approver is not as it was registered")
            }
            return approver
        }
    }

    // MARK: What waits

    /// Takes what an appliance says waits now, in the transaction of its check-in. A text that is no plan of this appliance's is left
    /// out: it could not be approved either.
    static func hear(
        _ texts: [String], from credential: ApplianceCredential, at now: Timestamp, in transaction: any SQLTransaction
    ) throws {
        let appliance = credential.appliance.description
        var plans: [Digest: String] = [:]
        for text in texts {
            guard let statement = try? PlanStatement(parsing: text), statement.appliance == credential.appliance,
                statement.site == credential.site
            else { continue }
            plans[statement.digest] = statement.text
        }
        let known = Set(
            try transaction.query("SELECT plan FROM approval_request WHERE appliance_id = \(appliance)").map { try $0.digest(0) })
        for plan in known where plans[plan] == nil {
            try transaction.execute("DELETE FROM approval_request WHERE appliance_id = \(appliance) AND plan = \(plan.bytes)")
        }
        for (plan, text) in plans.sorted(by: { $0.key.description < $1.key.description }) where !known.contains(plan) {
            try transaction.execute(
                """
                INSERT INTO approval_request (appliance_id, plan, statement, heard_at)
                VALUES (\(appliance), \(plan.bytes), \(text), \(now.milliseconds))
                """)
        }
    }

    /// Oldest first.
    package func waiting(for credential: OperatorCredential) async throws -> [Waiting] {
        try await database.read { transaction in
            try transaction.query(
                """
                SELECT appliance.organization_id, approval_request.statement, approval_request.heard_at
                FROM approval_request JOIN appliance ON appliance.id = approval_request.appliance_id
                WHERE appliance.revoked_at IS NULL ORDER BY approval_request.heard_at, approval_request.plan
                """
            ).map { row in
                guard let statement = try? PlanStatement(parsing: try row.text(1)) else {
                    throw DatabaseError.corrupt("a plan that waits is not as it was heard")
                }
                return Waiting(organization: try row.parsed(0), statement: statement, heard: try row.instant(2))
            }
        }
    }

    // MARK: Approving

    /// Hands a signed approval over to the appliance, as an order. What the appliance would refuse is refused here first.
    package func deliver(_ envelope: String, of waiting: Waiting, by person: OperatorCredential) async throws -> Order {
        let (statement, scope) = (waiting.statement, TenantScope(person, organization: waiting.organization))
        let approvers = try await approvers(in: scope)
        let given: VerifiedApproval
        do throws(ApprovalRejection) {
            let verifier = try ApprovalVerifier(site: statement.site, appliance: statement.appliance, approvers: approvers)
            given = try verifier.verify(envelope, at: now())
            guard given.approval.plan == statement.digest else { throw .unknownPlan(given.approval.plan) }
            guard !PersonName.mayBeSame(statement.requester, given.approver.name) else { throw .samePerson(given.approver.name) }
        } catch {
            throw CentralError.approvalRefused(error.code, error.message)
        }
        return try await orders.create(
            OrderDraft(
                appliance: statement.appliance, host: statement.host, kind: .approve,
                parameters: [
                    Order.approvalParameter: .string(envelope),
                    Order.approversParameter: .strings(approvers.map(\.description)),
                ], timeToLive: OrderAuthenticator.ttlMax, requester: person.name,
                reason: "\(given.approver.name) approves plan \(statement.digest)"), in: scope)
    }
}
