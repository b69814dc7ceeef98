import Database
package import Model
import Seal
import Wire

package struct OrderSummary: Hashable, Sendable {
    package let id: OrderID
    package let appliance: ApplianceID
    package let sequence: Int64
    package let kind: Order.Kind
    package let host: HostID?
    package let runbook: RunbookID?
    package let requester: String
    package let reason: String
    package let issued: Timestamp
    package let expires: Timestamp
    package let state: String
    package let code: Code?
    package let evidenceSequence: Int64?
    package let check: CheckID?
}

/// What a person asks an appliance to do; becomes an `Order` when it has its number.
package struct OrderDraft: Sendable {
    package var appliance: ApplianceID
    package var host: HostID?
    package var kind: Order.Kind
    package var runbook: RunbookID?
    package var check: CheckID?
    package var parameters: [String: TypedValue]
    package var timeToLive: Duration
    package var requester: String
    package var reason: String

    package init(
        appliance: ApplianceID, host: HostID? = nil, kind: Order.Kind, runbook: RunbookID? = nil, check: CheckID? = nil,
        parameters: [String: TypedValue] = [:], timeToLive: Duration = OrderAuthenticator.ttlDefault, requester: String, reason: String
    ) {
        self.appliance = appliance
        self.host = host
        self.kind = kind
        self.runbook = runbook
        self.check = check
        self.parameters = parameters
        self.timeToLive = timeToLive
        self.requester = requester
        self.reason = reason
    }
}

