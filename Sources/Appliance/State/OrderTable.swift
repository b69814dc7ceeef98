package import Database
import Healing
package import Model
package import Wire

/// Orders that were accepted, envelopes that were refused, and what Central has yet to be told about either.
package enum OrderTable {
    package enum State: String, Sendable { case accepted, running, completed, failed, rejected, expired }

    package struct Entry: Hashable, Sendable {
        package let order: OrderID
        package let envelope: String
        package let sequence: Int64
        package let received: Timestamp
        package let state: State
        package let deferredUntil: Timestamp?
        package let deferCode: Code?

        /// How long after its receipt a deferred order may still begin: a maintenance window that comes once a week, and an hour
        /// for a change of summer time. Without a bound, what somebody asked for would be done in another year.
        package static let deferralMax: Duration = .seconds(7 * 86_400 + 3_600)

        /// Whether it is too late to begin. One that was deferred in time outlives its `expires`, for it was told to wait.
        package func isOver(_ order: Order, at now: Timestamp) -> Bool {
            guard state == .accepted else { return false }
            // It waits for a person, who was not told to come back by any later time than the order's own.
            if deferCode == GateCode.approval.code { return now >= order.expires }
            return now >= (deferredUntil == nil ? order.expires : max(order.expires, received + Self.deferralMax))
        }
    }

    // MARK: Accepting

    package static func isNonceSeen(_ nonce: String, in transaction: any SQLTransaction) throws -> Bool {
        try !transaction.query("SELECT 1 FROM order_inbox WHERE nonce = \(nonce)").isEmpty
    }

    package static func isKnown(_ order: OrderID, in transaction: any SQLTransaction) throws -> Bool {
        try !transaction.query("SELECT 1 FROM order_inbox WHERE order_id = \(order.description)").isEmpty
    }

    package static func isAccepted(_ envelope: Digest, in transaction: any SQLTransaction) throws -> Bool {
        try !transaction.query("SELECT 1 FROM order_inbox WHERE envelope_digest = \(envelope.bytes)").isEmpty
    }

    /// Takes nonce and sequence for good and owes Central an acknowledgement.
    package static func accept(
        _ order: Order, envelope: String, digest: Digest, at now: Timestamp, in transaction: any SQLTransaction
    ) throws {
        try transaction.execute(
            """
            INSERT INTO order_inbox (order_id, sequence, nonce, is_for_all, envelope, envelope_digest, state, received)
            VALUES (\(order.id.description), \(order.sequence), \(order.nonce), \(order.host == nil), \(envelope), \(digest.bytes), 'accepted', \(now.milliseconds))
            """)
        try SettingTable.write(.orderSequence, String(order.sequence), in: transaction)
        try owe(OrderReport(order: order.id, state: .acknowledged, code: nil, evidenceSequence: nil), in: transaction)
    }

    /// 0 before the first.
    package static func lastSequence(in transaction: any SQLTransaction) throws -> Int64 {
        try SettingTable.read(.orderSequence, in: transaction).flatMap { Int64($0) } ?? 0
    }

    // MARK: Carrying out

    /// Oldest first, without those that wait for their time.
    package static func due(at now: Timestamp, in transaction: any SQLTransaction) throws -> [Entry] {
        try transaction.query(
            """
            SELECT order_id, envelope, sequence, received, state, deferred_until, defer_code FROM order_inbox
            WHERE state IN ('accepted', 'running') AND (deferred_until IS NULL OR deferred_until <= \(now.milliseconds))
            ORDER BY sequence
            """
        ).map { row in
            guard let order = OrderID(try row.text(0)), let state = State(rawValue: try row.text(4)) else {
                throw StateError("order_inbox", try row.text(0))
            }
            return Entry(
                order: order, envelope: try row.text(1), sequence: try row.integer(2),
                received: Timestamp(milliseconds: try row.integer(3)),
                state: state, deferredUntil: try row.optionalInteger(5).map(Timestamp.init(milliseconds:)),
                deferCode: try row.optionalText(6).flatMap { Code($0) })
        }
    }

    package static func nextDeferred(in transaction: any SQLTransaction) throws -> Timestamp? {
        try transaction.query(
            "SELECT min(deferred_until) FROM order_inbox WHERE state IN ('accepted', 'running')"
        )[0].optionalInteger(0).map(Timestamp.init(milliseconds:))
    }

    package static func setRunning(_ order: OrderID, in transaction: any SQLTransaction) throws {
        try transaction.execute("UPDATE order_inbox SET state = 'running' WHERE order_id = \(order.description)")
    }

    package static func postpone(_ order: OrderID, until: Timestamp, code: Code, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            UPDATE order_inbox SET state = 'accepted', deferred_until = \(until.milliseconds), defer_code = \(code.description)
            WHERE order_id = \(order.description)
            """)
    }

    /// The order's end, and the report of it.
    package static func finish(
        _ order: OrderID, _ state: State, code: Code?, evidence: Int64, at now: Timestamp, in transaction: any SQLTransaction
    ) throws {
        try transaction.execute(
            """
            UPDATE order_inbox SET state = \(state.rawValue), deferred_until = NULL, finished = \(now.milliseconds)
            WHERE order_id = \(order.description)
            """)
        guard let reported = OrderReport.State(rawValue: state.rawValue) else { return }
        try owe(OrderReport(order: order, state: reported, code: code, evidenceSequence: evidence), in: transaction)
    }

    /// What became of the plan of an order for one host. An order for all hosts goes on until each had its turn.
    package static func concluded(
        _ order: OrderID, _ outcome: Outcome, evidence: Int64, at now: Timestamp, in transaction: any SQLTransaction
    ) throws {
        let isForOne =
            try transaction.query("SELECT 1 FROM order_inbox WHERE order_id = \(order.description) AND is_for_all = 0").count == 1
        guard isForOne else { return }
        let state: State =
            switch outcome {
            case .success, .observed: .completed
            case .rejected: .rejected
            case .expired: .expired
            default: .failed
            }
        try finish(order, state, code: outcome.code, evidence: evidence, at: now, in: transaction)
    }

    // MARK: Refusing

    package static func isRefused(_ envelope: Digest, in transaction: any SQLTransaction) throws -> Bool {
        try !transaction.query("SELECT 1 FROM order_refusal WHERE envelope_digest = \(envelope.bytes)").isEmpty
    }

    package static func refuse(_ envelope: Digest, _ code: Code, at now: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO order_refusal (envelope_digest, code, refused)
            VALUES (\(envelope.bytes), \(code.description), \(now.milliseconds)) ON CONFLICT DO NOTHING
            """)
    }

    // MARK: Reporting

    package static func owe(_ report: OrderReport, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO order_report (order_id, state, code, evidence_sequence)
            VALUES (\(report.order.description), \(report.state.rawValue), \(report.code?.description), \(report.evidenceSequence))
            ON CONFLICT DO NOTHING
            """)
    }

    /// In the order in which they came to be.
    package static func owed(limit: Int, in transaction: any SQLTransaction) throws -> [(number: Int64, report: OrderReport)] {
        try transaction.query(
            "SELECT number, order_id, state, code, evidence_sequence FROM order_report ORDER BY number LIMIT \(limit)"
        ).map { row in
            guard let order = OrderID(try row.text(1)), let state = OrderReport.State(rawValue: try row.text(2)) else {
                throw StateError("order_report", try row.text(1))
            }
            let report = OrderReport(
                order: order, state: state, code: try row.optionalText(3).flatMap { Code($0) },
                evidenceSequence: try row.optionalInteger(4))
            return (try row.integer(0), report)
        }
    }

    package static func settle(_ number: Int64, in transaction: any SQLTransaction) throws {
        try transaction.execute("DELETE FROM order_report WHERE number = \(number)")
    }

    /// Forgets bodies of orders long finished. Sequences only grow, so an old nonce cannot come back.
    package static func removeFinished(before instant: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute("DELETE FROM order_inbox WHERE finished < \(instant.milliseconds)")
        try transaction.execute("DELETE FROM order_refusal WHERE refused < \(instant.milliseconds)")
    }
}
