import Database
import Logging
package import Model
package import Objects
import Seal

/// Tries each month, on every store, what must not succeed there. The result is a statement, whatever it is.
package struct RetentionDrills: Sendable {
    package static let interval: Duration = .seconds(30 * 86_400)
    /// After one that did not pass.
    package static let retryInterval: Duration = .seconds(86_400)
    /// After the first start: until then there is something to fill the store with, or to correct its settings.
    package static let firstDelay: Duration = .seconds(86_400)

    private let database: any SQLDatabase
    private let stores: ObjectStores
    private let statements: StatementStore
    private let now: @Sendable () -> Timestamp

    init(
        _ database: any SQLDatabase, _ stores: ObjectStores, statements: StatementStore, now: @escaping @Sendable () -> Timestamp
    ) {
        self.database = database
        self.stores = stores
        self.statements = statements
        self.now = now
    }

    package struct Result: Sendable {
        /// The organization whose store it is, or `central`.
        package let store: String
        package let report: DrillReport
        /// Of its statement.
        package let logIndex: Int64
    }

    /// All that are due by the schedule.
    package func turn() async throws -> [Result] {
        let now = now()
        let (latest, since) = try await database.read { transaction in
            let rows = try DrillTable.latest(in: transaction)
            let since = try WorkTable.list(in: transaction).first { $0.name == WorkName.drill.rawValue }?.since
            return (Dictionary(rows.map { ($0.store, $0) }, uniquingKeysWith: { first, _ in first }), since)
        }
        return try await drill { store in
            guard let last = latest[store] else { return now - (since ?? now) >= Self.firstDelay }
            // A clock that was put back does not put the next drill off.
            return now - last.at >= (last.failedCode == nil ? Self.interval : Self.retryInterval) || last.at > now
        }
    }

    /// All, now.
    package func all(for credential: OperatorCredential) async throws -> [Result] { try await drill { _ in true } }

    private func drill(where isDue: (String) -> Bool) async throws -> [Result] {
        let organizations: [OrganizationID] = try await database.read { transaction in
            try transaction.query("SELECT id FROM organization ORDER BY id").map { try $0.parsed(0) }
        }
        let shared = stores.configuration.storeName(of: nil)
        var results: [Result] = []
        for organization in [nil] + organizations.map(Optional.some) {
            // One that everybody shares is tried once.
            guard organization == nil || stores.configuration.storeName(of: organization) != shared else { continue }
            let name = organization?.description ?? "central"
            guard isDue(name) else { continue }
            results.append(try await drill(organization, name))
        }
        return results
    }

    private func drill(_ organization: OrganizationID?, _ name: String) async throws -> Result {
        let nonce = (0..<16).map { _ in UInt8.random(in: 0...255) }
        let report = await RetentionDrill(stores.store(of: organization)).run(at: now(), nonce: nonce)
        // Dead before here: it did not happen, and is due again.
        guard case .object(var members) = report.json else { preconditionFailure("a report is an object") }
        members["store"] = .string(name)
        let (payload, statements) = (JSONValue.object(members), statements)
        let subject: StatementSubject = organization.map { .organization(TenantScope(ofCentral: $0)) } ?? .everyone
        let index = try await statements.write { transaction in
            let statement = try statements.append(payload, kind: .drill, about: subject, in: transaction)
            try DrillTable.insert(report, store: name, logIndex: statement.logIndex, in: transaction)
            return statement.logIndex
        }
        return Result(store: name, report: report, logIndex: index)
    }
}

/// When each store was last tried.
enum DrillTable {
    struct Latest: Hashable, Sendable {
        let store: String
        let at: Timestamp
        /// nil: it passed, or there was none yet and this is since when there should be.
        let failedCode: String?
    }

    static func insert(_ report: DrillReport, store: String, logIndex: Int64, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO drill (store, log_index, started_at, code, is_passed)
            VALUES (\(store), \(logIndex), \(report.started.milliseconds), \(report.code), \(report.isPassed))
            """)
    }

    static func latest(in transaction: any SQLTransaction) throws -> [Latest] {
        let rows = try transaction.query(
            """
            SELECT store, started_at, code, is_passed FROM drill
            WHERE log_index = (SELECT MAX(log_index) FROM drill newer WHERE newer.store = drill.store) ORDER BY store
            """
        ).map { row in
            Latest(store: try row.text(0), at: try row.instant(1), failedCode: try row.integer(3) == 1 ? nil : try row.text(2))
        }
        return rows
    }
}
