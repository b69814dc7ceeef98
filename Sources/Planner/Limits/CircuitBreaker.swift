package import Model

/// Leaves a provider alone that keeps failing: closed, then open for a while, then half-open for one call that decides.
package struct CircuitBreaker: Hashable, Sendable {
    package enum State: Hashable, Sendable {
        case closed(failures: Int)
        case open(until: Timestamp, wait: Duration)
        /// One call is under way; others are refused.
        case halfOpen(wait: Duration)
    }

    /// Failures one after the other that open it.
    package let failuresMax: Int
    package let waitMin: Duration
    /// Each failed trial doubles the wait up to this.
    package let waitMax: Duration
    package private(set) var state: State = .closed(failures: 0)

    package init(failuresMax: Int = 5, waitMin: Duration = .seconds(60), waitMax: Duration = .seconds(900)) {
        self.failuresMax = max(failuresMax, 1)
        self.waitMin = waitMin
        self.waitMax = max(waitMax, waitMin)
    }

    /// A call is about to be made; `succeeded`, `failed` or `abandoned` must follow.
    package mutating func begin(at now: Timestamp) throws(PlannerRefusal) {
        switch state {
        case .closed: break
        case .open(let until, let wait):
            // A clock that was put back must not keep it open longer than its wait.
            guard now >= until || until - now > wait else { throw .circuitOpen(until: until) }
            state = .halfOpen(wait: wait)
        case .halfOpen(let wait): throw .circuitOpen(until: now + wait)
        }
    }

    package mutating func succeeded() {
        // An answer to a call from before it opened does not close it: the trial decides.
        if case .open = state { return }
        state = .closed(failures: 0)
    }

    package mutating func failed(at now: Timestamp) {
        switch state {
        case .closed(let failures):
            state = failures + 1 >= failuresMax ? .open(until: now + waitMin, wait: waitMin) : .closed(failures: failures + 1)
        case .halfOpen(let wait):
            let next = min(wait * 2, waitMax)
            state = .open(until: now + next, wait: next)
        case .open: break
        }
    }

    /// The call ended without a word about the provider; a trial is due again.
    package mutating func abandoned(at now: Timestamp) {
        if case .halfOpen(let wait) = state { state = .open(until: now, wait: wait) }
    }
}
