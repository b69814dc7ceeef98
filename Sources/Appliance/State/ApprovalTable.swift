package import Database
package import Model
package import Seal

/// Plans that wait for a second person, and the approvals that were given: each for one plan, and for one time.
package enum ApprovalTable {
    package struct Request: Hashable, Sendable {
        package let statement: PlanStatement
        package let asked: Timestamp
    }

    // MARK: Asking

    package static func isAsked(_ plan: Digest, in transaction: any SQLTransaction) throws -> Bool {
        try !transaction.query("SELECT 1 FROM approval_request WHERE plan = \(plan.bytes)").isEmpty
    }

    /// What was asked before for the same incident or order on this host and check is a plan that will not run any more.
    package static func ask(_ statement: PlanStatement, at now: Timestamp, in transaction: any SQLTransaction) throws {
        let digest = statement.digest
        try transaction.execute(
            """
            DELETE FROM approval_request WHERE host = \(statement.host.description) AND check_id = \(statement.check.description)
                AND plan <> \(digest.bytes) AND coalesce(order_id, '') = \(statement.order?.description ?? "")
            """)
        try transaction.execute(
            """
            INSERT INTO approval_request (plan, statement, host, check_id, incident, order_id, asked)
            VALUES (\(digest.bytes), \(statement.text), \(statement.host.description), \(statement.check.description),
                \(statement.incident?.description), \(statement.order?.description), \(now.milliseconds))
            ON CONFLICT (plan) DO NOTHING
            """)
    }

    /// Those that something still depends on, oldest first.
    package static func waiting(in transaction: any SQLTransaction) throws -> [Request] {
        try transaction.query(
            """
            SELECT statement, asked FROM approval_request AS request
            WHERE CASE WHEN order_id IS NULL
                THEN EXISTS (SELECT 1 FROM incident WHERE incident.id = request.incident AND state <> 'resolved')
                ELSE EXISTS (SELECT 1 FROM order_inbox WHERE order_inbox.order_id = request.order_id
                    AND order_inbox.state IN ('accepted', 'running')) END
            ORDER BY asked, plan
            """
        ).map { row in
            guard let statement = try? PlanStatement(parsing: try row.text(0)) else {
                throw StateError("approval_request", try row.text(0))
            }
            return Request(statement: statement, asked: Timestamp(milliseconds: try row.integer(1)))
        }
    }

    // MARK: Approving

    /// Whether this approval may be taken: it is new, its plan waits, and somebody else asked for that.
    package static func judge(_ given: VerifiedApproval, in transaction: any SQLTransaction) throws {
        let approval = given.approval
        guard try transaction.query("SELECT 1 FROM approval WHERE nonce = \(approval.nonce)").isEmpty else {
            throw ApprovalRejection.replayed
        }
        guard let request = try waiting(in: transaction).first(where: { $0.statement.digest == approval.plan }) else {
            throw ApprovalRejection.unknownPlan(approval.plan)
        }
        guard !PersonName.mayBeSame(request.statement.requester, given.approver.name) else {
            throw ApprovalRejection.samePerson(given.approver.name)
        }
    }

    /// Takes it for good, and lets what waited be judged again.
    package static func accept(
        _ given: VerifiedApproval, envelope: String, at now: Timestamp, in transaction: any SQLTransaction
    ) throws {
        let approval = given.approval
        let rows = try transaction.query("SELECT incident, order_id FROM approval_request WHERE plan = \(approval.plan.bytes)")
        try transaction.execute(
            """
            INSERT INTO approval (nonce, plan, approver, envelope, expires, received)
            VALUES (\(approval.nonce), \(approval.plan.bytes), \(given.approver.description), \(envelope),
                \(approval.expires.milliseconds), \(now.milliseconds))
            """)
        try transaction.execute("DELETE FROM approval_request WHERE plan = \(approval.plan.bytes)")
        guard let row = rows.first else { return }
        if let order = try row.optionalText(1) {
            try transaction.execute(
                "UPDATE order_inbox SET deferred_until = NULL, defer_code = NULL WHERE order_id = \(order) AND defer_code = 'gate.approval'"
            )
        } else if let id = try row.optionalText(0).flatMap({ IncidentID($0) }),
            var incident = try IncidentTable.find(id, in: transaction), incident.state == .escalated
        {
            incident.state = .open
            try IncidentTable.put(incident, in: transaction)
        }
    }

    // MARK: Using

    /// The newest that is good for this plan now, verified again from what its approver signed; nil when there is none.
    package static func usable(
        for plan: Digest, by verifier: (Approver) throws(ApprovalRejection) -> ApprovalVerifier, at now: Timestamp,
        in transaction: any SQLTransaction
    ) throws -> VerifiedApproval? {
        for row in try transaction.query(
            "SELECT approver, envelope FROM approval WHERE plan = \(plan.bytes) AND used_by IS NULL ORDER BY received DESC, nonce")
        {
            guard let approver = Approver(try row.text(0)) else { throw StateError("approval", try row.text(0)) }
            // One that does not hold any more, because it expired above all, is as good as none.
            if let given = try? verifier(approver).verify(try row.text(1), at: now) { return given }
        }
        return nil
    }

    /// Spends an approval on a plan, in the transaction that makes the plan's intent durable: never on two.
    package static func use(_ nonce: String, by plan: PlanID, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            "UPDATE approval SET used_by = \(plan.description) WHERE nonce = \(nonce) AND used_by IS NULL")
        let user = try transaction.query("SELECT used_by FROM approval WHERE nonce = \(nonce)").first?.optionalText(0)
        guard user == plan.description else { throw StateError("approval", nonce) }
    }

    /// The approval that a plan ran by; nil where it needed none.
    package static func used(by plan: PlanID, in transaction: any SQLTransaction) throws -> (approver: Approver, plan: Digest)? {
        guard
            let row = try transaction.query("SELECT approver, plan FROM approval WHERE used_by = \(plan.description)").first
        else { return nil }
        guard let approver = Approver(try row.text(0)), let digest = Digest(bytes: try row.blob(1)) else {
            throw StateError("approval", plan.description)
        }
        return (approver, digest)
    }

    /// Forgets approvals long expired, and requests that nothing depends on any more.
    package static func removeOld(before instant: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute("DELETE FROM approval WHERE expires < \(instant.milliseconds)")
        let waiting = Set(try waiting(in: transaction).map(\.statement.digest))
        for row in try transaction.query("SELECT plan FROM approval_request WHERE asked < \(instant.milliseconds)") {
            let bytes = try row.blob(0)
            guard let plan = Digest(bytes: bytes), !waiting.contains(plan) else { continue }
            try transaction.execute("DELETE FROM approval_request WHERE plan = \(bytes)")
        }
    }
}
