import Database
package import Evidence
package import Model
package import Planner

/// The planner as people see it: what is configured, what it may, what it was asked and what it cost.
package struct PlannerDesk: Sendable {
    package let model: ModelSettings.Model?
    package let `switch`: PlannerSwitch
    private let database: any SQLDatabase
    private let now: @Sendable () -> Timestamp

    init(_ model: ModelSettings.Model?, _ database: any SQLDatabase, now: @escaping @Sendable () -> Timestamp) {
        self.model = model
        self.database = database
        self.now = now
        `switch` = PlannerSwitch(database, now: now)
    }

    package struct Exchange: Hashable, Sendable {
        package let question: PlannerQuestion
        package let record: ExchangeRecord
        /// That took it to the appliance.
        package let order: OrderID?
    }

    /// - Parameter incident: its id; nil: of all. The newest first.
    package func exchanges(of incident: IncidentID?, limit: Int = 1_000) async throws -> [Exchange] {
        try await database.read { try PlannerTable.exchanges(of: incident, limit: limit, in: $0) }
    }

    /// What one site has used of its budgets.
    package struct Use: Hashable, Sendable {
        package let site: SiteID
        package let callsInTheHour: Int
        /// Millionths of a dollar.
        package let costInTheDay: Int64
    }

    package func use() async throws -> [Use] {
        let now = now()
        return try await database.read { try PlannerTable.calls(since: now - .seconds(86_400), in: $0) }
            .map { site, calls in
                Use(
                    site: site, callsInTheHour: calls.count { $0.at > now - .seconds(3_600) },
                    costInTheDay: calls.reduce(0) { $0 + $1.cost })
            }
            .sorted { $0.site.description < $1.site.description }
    }

    /// In the last 24 hours.
    package func outcomes() async throws -> [(word: String, count: Int64)] {
        let since = now() - .seconds(86_400)
        return try await database.read { try PlannerTable.outcomes(since: since, in: $0) }
    }
}
