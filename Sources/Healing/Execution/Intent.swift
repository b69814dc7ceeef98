package import Model
package import Seal

/// What the executor is about to do and how far it got: durable before every change, so that a crash leaves nothing unsaid.
///
/// It holds the steps themselves and not the runbook's name alone: the catalog may have changed by the next start.
package struct Intent: Hashable, Sendable {
    package static let schema = "martlet.intent/v1"

    package struct Step: Hashable, Sendable {
        package let verb: String
        package let arguments: [String: TypedValue]
        /// What restoring needs; nil until the step was about to start. From then on the host may have been changed.
        package internal(set) var captured: JSONValue?
        /// nil until the step ended, well or not.
        package internal(set) var record: ActionRecord?

        package init(verb: String, arguments: [String: TypedValue]) {
            self.verb = verb
            self.arguments = arguments
        }
    }

    package let plan: Plan
    package let started: Timestamp
    /// Time for all steps together, and again for putting back.
    package let timeout: Duration
    /// Facts of the observation that the plan was made for.
    package let preState: Facts
    package internal(set) var steps: [Step]

    package init(plan: Plan, started: Timestamp, timeout: Duration, preState: Facts, steps: [Step]) {
        self.plan = plan
        self.started = started
        self.timeout = timeout
        self.preState = preState
        self.steps = steps
    }
}

/// Keeps intents over a crash.
///
/// The executor never ends an intent: the caller does, in the transaction that appends the evidence of the result, so
/// that exactly one result is ever reported.
package protocol IntentStore: Sendable {
    /// Inserts or replaces the intent of this plan; on disk on return.
    func save(_ intent: Intent) async throws
    /// Those that were saved and whose result is not in evidence, oldest first.
    func unfinished() async throws -> [Intent]
}
