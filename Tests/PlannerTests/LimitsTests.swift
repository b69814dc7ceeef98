import Model
import Planner
import Seal
import Testing

@Suite struct CallBudgetTests {
    let now = Desk.now

    @Test("Exactly the hour's calls are made; the next waits until the first is an hour old")
    func hour() throws {
        var budget = CallBudget(callsPerHourMax: 2, costPerDayMax: 100)
        _ = try budget.reserve(1, at: now)
        _ = try budget.reserve(1, at: now + .seconds(10))
        #expect(throws: PlannerRefusal.callBudget) { try budget.reserve(1, at: now + .milliseconds(3_599_999)) }
        _ = try budget.reserve(1, at: now + .seconds(3_600))
        #expect(throws: PlannerRefusal.callBudget) { try budget.reserve(1, at: now + .seconds(3_609)) }
    }

    @Test("The day's money is spent to the last millionth, counted at most until it is settled, and comes back after a day")
    func day() throws {
        var budget = CallBudget(callsPerHourMax: 100, costPerDayMax: 100)
        let first = try budget.reserve(60, at: now)
        #expect(throws: PlannerRefusal.dollarBudget) { try budget.reserve(41, at: now) }
        budget.settle(first, cost: 30)
        let second = try budget.reserve(70, at: now)
        #expect(throws: PlannerRefusal.dollarBudget) { try budget.reserve(1, at: now + .milliseconds(86_399_999)) }
        budget.cancel(second)
        _ = try budget.reserve(70, at: now)
        _ = try budget.reserve(100, at: now + .seconds(86_400))
        #expect(budget.calls.count == 1)
    }

    @Test func aRestartDoesNotGiveItAnewAndAClockPutBackDoesNotHoldItForYears() throws {
        var budget = CallBudget(callsPerHourMax: 1, costPerDayMax: 100, history: [(now + .seconds(86_400 * 400), 10)])
        #expect(throws: PlannerRefusal.callBudget) { try budget.reserve(1, at: now) }
        var other = CallBudget(callsPerHourMax: 1, costPerDayMax: 100, history: [(now - .seconds(3_600), 10)])
        #expect(throws: PlannerRefusal.dollarBudget) { try other.reserve(91, at: now) }
        _ = try other.reserve(90, at: now)
    }
}

@Suite struct CircuitBreakerTests {
    let now = Desk.now

    @Test("The last allowed failure opens it; after the wait one call decides, and a failed one doubles the wait up to the cap")
    func opens() throws {
        var breaker = CircuitBreaker(failuresMax: 2, waitMin: .seconds(60), waitMax: .seconds(100))
        try breaker.begin(at: now)
        breaker.failed(at: now)
        #expect(breaker.state == .closed(failures: 1))
        try breaker.begin(at: now)
        breaker.failed(at: now)
        #expect(throws: PlannerRefusal.circuitOpen(until: now + .seconds(60))) { try breaker.begin(at: now + .milliseconds(59_999)) }
        try breaker.begin(at: now + .seconds(60))
        #expect(throws: PlannerRefusal.self, "a second trial") { try breaker.begin(at: now + .seconds(60)) }
        breaker.failed(at: now + .seconds(60))
        #expect(breaker.state == .open(until: now + .seconds(160), wait: .seconds(100)))
        try breaker.begin(at: now + .seconds(160))
        breaker.abandoned(at: now + .seconds(160))
        try breaker.begin(at: now + .seconds(160))
        breaker.succeeded()
        #expect(breaker.state == .closed(failures: 0))
    }

    @Test func successBetweenFailuresKeepsItClosedAndALateOneDoesNotCloseIt() throws {
        var breaker = CircuitBreaker(failuresMax: 2, waitMin: .seconds(60), waitMax: .seconds(100))
        breaker.failed(at: now)
        breaker.succeeded()
        breaker.failed(at: now)
        #expect(breaker.state == .closed(failures: 1))
        breaker.failed(at: now)
        breaker.succeeded()
        #expect(breaker.state == .open(until: now + .seconds(60), wait: .seconds(60)))
        // A clock that was put back by a year.
        try breaker.begin(at: now - .seconds(86_400 * 365))
    }
}
