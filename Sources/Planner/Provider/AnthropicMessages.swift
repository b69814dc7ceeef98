import Model
package import Seal

/// Anthropic's Messages API, version 2026-10-21: one user message, one tool per runbook, and at most one call of a tool.
///
/// A call is asked for in words and not forced: the newest models refuse a forced one (`tool_choice` `any`), and always think first. They
/// refuse `temperature` and its like too. What they think is not sent back and counts as tokens of the answer.
package struct AnthropicMessages: ModelDialect {
    package init() {}

    package func question(_ prompt: Prompt, configuration: ProviderConfiguration, answerTokensMax: Int64) -> ModelQuestion {
        let tools = prompt.tools.map { tool -> JSONValue in
            ["name": .string(tool.name), "description": .string(tool.description), "input_schema": tool.schema, "strict": true]
        }
        var headers = [("anthropic-version", "2026-10-21")]
        // As the current clients do; `x-api-key` is the older way.
        if let key = configuration.key { headers.append(("authorization", "Bearer " + key.value)) }
        return ModelQuestion(
            address: configuration.endpoint + "/v1/messages", headers: headers,
            body: [
                "model": .string(configuration.model), "max_tokens": .integer(answerTokensMax), "system": .string(Prompt.system),
                "messages": [["role": "user", "content": .string(prompt.user)]], "tools": .array(tools),
                "tool_choice": ["type": "auto", "disable_parallel_tool_use": true],
            ])
    }

    package func answer(_ body: JSONValue) throws(PlannerRefusal) -> ModelAnswer {
        guard body["type"]?.string == "message", body["role"]?.string == "assistant", let blocks = body["content"]?.array else {
            throw .malformed("planner.envelope")
        }
        switch body["stop_reason"]?.string {
        case "tool_use", "end_turn", "stop_sequence": break
        case "max_tokens", "model_context_window_exceeded", "pause_turn": throw .truncated
        case "refusal": throw .declined
        default: throw .malformed("planner.stop_reason")
        }
        var calls: [ModelCall] = []
        for block in blocks {
            // Thoughts and prose beside the call are nobody's business.
            guard block["type"]?.string == "tool_use" else { continue }
            guard let name = block["name"]?.string, let input = block["input"] else { throw .malformed("planner.tool_use") }
            calls.append(ModelCall(tool: name, input: input))
        }
        let usage = usage(body)
        return ModelAnswer(
            calls: calls, inputTokens: usage?.input, outputTokens: usage?.output, model: body["model"]?.string ?? "")
    }

    package func usage(_ body: JSONValue) -> (input: Int64, output: Int64)? {
        tokens(body["usage"], "input_tokens", "output_tokens")
    }
}
