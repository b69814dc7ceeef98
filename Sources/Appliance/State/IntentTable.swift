package import Database
package import Healing
package import Model
import Seal

/// Plans that were admitted: from before their first step until their evidence is durable, and for a while after, because
/// cooldowns and budgets look back.
package enum IntentTable {
    package static func put(_ intent: Intent, in transaction: any SQLTransaction) throws {
        let body = String(decoding: try intent.json.canonicalBytes(), as: UTF8.self)
        let plan = intent.plan
        try transaction.execute(
            """
            INSERT INTO intent (plan_id, host, check_id, incident, order_id, body, begun)
            VALUES (\(plan.id.description), \(plan.host.description), \(plan.check.description), \(plan.incident?.description),
                \(plan.order?.description), \(body), \(intent.started.milliseconds))
            ON CONFLICT (plan_id) DO UPDATE SET body = excluded.body
            """)
    }

    /// Oldest first, without those that this version cannot read (`foreign`).
    package static func unfinished(in transaction: any SQLTransaction) throws -> [Intent] {
        try transaction.query("SELECT body FROM intent WHERE finished IS NULL ORDER BY begun, plan_id").compactMap {
            intent(try $0.text(0))
        }
    }

    /// Hosts on which another version of this program left a plan whose steps this one cannot read: how they stand nobody here can say.
    package static func foreign(in transaction: any SQLTransaction) throws -> Set<HostID> {
        var hosts: Set<HostID> = []
        for row in try transaction.query("SELECT host, body FROM intent WHERE finished IS NULL") where intent(try row.text(1)) == nil {
            guard let host = HostID(try row.text(0)) else { throw StateError("intent", try row.text(0)) }
            hosts.insert(host)
        }
        return hosts
    }

    /// nil: another version's, which this one leaves alone.
    private static func intent(_ body: String) -> Intent? {
        guard let json = try? JSONValue(parsing: Array(body.utf8), limits: JSONLimits(bytesMax: 16 << 20)) else { return nil }
        return try? Intent(json: json)
    }

    /// Whether a plan that this version carries out has begun there and not ended.
    package static func isUnderWay(host: HostID, check: CheckID, in transaction: any SQLTransaction) throws -> Bool {
        try transaction.query(
            "SELECT body FROM intent WHERE host = \(host.description) AND check_id = \(check.description) AND finished IS NULL"
        ).contains { intent(try $0.text(0)) != nil }
    }

    /// The intent's end; only in the transaction that appends its evidence. A plan that was never begun has no row.
    package static func finish(_ plan: PlanID, _ outcome: Outcome, at now: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            "UPDATE intent SET finished = \(now.milliseconds), outcome = \(outcome.word) WHERE plan_id = \(plan.description)")
    }

    /// A plan of an order for all hosts that one host may not have: it counts as ended there.
    package static func refuse(_ plan: Plan, _ code: Code, at now: Timestamp, in transaction: any SQLTransaction) throws {
        try put(Intent(plan: plan, started: now, timeout: .zero, preState: Facts(), steps: []), in: transaction)
        try finish(plan.id, .rejected(code), at: now, in: transaction)
    }

    /// Hosts on which an order's plan has come to its end, and how.
    package static func ends(of order: OrderID, in transaction: any SQLTransaction) throws -> [HostID: String] {
        var ends: [HostID: String] = [:]
        for row in try transaction.query(
            "SELECT host, outcome FROM intent WHERE order_id = \(order.description) AND finished IS NOT NULL")
        {
            if let host = HostID(try row.text(0)) { ends[host] = try row.text(1) }
        }
        return ends
    }

    /// When plans at this site began, since then; those that the executor refused did not.
    package static func plansBegun(since instant: Timestamp, in transaction: any SQLTransaction) throws -> [PlanID: Timestamp] {
        var plans: [PlanID: Timestamp] = [:]
        for row in try transaction.query(
            "SELECT plan_id, begun FROM intent WHERE begun >= \(instant.milliseconds) AND outcome IS NOT 'rejected'")
        {
            guard let plan = PlanID(try row.text(0)) else { throw StateError("intent", try row.text(0)) }
            plans[plan] = Timestamp(milliseconds: try row.integer(1))
        }
        return plans
    }

    /// End of the newest attempt on this host and check; its begin while it has not ended.
    package static func lastAttempt(host: HostID, check: CheckID, in transaction: any SQLTransaction) throws -> Timestamp? {
        try transaction.query(
            """
            SELECT max(coalesce(finished, begun)) FROM intent
            WHERE host = \(host.description) AND check_id = \(check.description)
            """)[0].optionalInteger(0).map(Timestamp.init(milliseconds:))
    }

    /// When the newest plan that succeeded ended, by host and check, since then.
    package static func repairs(since instant: Timestamp, in transaction: any SQLTransaction) throws -> [HostCheck: Timestamp] {
        var repairs: [HostCheck: Timestamp] = [:]
        for row in try transaction.query(
            """
            SELECT host, check_id, max(finished) FROM intent WHERE outcome = 'success' AND finished >= \(instant.milliseconds)
            GROUP BY host, check_id
            """)
        {
            guard let host = HostID(try row.text(0)), let check = CheckID(try row.text(1)) else {
                throw StateError("intent", try row.text(0))
            }
            repairs[HostCheck(host: host, check: check)] = Timestamp(milliseconds: try row.integer(2))
        }
        return repairs
    }

    /// Ends of the plans that succeeded on this host and check, since then.
    package static func repairs(
        host: HostID, check: CheckID, since instant: Timestamp, in transaction: any SQLTransaction
    ) throws -> [Timestamp] {
        try transaction.query(
            """
            SELECT finished FROM intent WHERE host = \(host.description) AND check_id = \(check.description)
                AND outcome = 'success' AND finished >= \(instant.milliseconds)
            """
        ).map { Timestamp(milliseconds: try $0.integer(0)) }
    }

    package static func removeFinished(before instant: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute("DELETE FROM intent WHERE finished < \(instant.milliseconds)")
    }
}

/// Where the executor keeps its intents.
struct SQLIntentStore: IntentStore {
    let database: any SQLDatabase
    let faults: Faults
    /// Nonce of the approval that the plan runs by: spent with its intent, so that a crash leaves either both or neither.
    var approval: String?

    func save(_ intent: Intent) async throws {
        let (faults, approval) = (faults, approval)
        try await database.write { transaction in
            if let approval { try ApprovalTable.use(approval, by: intent.plan.id, in: transaction) }
            try IntentTable.put(intent, in: transaction)
            faults.reached(.intentBeforeSave)
        }
        faults.reached(.intentAfterSave)
    }

    func unfinished() async throws -> [Intent] { try await database.read { try IntentTable.unfinished(in: $0) } }
}
