import Database
package import Learning
package import Model
package import Seal
import TransparencyLog

/// What Central says over its own signature, beside receipts and orders. The word stands in the table.
package enum StatementKind: String, Hashable, Sendable, CaseIterable {
    /// `martlet.gap/v1`: an appliance was not heard of.
    case gap
    /// `martlet.exception/v1`: something need not be seen for a time.
    case exception
    /// A drill of the object store's retention.
    case drill
    /// A legal hold, set or lifted.
    case hold
    case anchorStall = "anchor-stall"
    /// `martlet.pruned/v1`: evidence whose term was over is gone.
    case pruned
    /// `martlet.enablement/v1`: a check, rule or runbook was switched off, or on again.
    case enablement
    /// `martlet.pattern-stage/v1`: a learned rule went from one stage to another. In no kit: it speaks of more than one practice.
    case patternStage = "pattern-stage"
}

/// Whom a statement concerns.
package enum StatementSubject: Hashable, Sendable {
    /// Every organization: what Central does for all of them together.
    case everyone
    /// All sites of one organization.
    case organization(TenantScope)
    case site(SiteID, TenantScope)
    /// A partner, and no single one of its organizations.
    case partner(PartnerID)
}

/// A statement as it is held; nothing about it was verified since it was signed.
package struct StoredStatement: Hashable, Sendable {
    /// Its place in the log, and its name: no other has it.
    package let logIndex: Int64
    package let kind: StatementKind
    /// nil, here and below: all.
    package let organization: OrganizationID?
    package let site: SiteID?
    /// SHA-256 of the payload's canonical bytes, as the log names it.
    package let digest: Digest
    /// `SignedEnvelope` text.
    package let envelope: String
    package let made: Timestamp

    package static let bytesMax = 65_536

    /// - Throws: `EnvelopeError` when it is not what one of these keys signed.
    package func payload(schema: String, keys: [VerifyingKey]) throws(EnvelopeError) -> JSONValue {
        let limits = JSONLimits.signed(bytesMax: 2 * Self.bytesMax)
        return try SignedEnvelope(parsing: envelope, limits: limits).open(schema: schema, keys: keys, limits: limits).payload
    }
}

