package import Model

/// What one site may spend on questions: calls in any hour, and money in any 24 hours. Both windows slide, so that nothing bursts at
/// midnight. A call is paid for before it is made, at the most that it can cost, and settled when it is known.
package struct CallBudget: Hashable, Sendable {
    package struct Call: Hashable, Sendable {
        let number: Int
        package let at: Timestamp
        /// Millionths of a dollar.
        package fileprivate(set) var cost: Int64
    }

    package let callsPerHourMax: Int
    /// Millionths of a dollar.
    package let costPerDayMax: Int64
    /// Of the last 24 hours.
    package private(set) var calls: [Call] = []
    private var next = 0

    /// - Parameter history: calls before a restart, as records have them; else a restart would give the budget anew.
    package init(callsPerHourMax: Int, costPerDayMax: Int64, history: [(at: Timestamp, cost: Int64)] = []) {
        self.callsPerHourMax = callsPerHourMax
        self.costPerDayMax = costPerDayMax
        for (at, cost) in history {
            calls.append(Call(number: next, at: at, cost: max(cost, 0)))
            next += 1
        }
    }

    /// - Parameter cost: the most that it can cost. A call that would pass the day's money by it is not made.
    package mutating func reserve(_ cost: Int64, at now: Timestamp) throws(PlannerRefusal) -> Int {
        // Times in the future come from a clock that was put back; they count as now.
        calls.removeAll { min($0.at, now) <= now - .seconds(86_400) }
        guard calls.count(where: { min($0.at, now) > now - .seconds(3_600) }) < callsPerHourMax else { throw .callBudget }
        let spent = calls.reduce(into: Int64(0)) { $0 = $0.addingReportingOverflow($1.cost).overflow ? .max : $0 + $1.cost }
        guard cost <= costPerDayMax, spent <= costPerDayMax - cost else { throw .dollarBudget }
        calls.append(Call(number: next, at: now, cost: cost))
        next += 1
        return next - 1
    }

    package mutating func settle(_ number: Int, cost: Int64) {
        guard let index = calls.firstIndex(where: { $0.number == number }) else { return }
        calls[index].cost = max(cost, 0)
    }

    /// The call was not made after all.
    package mutating func cancel(_ number: Int) { calls.removeAll { $0.number == number } }
}