/// Orders: created (signed, numbered) -> delivered -> acknowledged -> completed, failed or rejected; or expired.
package struct OrderStore: Sendable {
    private let database: any SQLDatabase
    private let now: @Sendable () -> Timestamp
    private let key: SigningKey
    private let faults: CentralFaults

    init(_ database: any SQLDatabase, now: @escaping @Sendable () -> Timestamp, key: SigningKey, faults: CentralFaults) {
        self.faults = faults
        self.database = database
        self.now = now
        self.key = key
    }

    /// Numbers and signs in one transaction: sequences have no gap, and none is used twice.
    package func create(_ draft: OrderDraft, in scope: TenantScope) async throws -> Order {
        let created = try await database.write { try create(draft, in: scope, $0) }
        faults.reached(.orderAfterCreate)
        return created
    }

    /// As part of something larger.
    func create(_ draft: OrderDraft, in scope: TenantScope, _ transaction: any SQLTransaction) throws -> Order {
        guard draft.timeToLive >= OrderAuthenticator.ttlMin, draft.timeToLive <= OrderAuthenticator.ttlMax else {
            throw CentralError.value("an order lives for 60 seconds to 7 days")
        }
        guard !draft.reason.isEmpty, draft.reason.utf8.count <= 2_000, !draft.requester.isEmpty else {
            throw CentralError.value("an order needs a requester and a reason of at most 2,000 bytes")
        }
        if draft.kind == .runbook, draft.runbook == nil || draft.check == nil {
            throw CentralError.value("an order of kind runbook names a runbook and a check")
        }
        let issued = now()
        let id = OrderID(at: issued)
        var random = SystemRandomNumberGenerator()
        let nonce = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }.hexadecimal
        let rows = try transaction.query(
            """
            UPDATE appliance SET order_sequence = order_sequence + 1
            WHERE id = \(draft.appliance.description) AND organization_id = \(scope.organization.description) AND revoked_at IS NULL
            RETURNING order_sequence, site_id
            """)
        guard let row = rows.first else { throw CentralError.notFound("appliance, or it is revoked") }
        let order = Order(
            id: id, site: try row.parsed(1), appliance: draft.appliance, host: draft.host, kind: draft.kind, runbook: draft.runbook,
            check: draft.check, parameters: draft.parameters, issued: issued, expires: issued + draft.timeToLive, nonce: nonce,
            sequence: try row.integer(0), requester: draft.requester, reason: draft.reason, approver: nil)
        // As the appliance will read it: what it would refuse for its form is not issued.
        do throws(FieldError) { _ = try Order(json: order.json) } catch { throw CentralError.orderField(error.message) }
        let envelope = try SignedOrder(signing: order, with: key).text
        guard envelope.utf8.count <= CheckinReply.orderBytesMax else { throw CentralError.orderTooLarge(envelope.utf8.count) }
        try transaction.execute(
            """
            INSERT INTO issued_order (id, appliance_id, site_id, organization_id, sequence, kind, host, runbook, check_id, requester, reason,
                envelope, issued_at, expires_at, state, changed_at)
            VALUES (\(id.description), \(order.appliance.description), \(order.site.description), \(scope.organization.description),
                \(order.sequence), \(order.kind.rawValue), \(order.host?.description), \(order.runbook?.description),
                \(order.check?.description), \(order.requester), \(order.reason), \(envelope), \(issued.milliseconds), \(order.expires.milliseconds), 'created',
                \(issued.milliseconds))
            """)
        faults.reached(.orderBeforeCreate)
        return order
    }

    /// Orders that wait for this appliance, oldest first; marks them delivered, and those past their time expired.
    static func deliver(to credential: ApplianceCredential, at now: Timestamp, in transaction: any SQLTransaction) throws -> [String] {
        let appliance = credential.appliance.description
        let waiting = try transaction.query(
            """
            SELECT sequence, expires_at, state, envelope FROM issued_order
            WHERE appliance_id = \(appliance) AND state IN ('created', 'delivered') ORDER BY sequence
            """)
        var envelopes: [String] = []
        var bytes = 0
        for row in waiting {
            let sequence = try row.integer(0)
            if try row.instant(1) <= now {
                try transaction.execute(
                    """
                    UPDATE issued_order SET state = 'expired', code = 'order.expired', changed_at = \(now.milliseconds)
                    WHERE appliance_id = \(appliance) AND sequence = \(sequence)
                    """)
                continue
            }
            // Only read when it may still be delivered. What does not fit comes with the next check-in; one always fits.
            guard envelopes.count < CheckinReply.ordersMax else { break }
            let envelope = try row.text(3)
            bytes += JSONValue.string(envelope).bytes.count + 1
            guard bytes <= CheckinReply.ordersBytesMax else { break }
            envelopes.append(envelope)
            if try row.text(2) == "created" {
                try transaction.execute(
                    """
                    UPDATE issued_order SET state = 'delivered', changed_at = \(now.milliseconds)
                    WHERE appliance_id = \(appliance) AND sequence = \(sequence)
                    """)
            }
        }
        return envelopes
    }

    /// What the appliance says became of an order. Repeating a report changes nothing; contradicting an ended order is refused.
    func report(_ report: OrderReport, by credential: ApplianceCredential) async throws {
        let (now, faults) = (now(), faults)
        let refusal: CentralError? = try await database.write { transaction in
            let rows = try transaction.query(
                """
                SELECT state FROM issued_order WHERE id = \(report.order.description) AND appliance_id = \(credential.appliance.description)
                    AND organization_id = \(credential.organization.description)
                """)
            guard let row = rows.first else { return .notFound("order") }
            let state = try row.text(0)
            switch (state, report.state) {
            case ("created", _), ("delivered", _), ("acknowledged", .completed), ("acknowledged", .failed), ("acknowledged", .rejected),
                ("acknowledged", .expired),
                // The appliance took it in time, and Central, hearing nothing, had given it up.
                ("expired", .acknowledged), ("expired", .completed), ("expired", .failed), ("expired", .rejected):
                try transaction.execute(
                    """
                    UPDATE issued_order SET state = \(report.state.rawValue), code = \(report.code?.description),
                        evidence_sequence = \(report.evidenceSequence), changed_at = \(now.milliseconds)
                    WHERE id = \(report.order.description)
                    """)
            case (report.state.rawValue, _), (_, .acknowledged): break
            default:
                let error = CentralError.orderEnded
                try RefusalStore.record(
                    source: credential.appliance.description, code: error.code, sentence: error.message, credential: credential, at: now,
                    in: transaction)
                faults.reached(.orderRefusalBeforeRecord)
                return error
            }
            faults.reached(.orderBeforeReport)
            return nil
        }
        if let refusal {
            if refusal == .orderEnded { faults.reached(.orderRefusalAfterRecord) }
            throw refusal
        }
        faults.reached(.orderAfterReport)
    }

    /// Newest first.
    package func list(appliance: ApplianceID?, for credential: OperatorCredential, limit: Int) async throws -> [OrderSummary] {
        let now = now()
        return try await database.read { transaction in
            try transaction.query(
                """
                SELECT id, appliance_id, sequence, kind, host, runbook, requester, reason, issued_at, expires_at, state, code,
                    evidence_sequence, check_id
                FROM issued_order WHERE \(appliance?.description ?? "") IN ('', appliance_id)
                ORDER BY issued_at DESC, sequence DESC LIMIT \(limit)
                """
            ).map { row in
                let expires = try row.instant(9)
                let state = try row.text(10)
                return OrderSummary(
                    id: try row.parsed(0), appliance: try row.parsed(1), sequence: try row.integer(2),
                    kind: Order.Kind(rawValue: try row.text(3)) ?? .check, host: try row.optionalText(4).flatMap(HostID.init),
                    runbook: try row.optionalText(5).flatMap(RunbookID.init), requester: try row.text(6), reason: try row.text(7),
                    issued: try row.instant(8), expires: expires,
                    state: expires <= now && (state == "created" || state == "delivered") ? "expired" : state,
                    code: try row.optionalText(11).flatMap(Code.init), evidenceSequence: try row.optionalInteger(12),
                    check: try row.optionalText(13).flatMap(CheckID.init))
            }
        }
    }
}
