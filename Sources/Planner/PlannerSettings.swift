/// The planner's limits. Each is a house value.
package struct PlannerSettings: Sendable {
    /// For each site.
    package var callsPerHourMax = 30
    /// For each site, in millionths of a dollar.
    package var costPerDayMax: Int64 = 5_000_000
    /// Questions under way at once, of all sites.
    package var inFlightMax = 3
    /// For a whole exchange.
    package var deadline: Duration = .seconds(30)
    /// Exactly this sure is sure enough; below, a person decides.
    package var confidenceMin = 0.6
    /// What a model thinks before it answers counts as well.
    package var answerTokensMax: Int64 = 4_096
    package var cacheEntriesMax = 1_024
    package var cacheAgeMax: Duration = .seconds(86_400)
    package var breaker = CircuitBreaker()

    package init() {}
}
