import Model
package import Seal

/// What goes over the wire to a provider.
package struct ModelQuestion: Sendable {
    package let address: String
    package let headers: [(String, String)]
    package let body: JSONValue
}

/// What came back, read strictly.
package struct ModelAnswer: Hashable, Sendable {
    package let calls: [ModelCall]
    /// As the provider counts; nil where it does not say.
    package let inputTokens: Int64?
    package let outputTokens: Int64?
    /// The model that the answer says it is from: a stranger's text.
    package let model: String
}

/// One wire format. Two are real: `AnthropicMessages` and `ChatCompletions`.
package protocol ModelDialect: Sendable {
    func question(_ prompt: Prompt, configuration: ProviderConfiguration, answerTokensMax: Int64) -> ModelQuestion
    /// - Parameter body: of an answer with status 200.
    func answer(_ body: JSONValue) throws(PlannerRefusal) -> ModelAnswer
    /// Tokens of an answer that cannot be used are paid for too.
    func usage(_ body: JSONValue) -> (input: Int64, output: Int64)?
}

extension ModelDialect {
    /// Plausible counts only.
    func tokens(_ usage: JSONValue?, _ input: String, _ output: String) -> (input: Int64, output: Int64)? {
        guard let usage, let read = usage[input]?.integer, let written = usage[output]?.integer, (0...1_000_000_000).contains(read),
            (0...1_000_000_000).contains(written)
        else { return nil }
        return (read, written)
    }
}
