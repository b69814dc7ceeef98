import Database
package import Model
import Seal

/// Legal holds: an organization whose evidence must not be pruned until somebody says so. Set and released by a person, stated and
/// logged; the archive's objects follow.
package struct LegalHolds: Sendable {
    private let statements: StatementStore
    private let database: any SQLDatabase
    private let now: @Sendable () -> Timestamp

    init(_ database: any SQLDatabase, statements: StatementStore, now: @escaping @Sendable () -> Timestamp) {
        self.database = database
        self.statements = statements
        self.now = now
    }

    package struct Hold: Hashable, Sendable {
        package let organization: OrganizationID
        package let isSet: Bool
        package let reason: String
        package let by: String
        package let made: Timestamp
        /// Its statement's place in the log.
        package let logIndex: Int64
    }

    /// Durable and stated on return; from here on nothing of the organization is pruned. Its objects are held at the archive's next pass.
    /// - Throws: `CentralError.holdUnchanged` where it is held, or not, already; `CentralError.value`, `.notFound`, `DatabaseError`.
    package func change(_ isSet: Bool, _ scope: TenantScope, reason: String, by credential: OperatorCredential) async throws -> Hold {
        guard (1...500).contains(reason.utf8.count), reason.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 }) else {
            throw CentralError.value("a reason has 1 to 500 bytes and no control characters")
        }
        let (organization, made, statements) = (scope.organization, now(), statements)
        return try await statements.write { transaction in
            guard try !transaction.query("SELECT 1 FROM organization WHERE id = \(organization.description)").isEmpty else {
                throw CentralError.notFound("organization")
            }
            guard try HoldTable.isHeld(organization, in: transaction) != isSet else { throw CentralError.holdUnchanged(isSet) }
            let number = try HoldTable.nextNumber(organization, in: transaction)
            let payload: JSONValue = [
                "schema": "martlet.hold/v1", "organization": .string(organization.description),
                "action": .string(isSet ? "set" : "release"), "number": .integer(number), "reason": .string(reason),
                "by": .string(credential.name), "made": .string(made.description),
            ]
            let statement = try statements.append(payload, kind: .hold, about: .organization(scope), in: transaction)
            let hold = Hold(
                organization: organization, isSet: isSet, reason: reason, by: credential.name, made: made, logIndex: statement.logIndex)
            try HoldTable.insert(hold, number: number, in: transaction)
            return hold
        }
    }

    /// Every change, oldest first.
    package func history(for credential: OperatorCredential) async throws -> [Hold] {
        try await database.read { try HoldTable.history(in: $0) }
    }
}

/// The rows: each change is one, the newest of an organization counts.
enum HoldTable {
    static func isHeld(_ organization: OrganizationID, in transaction: any SQLTransaction) throws -> Bool {
        try transaction.query(
            "SELECT is_set FROM legal_hold WHERE organization_id = \(organization.description) ORDER BY number DESC LIMIT 1"
        ).first?.integer(0) == 1
    }

    static func nextNumber(_ organization: OrganizationID, in transaction: any SQLTransaction) throws -> Int64 {
        try transaction.query(
            "SELECT COALESCE(MAX(number) + 1, 1) FROM legal_hold WHERE organization_id = \(organization.description)")[0].integer(0)
    }

    static func insert(_ hold: LegalHolds.Hold, number: Int64, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO legal_hold (organization_id, number, is_set, reason, made_by, made_at, log_index)
            VALUES (\(hold.organization.description), \(number), \(hold.isSet), \(hold.reason), \(hold.by), \(hold.made.milliseconds),
                \(hold.logIndex))
            """)
    }

    static func history(in transaction: any SQLTransaction) throws -> [LegalHolds.Hold] {
        try transaction.query(
            "SELECT organization_id, is_set, reason, made_by, made_at, log_index FROM legal_hold ORDER BY made_at, organization_id, number"
        ).map { row in
            LegalHolds.Hold(
                organization: try row.parsed(0), isSet: try row.integer(1) != 0, reason: try row.text(2), by: try row.text(3),
                made: try row.instant(4), logIndex: try row.integer(5))
        }
    }
}
