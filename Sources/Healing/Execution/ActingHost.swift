package import Hosts
package import Model
package import Seal

/// One part of one step of a plan, as the executor asks for it.
package struct StepCall: Sendable {
    package let plan: Plan
    /// From 0.
    package let number: Int
    package let step: Intent.Step
    /// Nothing starts after it, and nothing runs past it.
    package let deadline: Deadline

    package init(plan: Plan, number: Int, step: Intent.Step, deadline: Deadline) {
        self.plan = plan
        self.number = number
        self.step = step
        self.deadline = deadline
    }
}

/// A host that carries out steps by itself: it takes no commands, and decides on its own whether a step is one of its catalog's.
///
/// Each method means what the verb's of the same name means. What `capture` gives is for `apply`, `restore` and `settle` of the same
/// step of the same plan, and says nothing to us.
package protocol ActingHost: Host {
    func capture(_ call: StepCall) async throws(StepError) -> JSONValue
    func apply(_ call: StepCall, _ captured: JSONValue) async throws(StepError) -> StepEffect
    func restore(_ call: StepCall, _ captured: JSONValue) async throws(StepError)
    func settle(_ call: StepCall, _ captured: JSONValue) async throws(StepError)
    /// Whether it answers at all.
    func isThere() async -> Bool
}

/// Does the parts of steps until a deadline: by a verb and its commands, or through a host that acts by itself.
struct StepRunner: Sendable {
    let verbs: VerbRegistry
    let plan: Plan
    let hands: Hands

    func capture(_ number: Int, _ step: Intent.Step) async throws(StepError) -> JSONValue {
        if let host = hands.host as? any ActingHost { return try await host.capture(call(number, step)) }
        return try await verb(step).capture(VerbArguments(step.arguments), hands)
    }

    func apply(_ number: Int, _ step: Intent.Step, _ captured: JSONValue) async throws(StepError) -> StepEffect {
        if let host = hands.host as? any ActingHost { return try await host.apply(call(number, step), captured) }
        return try await verb(step).apply(VerbArguments(step.arguments), captured, hands)
    }

    func restore(_ number: Int, _ step: Intent.Step, _ captured: JSONValue) async throws(StepError) {
        if let host = hands.host as? any ActingHost { return try await host.restore(call(number, step), captured) }
        try await verb(step).restore(VerbArguments(step.arguments), captured, hands)
    }

    func settle(_ number: Int, _ step: Intent.Step, _ captured: JSONValue) async throws(StepError) {
        if let host = hands.host as? any ActingHost { return try await host.settle(call(number, step), captured) }
        try await verb(step).settle(VerbArguments(step.arguments), captured, hands)
    }

    func isThere() async -> Bool {
        if let host = hands.host as? any ActingHost { return await host.isThere() }
        return (try? await hands.run(["true"], atMost: .seconds(10))) != nil
    }

    private func call(_ number: Int, _ step: Intent.Step) -> StepCall {
        StepCall(plan: plan, number: number, step: step, deadline: hands.deadline)
    }

    private func verb(_ step: Intent.Step) throws(StepError) -> any Verb {
        guard let verb = verbs[step.verb] else { throw StepError("step.verb_missing", step.verb) }
        return verb
    }
}