/// Central's signed statements. Rows are added and never changed or removed.
package struct StatementStore: Sendable {
    private let database: any SQLDatabase
    private let now: @Sendable () -> Timestamp
    private let key: SigningKey
    private let faults: CentralFaults

    init(_ database: any SQLDatabase, now: @escaping @Sendable () -> Timestamp, key: SigningKey, faults: CentralFaults) {
        self.database = database
        self.now = now
        self.key = key
        self.faults = faults
    }

    /// Signs, gives a place in the log and stores, in one transaction. An identical one that is there already is returned as it is.
    ///
    /// - Parameters:
    ///   - payload: with its `schema`.
    ///   - during: the time that it speaks of, by which it is found; nil: when it was made.
    /// - Throws: `CentralError.notFound` for a site of another organization, `CentralError.value`, `DatabaseError`. Nothing was stated.
    package func append(
        _ payload: JSONValue, kind: StatementKind, about subject: StatementSubject, during: Range<Timestamp>? = nil
    ) async throws -> StoredStatement {
        try await write { transaction in
            try append(payload, kind: kind, about: subject, during: during, in: transaction)
        }
    }

    /// A transaction of whoever decides by what is there what is to be stated. The steps of a sudden end stand around it.
    func write<Result: Sendable>(_ body: @escaping @Sendable (any SQLTransaction) throws -> Result) async throws -> Result {
        let faults = faults
        let result = try await database.write { transaction in
            let result = try body(transaction)
            faults.reached(.statementBeforeCommit)
            return result
        }
        faults.reached(.statementAfterCommit)
        return result
    }

    /// As above, in the transaction of what it is about.
    func append(
        _ payload: JSONValue, kind: StatementKind, about subject: StatementSubject, during: Range<Timestamp>? = nil,
        in transaction: any SQLTransaction
    ) throws -> StoredStatement {
        guard payload["schema"]?.string != nil else { throw CentralError.value("a statement names its schema") }
        let envelope: SignedEnvelope
        do throws(JSONError) { envelope = try SignedEnvelope(signing: payload, with: key) } catch {
            throw CentralError.value("a statement has a canonical form (\(error.code))")
        }
        guard envelope.payload.count <= StoredStatement.bytesMax else {
            throw CentralError.value("a statement has at most \(StoredStatement.bytesMax) bytes")
        }
        let digest = Digest(of: envelope.payload)
        if let same = try transaction.query("\(raw: Self.columns) WHERE digest = \(digest.bytes)").first {
            return try Self.statement(same)
        }
        let (organization, site, partner): (OrganizationID?, SiteID?, PartnerID?) =
            switch subject {
            case .everyone: (nil, nil, nil)
            case .organization(let scope): (scope.organization, nil, nil)
            case .site(let site, let scope): (scope.organization, site, nil)
            case .partner(let partner): (nil, nil, partner)
            }
        if let site, let organization {
            let owned = try transaction.query(
                "SELECT 1 FROM site WHERE id = \(site.description) AND organization_id = \(organization.description)")
            guard !owned.isEmpty else { throw CentralError.notFound("site") }
        }
        let made = try LogSequence.instant(now(), in: transaction)
        let during = during ?? made..<(made + .milliseconds(1))
        let index = try LogSequence.append([LogEntry(document: digest, signer: key.verifyingKey)], in: transaction)
        try transaction.execute(
            """
            INSERT INTO statement (log_index, kind, organization_id, site_id, partner, digest, envelope, from_at, until_at, made_at)
            VALUES (\(index), \(kind.rawValue), \(organization?.description), \(site?.description), \(partner?.description),
                \(digest.bytes), \(envelope.text), \(during.lowerBound.milliseconds), \(during.upperBound.milliseconds), \(made.milliseconds))
            """)
        return StoredStatement(
            logIndex: index, kind: kind, organization: organization, site: site, digest: digest, envelope: envelope.text, made: made)
    }

    /// What concerns a site: its own, those of its organization and those of everyone, as they stand in the log.
    ///
    /// - Parameters:
    ///   - kinds: nil: all.
    ///   - during: only what speaks of a time that touches it.
    package func list(
        of site: SiteID, in scope: TenantScope, kinds: Set<StatementKind>? = nil, during: Range<Timestamp>? = nil
    ) async throws -> [StoredStatement] {
        try await database.read { try list(of: site, in: scope, kinds: kinds, during: during, in: $0) }
    }

    func list(
        of site: SiteID, in scope: TenantScope, kinds: Set<StatementKind>? = nil, during: Range<Timestamp>? = nil,
        in transaction: any SQLTransaction
    ) throws -> [StoredStatement] {
        let span = during ?? Timestamp(milliseconds: .min)..<Timestamp(milliseconds: .max)
        return try transaction.query(
            """
            \(raw: Self.columns)
            WHERE ((site_id = \(site.description) AND organization_id = \(scope.organization.description))
                    OR (site_id IS NULL AND organization_id = \(scope.organization.description))
                    OR (site_id IS NULL AND organization_id IS NULL AND partner IS NULL))
                AND from_at < \(span.upperBound.milliseconds) AND until_at > \(span.lowerBound.milliseconds)
            ORDER BY log_index
            """
        ).map(Self.statement).filter { kinds?.contains($0.kind) ?? true }
    }

    /// What concerns a partner, as it stands in the log.
    func list(of partner: PartnerID, in transaction: any SQLTransaction) throws -> [StoredStatement] {
        try transaction.query("\(raw: Self.columns) WHERE partner = \(partner.description) ORDER BY log_index").map(Self.statement)
    }

    var verifyingKey: VerifyingKey { key.verifyingKey }

    private static let columns: StaticString =
        "SELECT log_index, kind, organization_id, site_id, digest, envelope, made_at FROM statement"

    private static func statement(_ row: Row) throws -> StoredStatement {
        guard let kind = StatementKind(rawValue: try row.text(1)) else { throw DatabaseError.corrupt("a statement is of no known kind") }
        return StoredStatement(
            logIndex: try row.integer(0), kind: kind, organization: try row.optionalText(2).flatMap(OrganizationID.init),
            site: try row.optionalText(3).flatMap(SiteID.init), digest: try row.digest(4), envelope: try row.text(5),
            made: try row.instant(6))
    }
}
